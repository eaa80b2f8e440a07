// What all scripts of a page share, and how old the data is. The age comes from freshness.json. The
// visitor's clock may be wrong, so no script asks it: the age is that of the data at the moment of
// the answer (its own Date), plus the time that has passed here since. The age keeps growing when
// nobody answers any more.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});

  // Values by name, kept by the browser; in memory alone where the browser keeps nothing.
  const keep = (storage) => {
    const memory = new Map();
    return {
      get: (name) => {
        if (memory.has(name)) return memory.get(name);
        try { return window[storage].getItem(name); } catch { return null; }
      },
      set: (name, value) => {
        try {
          window[storage].setItem(name, value);
          memory.delete(name);
        } catch {
          memory.set(name, value);
        }
      },
    };
  };
  site.local = keep("localStorage");
  site.session = keep("sessionStorage");

  // A fetch that comes to an end: `read` gets the answer, and the whole takes 10 s at most.
  const PATIENCE = 10_000;
  site.ask = (url, options, read) => {
    const stop = new AbortController();
    let timer = 0;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer from ${url}`));
        stop.abort();
      }, PATIENCE);
    });
    const answer = fetch(url, { ...options, signal: stop.signal }).then(read);
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  };

  // An address as the server writes it in events; one that is no UTF-8 stays as it is.
  site.decoded = (address) => {
    if (!address.includes("%")) return address;
    try {
      return decodeURI(address);
    } catch {
      return address;
    }
  };

  // Runs what a page can do without: a failure ends nothing else.
  site.optionally = (act) => {
    try {
      return act();
    } catch (error) {
      console.warn(error);
      return undefined;
    }
  };

  // The language of the page decides forms and numbers; the browser's, if that is no language.
  const lang = site.optionally(() => Intl.getCanonicalLocales(document.documentElement.lang));
  const rules = new Intl.PluralRules(lang);
  site.number = new Intl.NumberFormat(lang).format;
  // A text that an element has for scripts, in the form for `all`. A theme may lack it.
  site.text = ({ dataset }, name, all, count = site.number(all)) =>
    (dataset[`${name}.${rules.select(all)}`] ?? dataset[name] ?? `{count} ${name}`)
      .replace("{count}", count).replace("{all}", site.number(all));
  site.write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const line = document.querySelector("[data-freshness]");
  const notice = document.querySelector("[data-stale]");
  if (!line) return;
  const age = line.querySelector("[data-age]");
  const newer = line.querySelector("[data-newer]");
  // Seconds between two looks at least: more of them would be a burden on the site.
  const LEAST = 5;
  // Seconds from the start of a publish within which a page that was loaded may be the one before.
  const PUBLISHING = 60;
  // The address of this page, also where the page stands for another one ("not found").
  newer.href = location.pathname + location.search;
  newer.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    // Following the link would only jump if the address has a fragment.
    event.preventDefault();
    location.reload();
  });
  let known = null;
  let timer = 0;
  let looking = null;
  // Looks without an answer, one after the other.
  let failures = 0;

  // A length of time in the largest unit that fits.
  const inWords = (seconds) => {
    const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
    const [size, unit] = units.find(([size]) => seconds >= size) ?? units[3];
    return site.text(line, unit, Math.floor(seconds / size));
  };
  const write = (element, seconds) => {
    site.write(element, seconds === null ? "" : element.dataset.text.replace("{age}", inWords(seconds)));
  };

  let wasOld = false;
  const show = () => {
    if (!known) return;
    const seconds = known.age + (performance.now() - known.at) / 1000;
    const isOld = seconds > 2 * known.maxAge;
    write(age, seconds);
    line.hidden = false;
    line.classList.toggle("old", isOld);
    // Whole minutes: a notice that changes each second cannot be read.
    if (notice) {
      write(notice, isOld ? Math.max(60, Math.floor(seconds / 60) * 60) : null);
      notice.hidden = !isOld;
      // Read aloud when the state begins, and not each minute.
      if (isOld && !wasOld) site.announce?.text(notice.textContent);
    }
    wasOld = isOld;
  };

  // Whether this page was loaded from its site after `published`, by the site's own clock.
  const wasLoadedAfter = (published, now) => {
    const [load] = performance.getEntriesByType?.("navigation") ?? [];
    // Out of the browser's cache, the page may be any age; not every browser tells.
    if (!load?.transferSize) return false;
    const passed = (performance.now() - load.requestStart) / 1000;
    return now / 1000 - passed > Date.parse(published) / 1000 + PUBLISHING;
  };

  const look = async () => {
    clearTimeout(timer);
    let wait = Math.min(LEAST * 2 ** failures, 60);
    try {
      const [answer, told] = await site.ask(line.dataset.freshness, { cache: "no-cache" },
        async (answer) => [answer, await answer.json()]);
      const date = Date.parse(answer.headers.get("date"));
      const asked = (date - Date.parse(told.as_of)) / 1000;
      if (answer.ok && !Number.isNaN(asked)) {
        // Files alone have no events, and nobody who names the generation in a header.
        const isServed = answer.headers.has("x-generation");
        // Where a stream tells what the page shows, nothing is assumed.
        const isTold = site.follows && isServed;
        if (!isTold && wasLoadedAfter(told.published, date)) site.generation ??= told.generation;
        const isShown = told.generation === site.generation;
        // What has come since is not what this page shows.
        newer.hidden = isShown || site.follows === true;
        if (isShown || !known) {
          known = { age: Math.max(0, asked), at: performance.now(), maxAge: told.max_age_seconds };
        }
        wait = told.interval_seconds;
        failures = 0;
        document.dispatchEvent(new CustomEvent("movies-gen:look", { detail: { ...told, isServed } }));
      }
    } catch {
      // Nobody answers: what is known gets older.
      failures++;
    }
    show();
    clearTimeout(timer);
    // Not all at once, when many pages were opened by one piece of news.
    timer = setTimeout(wake, 1000 * Math.max(LEAST, wait) * (1 + Math.random() / 5));
  };
  // One look at a time; whoever asks meanwhile gets the one that is on its way.
  site.look = () => (looking ??= look().finally(() => { looking = null; }));
  const wake = () => {
    if (!document.hidden || site.tells) site.look();
  };

  setInterval(() => document.hidden || show(), 1000);
  document.addEventListener("visibilitychange", wake);
  // The dot before the age breathes once when news is shown.
  let shown = null;
  const breathe = () => {
    const isNews = shown && shown !== site.generation;
    shown = site.generation;
    if (!isNews || !age.animate || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    age.animate({ transform: ["none", "scale(2)", "none"] }, { duration: 500, pseudoElement: "::before" });
  };
  // The page shows something else now, and its age is another.
  document.addEventListener("movies-gen:shown", () => {
    site.optionally(breathe);
    clearTimeout(timer);
    timer = setTimeout(wake, 1500 * Math.random());
  });
  // Also out of the back/forward cache.
  addEventListener("pageshow", wake);
})();
