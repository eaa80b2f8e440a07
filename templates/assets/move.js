// From list to film and back the poster goes along, where the browser moves between pages: it gets
// a name for that moment. By the object model, since the site's policy knows no style in markup.
(() => {
  "use strict";
  let named = null;
  const name = (transition, poster) => {
    // Two of one name would end the move; a page that comes back from the cache may still have one.
    if (named) named.style.viewTransitionName = "";
    named = transition && poster;
    if (named) named.style.viewTransitionName = "film";
  };
  const own = () => document.querySelector(".sheet .poster");
  const leadingTo = (url) => [...document.querySelectorAll(".card, .also li")]
    .find((film) => film.querySelector("a")?.href === url)?.querySelector(".poster");

  addEventListener("pageswap", (event) =>
    name(event.viewTransition, leadingTo(event.activation?.entry?.url) ?? own()));
  addEventListener("pagereveal", (event) => {
    name(event.viewTransition, own() ?? leadingTo(globalThis.navigation?.activation?.from?.url));
    event.viewTransition?.finished.finally(() => name(null));
  });
})();
