// How a page hears of news: by a stream of events while the page is visible; where there is no
// stream, by what site.js reads in freshness.json. What follows from news is in patch.js.
(() => {
  "use strict";
  const site = window.moviesGen;
  const controls = document.querySelector("[data-live]");
  if (!site?.patch || !controls) return;
  const pause = controls.querySelector("[data-pause]");
  const PAUSED = "movies-gen-paused";
  // Milliseconds within which a stream says something, or is of no use: a proxy may hold it back.
  const FIRST = 10_000;
  // Seconds until a stream that said nothing is tried again, at first and at most.
  const [SILENT, LONGEST_SILENT] = [60, 600];
  let source = null;
  let release = null;
  let opening = false;
  let timer = 0;
  // When the next stream may be opened, after one that could not be had.
  let notBefore = 0;
  let refusals = 0;
  let silences = 0;
  // Seconds between two beats; the first event says how many.
  let beat = Infinity;
  // When the stream was opened, or opened again by the browser; and when it said something last.
  let opened = 0;
  let heard = 0;
  // Whether there are events at this address; who answers says so.
  let isServed = false;
  // Whether no stream is to be had at the moment.
  let isDeaf = typeof EventSource !== "function";
  // Whether a hidden page wants what it missed, to tell of it.
  let isCatchingUp = false;

  const isPaused = () => site.local.get(PAUSED) === "1";
  const wants = () => typeof EventSource === "function" && !isPaused() && isServed
    && (!document.hidden || isCatchingUp);

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
    release?.();
    release = null;
  };
  const later = (seconds) => {
    clearTimeout(timer);
    const wait = 1000 * seconds * (1 + Math.random());
    timer = setTimeout(open, wait);
    notBefore = Date.now() + wait - 1;
  };
  const goDeaf = (seconds) => {
    close();
    const isNew = !isDeaf;
    isDeaf = true;
    later(seconds);
    // What came meanwhile is not known.
    if (isNew) site.look?.();
  };
  const listen = () => {
    const query = new URLSearchParams({ path: location.pathname, page: site.patch.fingerprint() });
    const last = site.patch.reached();
    if (last) query.set("last", last);
    source = new EventSource(`${controls.dataset.live}?${query}`);
    opened = Date.now();
    heard = 0;
    const mine = source;
    const on = (name, act) => source.addEventListener(name, async (event) => {
      if (mine !== source) return;
      // Steps that were missed come one after the other: they are news of one moment.
      if (!heard && name === "generation") site.patch.gather();
      heard = Date.now();
      refusals = silences = 0;
      isDeaf = false;
      await act(JSON.parse(event.data), event.lastEventId);
      if (document.hidden && name !== "beat") {
        isCatchingUp = false;
        close();
      }
    });
    const first = (act) => (told, id) => {
      beat = told.beat;
      return act({ ...told, generation: id });
    };
    on("current", first(site.patch.confirm));
    on("fetch", first(site.patch.isVolatile ? site.patch.confirm : site.patch.fetch));
    on("generation", (step) => site.patch.step(step));
    on("beat", (seconds) => { beat = seconds; });
    source.onerror = () => {
      if (mine !== source) return;
      // A lost one the browser opens again, when the server said; a refused one it does not.
      [opened, heard] = [Date.now(), 0];
      if (source.readyState === EventSource.CLOSED) goDeaf(Math.min(2 * 1.5 ** refusals++, 8));
    };
  };
  const open = async () => {
    clearTimeout(timer);
    const wait = notBefore - Date.now();
    if (source || opening || !wants()) return;
    if (wait > 0) {
      // A clock that went back must not keep the page from its stream.
      timer = setTimeout(open, Math.min(wait, 2000 * LONGEST_SILENT));
      return;
    }
    opening = true;
    const free = await site.streamPlace().catch(() => null);
    opening = false;
    if (!free) {
      isDeaf = true;
      return later(10);
    }
    if (source || !wants()) return free();
    release = free;
    try {
      listen();
    } catch {
      goDeaf(LONGEST_SILENT);
    }
  };
  const again = () => {
    close();
    notBefore = 0;
    open();
  };

  // What freshness.json says, each interval: all there is where nothing streams.
  document.addEventListener("movies-gen:look", ({ detail: told }) => {
    isServed = told.isServed;
    site.follows = !isPaused() && !site.patch.isStuck();
    if (isPaused()) return;
    const { isVolatile } = site.patch;
    const isBehind = isVolatile ? !document.getElementById("main").innerHTML.includes(told.next_attempt)
      : site.generation !== told.generation;
    if (isBehind && document.hidden && isServed) isCatchingUp = true;
    const isAlone = !isServed || isDeaf || isVolatile || site.patch.isStuck();
    if (isBehind && isAlone && (!document.hidden || site.tells)) {
      site.patch.fetch({ generation: told.generation, quietly: isVolatile || site.patch.isSaid() });
    }
    open();
  });

  let ticked = Date.now();
  setInterval(() => {
    const now = Date.now(), slept = now - ticked > 30_000;
    ticked = now;
    if (!source) return;
    // Asleep meanwhile, or nothing heard for longer than two beats: what is open may be dead.
    if (slept || (heard && now - heard > 2500 * beat)) again();
    else if (!heard && now - opened > FIRST) {
      goDeaf(Math.min(SILENT * 2 ** silences++, LONGEST_SILENT));
    }
  }, 5000);

  const show = () => {
    pause.setAttribute("aria-pressed", String(isPaused()));
    controls.hidden = false;
  };
  const heed = () => {
    show();
    site.follows = !isPaused() && !site.patch.isStuck();
    if (isPaused()) close();
    else open();
    site.look?.();
  };
  pause.addEventListener("click", () => {
    site.local.set(PAUSED, isPaused() ? "" : "1");
    heed();
  });
  addEventListener("storage", (event) => event.key === PAUSED && heed());
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && again());
  addEventListener("online", again);
  addEventListener("offline", close);
  site.follows = !isPaused();
  show();
})();
