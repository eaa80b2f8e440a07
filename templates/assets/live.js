// Receives news: from a stream of events while the page is visible, or from `freshness.json`, which
// site.js reads, if there is no stream. patch.js decides what the news changes on the page.
//
// Looks for `[data-live]`, whose value is the address of the stream, with the button
// `[data-pause]`. Sets `moviesGen.follows`.
(() => {
  "use strict";
  const site = window.moviesGen;
  const controls = document.querySelector("[data-live]");
  if (!site?.patch || !controls) return;
  const pause = controls.querySelector("[data-pause]");
  const PAUSED = "movies-gen-paused";
  // Milliseconds within which a stream must send its first event. After this time the page closes
  // the stream, because a proxy may hold the events back.
  const FIRST = 10_000;
  // After a stream without events, the page waits before it opens the next stream: the first wait
  // and the longest wait, in seconds. `later` makes each wait up to twice as long.
  const [SILENT, LONGEST_SILENT] = [60, 600];
  let source = null;
  // Frees the place of the open stream.
  let release = null;
  let opening = false;
  let timer = 0;
  // The earliest time of the next stream, after a stream that failed.
  let notBefore = 0;
  // Number of consecutive refused streams, and number of consecutive streams without events.
  let refusals = 0;
  let silences = 0;
  // Seconds between two heartbeats. The first event of a stream names this number.
  let beat = Infinity;
  // The time at which the page opened the stream, or at which the browser began to open the stream
  // again; and the time of the last event on this connection (0: no event yet).
  let opened = 0;
  let heard = 0;
  // Whether `movies-gen serve` answers at this address, and not a server of files alone. Each
  // read of freshness.json updates this value.
  let isServed = false;
  // Whether no stream works at the moment.
  let isDeaf = typeof EventSource !== "function";
  // Whether a hidden page opens a stream for the steps that it missed, to show notifications of new
  // films.
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
    // Without a stream, the page does not know what came since the last event.
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
      // A stream sends the missed steps one after the other. The page announces them together.
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
      // The browser opens a lost stream again by itself, after the time that the server named. The
      // browser does not open a refused stream again.
      [opened, heard] = [Date.now(), 0];
      if (source.readyState === EventSource.CLOSED) goDeaf(Math.min(2 * 1.5 ** refusals++, 8));
    };
  };
  const open = async () => {
    clearTimeout(timer);
    const wait = notBefore - Date.now();
    if (source || opening || !wants()) return;
    if (wait > 0) {
      // Without this limit, a clock that was set back would keep the page from its stream.
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

  // `site.js` reads freshness.json once in each interval. A page without a stream learns of a new
  // generation only in this way.
  document.addEventListener("movies-gen:look", ({ detail: told }) => {
    isServed = told.isServed;
    site.follows = !isPaused() && !site.patch.isStuck();
    if (isPaused()) return;
    const { isVolatile } = site.patch;
    const isBehind = isVolatile ? !document.getElementById("main").innerHTML.includes(told.next_attempt)
      : site.generation !== told.generation;
    if (isBehind && document.hidden && isServed) isCatchingUp = true;
    const isAlone = !isServed || isDeaf || isVolatile || site.patch.isStuck();
    if (isBehind && (isAlone || site.patch.doubts()) && (!document.hidden || site.tells)) {
      site.patch.fetch({ generation: told.generation, quietly: isVolatile || site.patch.isSaid() });
    }
    open();
  });

  let ticked = Date.now();
  setInterval(() => {
    const now = Date.now(), slept = now - ticked > 30_000;
    ticked = now;
    if (!source) return;
    // The connection may be dead if the machine was suspended, or if two heartbeats are missing.
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
