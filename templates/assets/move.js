// Moves the poster with the visitor from the list to the film and back, in browsers with
// transitions between pages. During the transition the poster has a name. The script sets the name
// through the object model, because the content security policy allows no inline style.
//
// Looks for `.poster` in `.card`, in `.also li` and in `.sheet`. Offers no entry of `moviesGen`.
(() => {
  "use strict";
  let named = null;
  const name = (transition, poster) => {
    // Two elements with the same name would cancel the transition. A page that returns from the
    // back/forward cache may still have an element with the name.
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
    // A transition that the browser gives up rejects both promises; this is no fault of the page.
    const { ready, finished } = event.viewTransition ?? {};
    Promise.allSettled([ready, finished]).then(() => name(null));
  });
})();
