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
  const SEEN = "movies-gen-seen", SINCE = "movies-gen-since";
  const TELLS = "movies-gen-tells", WORKS = "movies-gen-notifications";
  // What the last visit had seen when this one began; nothing at the first of all.
  if (site.session.get(SINCE) === null) site.session.set(SINCE, site.local.get(SEEN) ?? "");
  const since = site.session.get(SINCE);
  const came = new Set();
  const button = document.querySelector("[data-notify]");

  const mark = () => {
    for (const card of document.querySelectorAll("[data-film-id]")) {
      const { filmId, since: at } = card.dataset;
      const isNew = came.has(filmId) || (since && at > since);
      if (isNew && card.dataset.new !== said.dataset.new) card.dataset.new = said.dataset.new;
    }
  };
  const withdraw = () => {
    site.tells = false;
    site.local.set(WORKS, "0");
    if (button) button.hidden = true;
  };
  // Several tabs tell one thing once.
  const tell = (added, tag) => {
    const icon = document.querySelector("link[rel=icon]")?.href;
    try {
      const told = new Notification(site.announce.sentence({ added }), { tag, icon });
      told.onclick = () => {
        window.focus();
        if (added[0].url) location.assign(added[0].url);
      };
    } catch {
      withdraw();
    }
  };
  site.came = (added, tag) => {
    if (!added.length) return;
    for (const { id } of added) came.add(id);
    mark();
    if (site.tells) tell(added, tag);
  };
  // What a visible page shows is seen.
  document.addEventListener("movies-gen:look", ({ detail: told }) => {
    if (!document.hidden && told.generation === site.generation) site.local.set(SEEN, told.as_of);
  });
  document.addEventListener("movies-gen:patched", mark);
  mark();

  // Some browsers have notifications and let no page show one: Chrome for Android. Whether this one
  // does is tried once, while none is allowed: then none is shown.
  const isAndroidChrome = /Android.*Chrome/.test(navigator.userAgent);
  const works = () => {
    if (!("Notification" in window) || !site.announce) return false;
    const known = site.local.get(WORKS);
    if (known) return known === "1";
    if (Notification.permission === "granted") return !isAndroidChrome;
    try {
      new Notification("", { silent: true, tag: WORKS }).close?.();
      site.local.set(WORKS, "1");
      return true;
    } catch {
      return false;
    }
  };
  if (!button || !works()) return;
  const show = () => {
    site.tells = site.local.get(TELLS) === "1" && Notification.permission === "granted";
    button.setAttribute("aria-pressed", String(site.tells));
    button.hidden = Notification.permission === "denied";
  };
  button.addEventListener("click", async () => {
    if (site.tells) site.local.set(TELLS, "");
    else if (await Notification.requestPermission() === "granted") site.local.set(TELLS, "1");
    show();
  });
  addEventListener("storage", (event) => event.key === TELLS && show());
  show();
})();
