// How old the data is, as freshness.json tells it. The visitor's clock may be wrong, so it is not
// asked: the age is that of the data at the moment of the answer (its own Date), and what has
// passed here since. It goes on when nobody answers any more.
(() => {
  "use strict";
  // What the scripts of a page know of each other.
  const site = (window.moviesGen ??= {});
  const line = document.querySelector("[data-freshness]");
  const notice = document.querySelector("[data-stale]");
  if (!line) return;
  const age = line.querySelector("[data-age]");
  const newer = line.querySelector("[data-newer]");
  // Looks that are closer than this would be a burden on the site.
  const LEAST = 5;
  // Also where the page that is shown stands for another address, as for one that is not there.
  newer.href = location.href;
  let known = null;
  let timer = 0;

  // A length of time in the largest unit that fits.
  const inWords = (seconds) => {
    const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"];
    return `${Math.floor(seconds / size)}\u00a0${unit}`;
  };
  const say = (element, seconds) => {
    const text = seconds === null ? "" : element.dataset.text.replace("{age}", inWords(seconds));
    // Said again, it would be read aloud again.
    if (element.textContent !== text) element.textContent = text;
  };

  const show = () => {
    if (!known) return;
    const seconds = known.age + (performance.now() - known.at) / 1000;
    const isOld = seconds > 2 * known.maxAge;
    say(age, seconds);
    line.hidden = false;
    line.classList.toggle("old", isOld);
    // Whole minutes: a notice that changes each second cannot be read.
    say(notice, isOld ? Math.max(60, Math.floor(seconds / 60) * 60) : null);
    notice.hidden = !isOld;
  };

  const look = async () => {
    clearTimeout(timer);
    let wait = 60;
    try {
      const answer = await fetch(line.dataset.freshness, { cache: "no-cache" });
      const told = await answer.json();
      const asked = (Date.parse(answer.headers.get("date")) - Date.parse(told.as_of)) / 1000;
      if (answer.ok && !Number.isNaN(asked)) {
        // A page that follows the news says itself what it shows.
        if (!site.follows) site.generation ??= told.generation;
        const isShown = told.generation === site.generation;
        // What has come since is not what this page shows.
        newer.hidden = isShown || site.follows === true;
        if (isShown || !known) {
          known = { age: Math.max(0, asked), at: performance.now(), maxAge: told.max_age_seconds };
        }
        wait = told.interval_seconds;
        // Files alone have no events, and nobody who names the generation in a header.
        const isServed = answer.headers.has("x-generation");
        document.dispatchEvent(new CustomEvent("movies-gen:look", { detail: { ...told, isServed } }));
      }
    } catch {
      // Nobody answers: what is known gets older.
    }
    show();
    // Not all at once, when many pages were opened by one piece of news.
    timer = setTimeout(wake, 1000 * Math.max(LEAST, wait) * (1 + Math.random() / 5));
  };
  const wake = () => {
    if (!document.hidden || site.tells) look();
  };

  setInterval(() => document.hidden || show(), 1000);
  document.addEventListener("visibilitychange", wake);
  // The dot before the age breathes once when news is shown.
  let shown = null;
  const breathe = () => {
    const isNews = shown && shown !== site.generation;
    shown = site.generation;
    if (!isNews || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    age.animate({ transform: ["none", "scale(2)", "none"] }, { duration: 500, pseudoElement: "::before" });
  };
  // The page shows something else now, and its age is another.
  document.addEventListener("movies-gen:shown", () => {
    breathe();
    clearTimeout(timer);
    timer = setTimeout(wake, 1500 * Math.random());
  });
  site.look = look;
  // Also out of the back/forward cache.
  addEventListener("pageshow", wake);
})();
