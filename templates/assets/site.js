// Offers the functions that all scripts of a page share, and shows the age of the data.
//
// The age comes from `freshness.json`. The clock of the visitor may be wrong, so no script reads it
// to find the age: the age is the time from `as_of` to the `Date` of the answer, plus the time that
// has passed on the page since the answer. If the server does not answer any more, the shown age
// still grows.
//
// Looks for `[data-freshness]`, whose value is the address of `freshness.json`, with `[data-age]`
// and `[data-newer]`; and for the notice `[data-stale]`, whose value is the age in seconds from
// which the data is old. Offers `local`, `session`, `ask`,
// `decoded`, `optionally`, `number`, `text`, `write` and `look` of `moviesGen`. Dispatches
// `movies-gen:look` after each usable answer.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});

  // Returns `get` and `set` for values by name. If the browser stores nothing, the values are in
  // memory only.
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

  // Fetches an address and calls `read` with the answer. Together they take at most 10 s: without a
  // limit, a server that never answers would block the queue of patch.js.
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

  // Decodes an address in the way in which the server writes addresses in events. If the bytes of
  // the address are not UTF-8, the address stays unchanged.
  site.decoded = (address) => {
    if (!address.includes("%")) return address;
    try {
      return decodeURI(address);
    } catch {
      return address;
    }
  };

  // Runs code that the page can do without. An error in this code must not stop the rest of the
  // page.
  site.optionally = (act) => {
    try {
      return act();
    } catch (error) {
      console.warn(error);
      return undefined;
    }
  };

  // The language of the page determines plural forms and numbers. If the `lang` of the page is not
  // a valid language tag, the language of the browser determines them.
  const lang = site.optionally(() => Intl.getCanonicalLocales(document.documentElement.lang));
  const rules = new Intl.PluralRules(lang);
  site.number = new Intl.NumberFormat(lang).format;
  // Returns the text in the attribute `data-name` of an element, in the plural form for the number
  // `all`. The attribute may be missing in a theme, so there is a default.
  site.text = ({ dataset }, name, all, count = site.number(all)) =>
    (dataset[`${name}.${rules.select(all)}`] ?? dataset[name] ?? `{count} ${name}`)
      .replace("{count}", count).replace("{all}", site.number(all));
  // Assigning an equal text would replace the text node, and would make screen readers read the
  // text again.
  site.write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const line = document.querySelector("[data-freshness]");
  const notice = document.querySelector("[data-stale]");
  if (!line) return;
  const age = line.querySelector("[data-age]");
  const newer = line.querySelector("[data-newer]");
  // Minimum number of seconds from one read of freshness.json to the next scheduled read. More
  // frequent reads would burden the site.
  const LEAST = 5;
  // Number of seconds from the start of a publish during which the server may still have sent the
  // page of the previous generation.
  const PUBLISHING = 60;
  // The page for unknown paths appears at many addresses, so the template does not know the address
  // of the link.
  newer.href = location.pathname + location.search;
  newer.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    // The script reloads the page, because a browser may treat a link to the current page as a jump
    // within the page if the address has a fragment.
    event.preventDefault();
    location.reload();
  });
  // Age of the data on this page in seconds (`age`), the time on the page at which the age was
  // known (`at`), and the age from which the data is old (`maxAge`).
  let known = null;
  let timer = 0;
  // The read in progress, if there is one.
  let looking = null;
  // Number of consecutive reads that ended with an error.
  let failures = 0;

  // Writes a duration in the largest unit that fits.
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
    const isOld = seconds > (+notice?.dataset.stale || 2 * known.maxAge);
    write(age, seconds);
    line.hidden = false;
    line.classList.toggle("old", isOld);
    // The notice has the same age as the line.
    if (notice) {
      write(notice, isOld ? seconds : null);
      notice.hidden = !isOld;
      // Screen readers read the notice when the data becomes old, and not again each minute.
      if (isOld && !wasOld) site.announce?.text(notice.textContent);
    }
    wasOld = isOld;
  };

  // Whether the server sent this page after it had finished the publish that started at
  // `published`. All times are times of the clock of the server.
  const wasLoadedAfter = (published, now) => {
    const [load] = performance.getEntriesByType?.("navigation") ?? [];
    // A page from the cache of the browser has the transfer size 0 and may have any age. Some
    // browsers report no transfer size.
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
        // A site that is only files has no events and no X-Generation header.
        const isServed = answer.headers.has("x-generation");
        // If a stream tells which generation the page shows, the script makes no assumption about
        // the generation.
        const isTold = site.follows && isServed;
        if (!isTold && wasLoadedAfter(told.published, date)) site.generation ??= told.generation;
        const isShown = told.generation === site.generation;
        // If the page shows another generation, the answer describes newer data, and not the data
        // on the page.
        newer.hidden = isShown || site.follows === true;
        if (isShown || !known) {
          known = { age: Math.max(0, asked), at: performance.now(), maxAge: told.max_age_seconds };
        }
        wait = told.interval_seconds;
        failures = 0;
        document.dispatchEvent(new CustomEvent("movies-gen:look", { detail: { ...told, isServed } }));
      }
    } catch {
      // Without a usable answer, the script keeps the last known age, which grows.
      failures++;
    }
    show();
    clearTimeout(timer);
    // The random part spreads the reads of many pages that were opened after the same news.
    timer = setTimeout(wake, 1000 * Math.max(LEAST, wait) * (1 + Math.random() / 5));
  };
  // Only one read runs at a time. A caller that asks during a read gets the promise of this read.
  site.look = () => (looking ??= look().finally(() => { looking = null; }));
  // A hidden page reads freshness.json only if the visitor wants notifications of new films.
  const wake = () => {
    if (!document.hidden || site.tells) site.look();
  };

  setInterval(() => document.hidden || show(), 1000);
  document.addEventListener("visibilitychange", wake);
  // The dot before the age grows and shrinks once when the page shows a new generation.
  let shown = null;
  const breathe = () => {
    const isNews = shown && shown !== site.generation;
    shown = site.generation;
    if (!isNews || !age.animate || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    age.animate({ transform: ["none", "scale(2)", "none"] }, { duration: 500, pseudoElement: "::before" });
  };
  // The page may show another generation now, whose data has another age. The random wait spreads
  // the reads of all open pages.
  document.addEventListener("movies-gen:shown", () => {
    site.optionally(breathe);
    clearTimeout(timer);
    timer = setTimeout(wake, 1500 * Math.random());
  });
  // This event comes after the first load, and when the page returns from the back/forward cache.
  addEventListener("pageshow", wake);
})();
