// Limits the streams of one browser. A browser opens six connections to a host, and pages need some
// of these connections, so all tabs together hold at most three streams. A stream needs one of
// three places. The locks of the browser guard the places. Browsers have no locks on plain HTTP,
// except on localhost. Without locks, each place is a record in the local storage, which the tab
// that holds the place renews.
//
// Looks for no elements. Offers `moviesGen.streamPlace`.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  if (!site.local) return;
  const PLACES = [1, 2, 3];
  // Milliseconds until a record that is not renewed loses its place: the tab may have ended without
  // a chance to free the place.
  const HELD = 15_000;

  const lock = (name) => new Promise((resolve) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(null);
      return new Promise((free) => resolve(free));
    }).catch(() => resolve(null));
  });

  const self = Math.random().toString(36).slice(2);
  const record = (name) => {
    const read = () => (site.local.get(name) ?? "").split(" ");
    const isTaken = () => {
      const [owner, until] = read();
      // If the clock was set back, the time of a record may be far in the future. Such a record
      // must not block its place until then.
      return owner && owner !== self && until > Date.now() && until < Date.now() + 2 * HELD;
    };
    if (isTaken()) return null;
    const hold = () => site.local.set(name, `${self} ${Date.now() + HELD}`);
    hold();
    const timer = setInterval(() => isTaken() || hold(), HELD / 3);
    return () => {
      clearInterval(timer);
      if (!isTaken()) site.local.set(name, "");
    };
  };
  // Without locks, the tabs can count their streams only in a local storage that works.
  // `site.local` cannot tell: it falls back to the memory of this tab.
  const isStored = () => {
    try {
      localStorage.setItem("movies-gen-place", "");
      return true;
    } catch {
      return false;
    }
  };

  // Returns a function that frees the place. Returns null if no place is free, or if the browser
  // has neither locks nor a local storage.
  site.streamPlace = async () => {
    if (!navigator.locks && !isStored()) return null;
    for (const place of PLACES) {
      const name = `movies-gen-events-${place}`;
      const free = navigator.locks ? await lock(name) : record(name);
      if (free) return free;
    }
    return null;
  };
})();
