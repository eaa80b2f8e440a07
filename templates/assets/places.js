// Places for streams: a browser opens six connections to a host, and pages need some of them, so all
// tabs together hold three streams. The browser's locks count them; where there are none (plain http
// on a local network), a record in the local storage does, which its tab renews.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  if (!site.local) return;
  const PLACES = [1, 2, 3];
  // Milliseconds for which a record holds a place.
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
      // A clock that went back must not keep a place taken.
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
  const isStored = () => {
    try {
      localStorage.setItem("movies-gen-place", "");
      return true;
    } catch {
      return false;
    }
  };

  // A function that frees the place; null if no place is free, or if nobody can count.
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
