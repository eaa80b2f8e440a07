// What news does to a page that is open. A list takes the cards of an event. What else changed, the
// page takes from itself: it fetches itself and becomes what it got, piece by piece. Only then is the
// page called current.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const main = document.getElementById("main");
  const meta = (name, of = document) => of.querySelector(`meta[name="movies-gen-${name}"]`);
  if (!main || !site.morph || !site.ask || !meta("theme")) return;
  const theme = meta("theme").content;
  // The status page is written after each refresh and belongs to no generation: it has no fingerprint.
  const isVolatile = !meta("fingerprint");
  const THEMES = "movies-gen-themes";
  // Fetches for one generation: another replica may be a moment behind, or have another theme.
  const TRIES = 4;
  // Whether the page may lack something of the generation up to which it has the cards.
  let lacks = false;
  // The generation up to which the page has the cards; the page's own one if it lacks nothing.
  let reached = null;
  // Whether all tries failed; a link leads to what is newer, and each look tries once more.
  let stuck = false;
  let turn = Promise.resolve();
  let waiting = 0;
  let wake = null;
  let rest = 0;
  // What is to be fetched of that generation.
  let owed = {};

  // Themes that this tab showed; beside the page's own state if the browser stores nothing.
  const themes = () => {
    const stored = site.optionally(() => JSON.parse(site.session.get(THEMES) ?? "[]")) ?? [];
    return [...stored, ...(history.state?.themes ?? [])];
  };
  const note = (other) => {
    const all = [...new Set([...themes(), other])];
    site.session.set(THEMES, JSON.stringify(all));
    site.optionally(() => history.replaceState({ ...history.state, themes: all }, ""));
  };
  note(theme);

  const fingerprint = () => meta("fingerprint")?.content ?? "";
  const tell = (name) => document.dispatchEvent(new CustomEvent(`movies-gen:${name}`));
  // The page is whole, and of this generation.
  const isCurrent = (generation) => {
    lacks = stuck = false;
    site.generation = reached = generation ?? site.generation;
    tell("shown");
  };
  // Nothing of this step is on this page.
  const goOn = (generation) => {
    if (!lacks) return isCurrent(generation);
    reached = owed.generation = generation;
  };
  const say = (text) => site.announce?.text(text);
  const words = () => document.querySelector("[data-said]")?.dataset ?? {};

  // Where something stands in the window, whatever moves it for a moment.
  const place = (element) => {
    let top = -scrollY;
    for (let of = element; of; of = of.offsetParent) top += of.offsetTop;
    return isFinite(top) ? top : element.getBoundingClientRect().top;
  };
  const ITEMS = "[data-film-id], section, li, h1, p";
  // What is seen first of the page, or what has the focus while it is seen.
  const anchorOf = () => {
    const active = document.activeElement;
    const isIn = (element) => element && element !== main && main.contains(element);
    const { top = -1, bottom = -1 } = isIn(active) ? active.getBoundingClientRect() : {};
    if (bottom > 0 && top < innerHeight) return active;
    for (let y = 4; y < innerHeight; y += innerHeight / 12) {
      for (const x of [0.5, 0.25, 0.75]) {
        const item = document.elementFromPoint(innerWidth * x, y)?.closest(ITEMS);
        if (isIn(item)) return item;
      }
    }
    return null;
  };
  // Whoever reads stays where they are: what is seen first keeps its place in the window.
  const still = (change) => {
    const active = document.activeElement;
    const anchor = scrollY > 0 ? anchorOf() : null;
    const before = anchor && place(anchor);
    const { style } = document.documentElement;
    style.overflowAnchor = "none";
    try {
      change();
      if (active?.isConnected && active !== document.activeElement && active !== document.body) {
        active.focus({ preventScroll: true });
      }
      if (anchor?.isConnected && isFinite(before)) {
        const moved = place(anchor) - before;
        if (moved) scrollBy({ top: moved, behavior: "instant" });
      }
    } finally {
      style.overflowAnchor = "";
    }
  };

  site.still = still;
  site.parse = (html) => new DOMParser().parseFromString(html, "text/html");
  site.morphCard = (card, html) => {
    const fresh = site.parse(html).querySelector("[data-film-id]");
    if (!card) return document.importNode(fresh, true);
    site.morph(card, fresh);
    return card;
  };

  const become = (page) => {
    const fresh = page.getElementById("main");
    site.list?.prepare(page);
    still(() => {
      site.morph(main, fresh);
      site.list?.follow();
    });
    if (document.title !== page.title) document.title = page.title;
    for (const name of ["description", "movies-gen-fingerprint"]) {
      const [old, fresh] = [document, page].map((of) => of.querySelector(`meta[name="${name}"]`));
      if (old && fresh) old.content = fresh.content;
    }
    tell("patched");
  };

  // Follows another theme at most once in a tab, and never under somebody's hands.
  const follow = (other) => {
    const isBusy = document.activeElement?.matches("input, select, textarea");
    if (isBusy || themes().includes(other)) return;
    note(other);
    location.reload();
  };
  const isMissingPage = () => document.querySelector("[data-missing]") !== null;
  const gone = () => {
    const notice = document.querySelector("[data-left]");
    if (!notice || !notice.hidden) return;
    notice.hidden = false;
    say(words().gone);
  };

  // Lets the browser draw, and take what somebody types, before more is done.
  const breath = (length) => new Promise((resolve) => setTimeout(resolve, length));
  // One look at this page as it is now: whether that is enough.
  const look = async (told, isLast) => {
    const { page, theme: from, quietly } = told;
    // What another theme's pages are called says nothing of this one.
    const expected = !from || from === theme ? page : undefined;
    const [answer, text] = await site.ask(location.pathname + location.search, { cache: "no-cache" },
      async (answer) => [answer, await answer.text()]);
    const isMissing = answer.status === 404;
    if (!answer.ok && !isMissing) return false;
    // Of a long list, only the cards that differ are read.
    const { found, cards } = site.list?.read(text) ?? { found: site.parse(text) };
    await breath();
    const [name, other] = [meta("fingerprint", found)?.content ?? "", meta("theme", found)?.content];
    if (!found.getElementById("main") || (!name && !isVolatile)) return false;
    if (other !== theme) {
      follow(other);
      return false;
    }
    if (isMissing && !isMissingPage()) {
      gone();
      isCurrent(told.generation);
      return true;
    }
    const isExpected = !expected || name.startsWith(expected);
    if (!isExpected && !isLast()) return false;
    const notice = document.querySelector("[data-left]");
    if (notice) notice.hidden = true;
    if (isVolatile || lacks || name !== fingerprint()) {
      const added = site.list?.since();
      if (cards) {
        await site.list.take(cards);
        await breath();
      }
      become(found);
      const news = { added: added?.() ?? [] };
      // Films that no step told of are news, whatever was said before.
      if (!site.announce?.films(news) && !quietly) say(words().page);
      site.optionally(() => site.came?.(news.added, told.generation));
    }
    const shown = answer.headers.get("x-generation");
    // Steps that are no news of this page may have come since it was asked for.
    const { generation } = told;
    isCurrent(generation && (expected && isExpected ? generation : shown ?? generation));
    return true;
  };
  const itself = async (told) => {
    lacks = true;
    for (let tries = stuck ? TRIES : 1; tries <= TRIES; tries++) {
      try {
        // Where more is known already there is no use in waiting for this.
        if (await look(told, () => tries === TRIES || waiting > 1)) return;
      } catch {
        // Nobody answers, or what came cannot be used: the next try tells.
      }
      if (tries === TRIES) break;
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 100 * 3 ** tries * (0.5 + Math.random()));
      });
    }
    // Nothing is tried for long; a link leads to what is newer. A page that was stuck before has
    // nothing new to tell: its next try comes with the next regular look.
    site.follows = false;
    if (stuck) return;
    stuck = true;
    tell("shown");
  };

  const step = async (news) => {
    if (news.to === reached) return;
    // The status page changes with each refresh, and not with generations.
    if (isVolatile) return isCurrent(news.to);
    const isNext = news.from === reached && news.theme === theme;
    const path = site.decoded(location.pathname);
    // The page for what is not there stands for many addresses.
    const mine = [path, site.decoded(document.querySelector("[data-path]")?.dataset.path ?? path)];
    const changed = news.paths && new Map(Object.entries(news.paths).map(([of, name]) => [site.decoded(of), name]));
    const isMine = !changed || mine.some((of) => changed.has(of));
    // What changed and is no news, a new signature in the address of a picture, is not said.
    const isSome = ({ added, changed, removed }) => added.length + changed.length + removed.length > 0;
    let quietly = isNext && news.films && news.people && ![news.films, news.people].some(isSome);
    const takesCards = isNext && isMine && news.films && site.list?.takes(news.films);
    const isGone = changed?.get(path) === null && !isMissingPage();
    if (isNext && news.films) {
      if (!isGone && (isMine || news.films.added.length)) quietly = site.announce?.films(news.films) || quietly;
      if (takesCards) still(() => site.list.put(news.films));
      site.optionally(() => site.came?.(news.films.added, news.to));
    }
    if (changed) site.renew(changed);
    if (isNext && !isMine) return goOn(news.to);
    if (isGone) {
      gone();
      return isCurrent(news.to);
    }
    owed = { theme: news.theme, page: changed?.get(path) ?? undefined, quietly, generation: news.to };
    if (takesCards) {
      // The cards are there; what else the list shows may follow, and not for all at once.
      [reached, lacks] = [news.to, true];
      clearTimeout(rest);
      rest = setTimeout(() => site.patch.fetch(owed), 1000 * Math.random());
      return;
    }
    clearTimeout(rest);
    await itself(owed);
  };
  // What the server says of this page when a stream begins.
  const confirm = async ({ page, theme: from, generation }) => {
    const isAsTold = page ? fingerprint().startsWith(page.slice(0, 16)) : isMissingPage();
    if (isVolatile || (isAsTold && from === theme && !lacks)) return isCurrent(generation);
    // What is still owed may have been said already.
    await itself({ page, theme: from, generation, quietly: lacks && owed.quietly });
  };

  // One after the other.
  const inTurn = (act) => (told) => {
    waiting++;
    wake?.();
    turn = turn.then(() => act(told)).catch((error) => console.warn(error)).finally(() => {
      waiting--;
      site.announce?.flush();
    });
    return turn;
  };
  // Milliseconds in which all steps that a stream tells at its beginning have come.
  const TOGETHER = 150;
  site.patch = {
    fingerprint,
    isVolatile,
    isStuck: () => stuck,
    // Whether what the page lacks was said already.
    isSaid: () => lacks && owed.quietly === true,
    // The last step that this page knows.
    reached: () => reached ?? site.generation,
    // Whether there is more to do than what is being done.
    isBusy: () => waiting > 1,
    gather: inTurn(() => breath(TOGETHER)),
    confirm: inTurn(confirm),
    fetch: inTurn(itself),
    step: inTurn(step),
  };
})();
