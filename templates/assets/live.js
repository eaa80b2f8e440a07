// How a page hears of news: a stream of events while it is visible; where there is none, or no place
// is left, what site.js learns from freshness.json. What follows is patch.js's.
(() => {
  "use strict";
  const site = window.moviesGen;
  const controls = document.querySelector("[data-live]");
  if (!site?.patch || !controls) return;
  const pause = controls.querySelector("[data-pause]");
  const PAUSED = "movies-gen-paused";
  // Streams of one browser: it opens six connections to a host, and pages need some of them.
  const SLOTS = 3;
  let source = null;
  let release = null;
  let opening = false;
  let timer = 0;
  let refusals = 0;
  let beat = 15;
  let heard = 0;
  // Whether there are events at this address; who answers says so.
  let isServed = false;
  // Whether no stream is to be had at the moment.
  let isDeaf = false;
  // Whether a hidden page wants what it missed, to tell of it.
  let isCatchingUp = false;

  const isPaused = () => site.stored(PAUSED) === "1";
  const wants = () => !isPaused() && isServed && (!document.hidden || isCatchingUp);

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
    release?.();
    release = null;
  };
  // A place among this browser's streams; without locks each visible tab takes one.
  const place = async () => {
    if (!navigator.locks) return () => {};
    for (let slot = 1; slot <= SLOTS; slot++) {
      const free = await new Promise((resolve) => {
        navigator.locks.request(`movies-gen-events-${slot}`, { ifAvailable: true }, (lock) => {
          if (!lock) return resolve(null);
          return new Promise((freed) => resolve(freed));
        }).catch(() => resolve(null));
      });
      if (free) return free;
    }
    return null;
  };
  const later = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(open, 1000 * seconds * (1 + Math.random()));
  };
  const open = async () => {
    clearTimeout(timer);
    if (source || opening || !wants()) return;
    opening = true;
    const free = await place();
    opening = false;
    if (!free) {
      isDeaf = true;
      return later(10);
    }
    if (source || !wants()) return free();
    release = free;
    const query = new URLSearchParams({ path: location.pathname, page: site.patch.fingerprint() });
    if (site.generation) query.set("last", site.generation);
    source = new EventSource(`${controls.dataset.live}?${query}`);
    heard = Date.now();
    const on = (name, act) => source.addEventListener(name, async (event) => {
      heard = Date.now();
      refusals = 0;
      isDeaf = false;
      await act(JSON.parse(event.data), event.lastEventId);
      if (document.hidden && name !== "beat") {
        isCatchingUp = false;
        close();
      }
    });
    on("current", (told, id) => {
      beat = told.beat;
      return site.patch.isCurrent(id);
    });
    on("fetch", (told, id) => {
      beat = told.beat;
      return site.patch.fetch({ generation: id, ...told });
    });
    on("generation", (step) => site.patch.step(step));
    on("beat", (seconds) => { beat = seconds; });
    source.onerror = () => {
      // A lost one the browser opens again, when the server said; a refused one it does not.
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      isDeaf = true;
      later(Math.min(2 * 1.5 ** refusals++, 8));
    };
  };
  const again = () => {
    close();
    open();
  };

  // What freshness.json says, each interval: all there is where nothing streams.
  document.addEventListener("movies-gen:look", ({ detail: told }) => {
    isServed = told.isServed;
    site.follows = !isPaused() && !site.patch.isStuck();
    if (isPaused()) return;
    const isBehind = site.patch.shows() !== told.generation;
    if (isBehind && document.hidden && isServed) isCatchingUp = true;
    if (isBehind && (!isServed || isDeaf)) site.patch.fetch({ generation: told.generation });
    open();
  });

  // Nothing heard for longer than two beats, or asleep meanwhile: what is open may be dead.
  let ticked = Date.now();
  setInterval(() => {
    const now = Date.now(), slept = now - ticked > 30_000;
    ticked = now;
    if (source && (slept || now - heard > 2500 * beat)) again();
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
    site.store(PAUSED, isPaused() ? "" : "1");
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
