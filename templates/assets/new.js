// Marks new films, and shows notifications of new films.
//
// Marks the films that came while the page was open, and the films that came since the last visit.
// A card has the time at which its film came, as a time of the data. The browser keeps the time of
// the last visit, also as a time of the data, so the clock of the visitor does not matter. A visit
// lasts as long as its tab.
//
// Shows notifications to visitors who asked for them, while a tab is open. A hidden tab reads
// `freshness.json` as a visible tab does, and fetches the steps that it missed.
//
// Looks for `[data-said]` (`data-new` is the text of the mark), cards `[data-film-id]` with
// `data-since`, and the button `[data-notify]`. Offers `came` and `tells` of `moviesGen`. Needs
// patch.js.
(() => {
  "use strict";
  const site = window.moviesGen;
  const said = document.querySelector("[data-said]");
  if (!site?.patch || !said) return;
  const SEEN = "movies-gen-seen", SINCE = "movies-gen-since";
  const TELLS = "movies-gen-tells", WORKS = "movies-gen-notifications";
  // The time of the data that the visitor had seen when this visit began; empty in the first visit
  // of all.
  if (site.session.get(SINCE) === null) site.session.set(SINCE, site.local.get(SEEN) ?? "");
  const since = site.session.get(SINCE);
  // Ids of the films that came while the page was open.
  const came = new Set();
  const button = document.querySelector("[data-notify]");

  const mark = () => {
    for (const card of document.querySelectorAll("[data-film-id]")) {
      const { filmId, since: at } = card.dataset;
      const isNew = came.has(filmId) || (since && at > since);
      if (isNew && card.dataset.new !== said.dataset.new) card.dataset.new = said.dataset.new;
    }
  };
  // Stops offering notifications in this browser, after the browser refused to show a notification.
  const withdraw = () => {
    site.tells = false;
    site.local.set(WORKS, "0");
    if (button) button.hidden = true;
  };
  // The tag is the generation, so several tabs together show one notification.
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
  // The visitor has seen the data of a page that is visible and current.
  document.addEventListener("movies-gen:look", ({ detail: told }) => {
    if (!document.hidden && told.generation === site.generation) site.local.set(SEEN, told.as_of);
  });
  document.addEventListener("movies-gen:patched", mark);
  mark();

  // Chrome for Android has `Notification`, but its constructor throws an error. The script tests
  // the constructor once, while the page has no permission, because no notification appears then.
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
  const show = (isAsked) => {
    site.tells = site.local.get(TELLS) === "1" && Notification.permission === "granted";
    button.setAttribute("aria-pressed", String(site.tells));
    const isDenied = Notification.permission === "denied";
    // Say so to a visitor who has just asked, and do not offer notifications on later pages.
    if (isDenied && isAsked === true) {
      site.write(button, button.dataset.denied ?? "");
      button.disabled = true;
      site.announce.text(button.textContent);
    } else button.hidden = isDenied;
  };
  button.addEventListener("click", async () => {
    if (site.tells) site.local.set(TELLS, "");
    else if (await Notification.requestPermission() === "granted") site.local.set(TELLS, "1");
    show(true);
  });
  addEventListener("storage", (event) => event.key === TELLS && show());
  show();
})();
