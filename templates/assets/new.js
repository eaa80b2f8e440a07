// New films. Marked: those that came while the page was open, and those that came since the last
// visit. When a film came is in its card, in the time of the data; when the last visit was is kept in
// the browser, in the same time, so the visitor's clock is not asked. A visit is what one tab sees.
// And told of by the browser, while a tab is open, to whoever asked for it: a hidden tab looks at
// freshness.json as a visible one does, and fetches what it missed.
(() => {
  "use strict";
  const site = window.moviesGen;
  const said = document.querySelector("[data-said]");
  if (!site?.patch || !said) return;
  const SEEN = "movies-gen-seen", SINCE = "movies-gen-since", TELLS = "movies-gen-tells";
  // What the last visit had seen when this one began; nothing at the first of all.
  if (site.session.get(SINCE) === null) site.session.set(SINCE, site.stored(SEEN) ?? "");
  const since = site.session.get(SINCE);
  const came = new Set();

  const mark = () => {
    for (const card of document.querySelectorAll("[data-film-id]")) {
      const { filmId, since: at } = card.dataset;
      if (came.has(filmId) || (since && at > since)) card.dataset.new = said.dataset.new;
    }
  };
  // Several tabs tell one thing once.
  const tell = (added, tag) => {
    const icon = document.querySelector("link[rel=icon]")?.href;
    const told = new Notification(site.sentence({ added }), { tag, icon });
    told.onclick = () => {
      window.focus();
      if (added[0].url) location.assign(added[0].url);
    };
  };
  site.came = (added, tag) => {
    for (const { id } of added) came.add(id);
    mark();
    if (site.tells && added.length) tell(added, tag);
  };
  // What a visible page shows is seen.
  document.addEventListener("movies-gen:look", ({ detail: told }) => {
    if (!document.hidden && told.generation === site.generation) site.store(SEEN, told.as_of);
  });
  document.addEventListener("movies-gen:patched", mark);
  mark();

  const button = document.querySelector("[data-notify]");
  if (!button || !("Notification" in window)) return;
  const show = () => {
    site.tells = site.stored(TELLS) === "1" && Notification.permission === "granted";
    button.setAttribute("aria-pressed", String(site.tells));
    button.hidden = Notification.permission === "denied";
  };
  button.addEventListener("click", async () => {
    if (site.tells) site.store(TELLS, "");
    else if (await Notification.requestPermission() === "granted") site.store(TELLS, "1");
    show();
  });
  addEventListener("storage", (event) => event.key === TELLS && show());
  show();
})();
