// Updates the open page after news. A list takes the cards from the event. For all other changes,
// the page fetches its own address and takes over each part that differs. The page calls itself
// current only after that.
//
// Looks for `#main`, `<meta name="movies-gen-theme">` and `<meta name="movies-gen-fingerprint">`,
// `[data-said]` (texts `data-page` and `data-gone`), `[data-path]`, `[data-missing]` on the page
// for unknown paths, and the notice `[data-left]`. Offers `patch`, `still`, `parse` and `morphCard`
// of `moviesGen`; sets `moviesGen.generation`. Dispatches `movies-gen:shown` and
// `movies-gen:patched`.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const main = document.getElementById("main");
  const meta = (name, of = document) => of.querySelector(`meta[name="movies-gen-${name}"]`);
  if (!main || !site.morph || !site.ask || !meta("theme")) return;
  const theme = meta("theme").content;
  // The program writes the status page after each refresh. The page belongs to no generation, so it
  // has no fingerprint.
  const isVolatile = !meta("fingerprint");
  const THEMES = "movies-gen-themes";
  // Number of fetches for one generation. A fetch may reach a replica that does not have the
  // generation yet, or that has another theme.
  const TRIES = 4;
  // Whether some part of the page may be out of date. The cards are of the generation `reached`
  // even then.
  let lacks = false;
  // The generation of the cards. If the page lacks nothing, this is the generation of the whole
  // page.
  let reached = null;
  // Whether all fetches for a generation failed. The page then shows a link to the newer page, and
  // tries again at each regular read of freshness.json.
  let stuck = false;
  // Number of regular reads of freshness.json after which the page still fetches itself, although
  // the page counts as current. A replica with another theme announced a change, and the replicas
  // with the theme of this page may not have had the change yet.
  let doubts = 0;
  // The queue of actions: the end of the last action, and the number of actions that have not
  // begun.
  let turn = Promise.resolve();
  let waiting = 0;
  // The generations to which the steps in the queue lead.
  const ahead = [];
  // Ends the pause before the next fetch, because another action waits.
  let wake = null;
  // Timer for the fetch of the parts of a list that are not cards.
  let rest = 0;
  // What the page still has to fetch: argument for `itself`.
  let owed = {};

  // Returns the themes that this tab has shown or followed. `history.state` has them too, because a
  // browser may store nothing.
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
  // Records that all of the page is of this generation.
  const isCurrent = (generation) => {
    lacks = stuck = false;
    site.generation = reached = generation ?? site.generation;
    tell("shown");
  };
  // Records a step that does not change this page.
  const goOn = (generation) => {
    if (!lacks) return isCurrent(generation);
    reached = owed.generation = generation;
  };
  const say = (text) => site.announce?.text(text);
  const words = () => document.querySelector("[data-said]")?.dataset ?? {};

  // Returns the distance of an element from the top of the window according to the layout, without
  // the shift of an animation.
  const place = (element) => {
    let top = -scrollY;
    for (let of = element; of; of = of.offsetParent) top += of.offsetTop;
    return isFinite(top) ? top : element.getBoundingClientRect().top;
  };
  const ITEMS = "[data-film-id], section, li, h1, p";
  // Returns the element that must keep its place: the focused element if it is in the window,
  // otherwise the first item in the window.
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
  // Makes a change and keeps the place of the reader: the focus stays, and the page is scrolled so
  // that the element from `anchorOf` stays at its place in the window. The scroll anchoring of the
  // browser is off meanwhile, because it would correct the same shift again.
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

  // Reloads the page for another theme, but at most once for each theme in a tab, so that replicas
  // with two themes do not make the page reload forever. Does not reload while the visitor uses a
  // field.
  const follow = (other) => {
    const isBusy = document.activeElement?.matches("input, select, textarea");
    if (isBusy || themes().includes(other)) return;
    note(other);
    location.reload();
  };
  const isMissingPage = () => document.querySelector("[data-missing]") !== null;
  // Shows and announces that this page was removed from the site.
  const gone = () => {
    const notice = document.querySelector("[data-left]");
    if (!notice || !notice.hidden) return;
    notice.hidden = false;
    say(words().gone);
  };

  // Waits, so that the browser can draw and handle input before the next long task.
  const breath = (length) => new Promise((resolve) => setTimeout(resolve, length));
  // Fetches this page once and takes over what differs. Returns whether no further try is needed.
  // `told` says what the server announced; `isLast` returns whether the page accepts an answer with
  // another fingerprint than the announced fingerprint.
  const look = async (told, isLast) => {
    const { page, theme: from, quietly, isChange } = told;
    // A fingerprint depends on the theme, so a fingerprint from another theme cannot be compared.
    const isForeign = from && from !== theme;
    const expected = isForeign ? undefined : page;
    const [answer, text] = await site.ask(location.pathname + location.search, { cache: "no-cache" },
      async (answer) => [answer, await answer.text()]);
    const isMissing = answer.status === 404;
    if (!answer.ok && !isMissing) return false;
    // list.js reads only the cards that differ, because a list may have 1,000 cards.
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
    const isSame = isForeign && name === fingerprint();
    if ((!isExpected || (isSame && isChange)) && !isLast()) return false;
    if (isSame) doubts = 3;
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
      // New films that no event named are announced, even if the rest of the change is not.
      if (!site.announce?.films(news) && !quietly) say(words().page);
      site.optionally(() => site.came?.(news.added, told.generation));
    }
    const shown = answer.headers.get("x-generation");
    // The answer may come from a later generation that changed only other pages. If the page has
    // the expected fingerprint, it counts as the announced generation, so that the later steps
    // still follow it. Otherwise the X-Generation of the answer counts.
    const { generation } = told;
    isCurrent(generation && (expected && isExpected ? generation : shown ?? generation));
    return true;
  };
  // Fetches this page until it is current, at most `TRIES` times. A page that is stuck gets one or
  // two tries. The number is random, because a balancer that sends requests to replicas in turn
  // would otherwise send each try to the same replica, which may have another theme.
  const itself = async (told) => {
    lacks = true;
    for (let tries = stuck ? TRIES - Math.round(Math.random()) : 1; tries <= TRIES; tries++) {
      try {
        // If another action waits, the page accepts any fingerprint, because that action checks the
        // page again.
        if (await look(told, () => tries === TRIES || waiting)) return;
      } catch {
        // The next try may succeed.
      }
      if (tries === TRIES) break;
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 100 * 3 ** tries * (0.5 + Math.random()));
      });
    }
    // The page gives up for now. Without `follows`, site.js shows the link to the newer page. The
    // event `shown` makes site.js read freshness.json soon. A page that was stuck before sends no
    // event, because each read causes a try, and the next try must wait for the next regular read.
    site.follows = false;
    if (stuck) return;
    stuck = true;
    tell("shown");
  };

  // Handles the event `generation`.
  const step = async (news) => {
    ahead.shift();
    // A fetch may have brought the generation of this step, or of a later step, already.
    if (news.to === reached || ahead.includes(reached)) return;
    // The status page changes with refreshes, and not with generations.
    if (isVolatile) return isCurrent(news.to);
    const isNext = news.from === reached && news.theme === theme;
    const path = site.decoded(location.pathname);
    // The page for unknown paths appears at many addresses; `data-path` has its own path.
    const mine = [path, site.decoded(document.querySelector("[data-path]")?.dataset.path ?? path)];
    const changed = news.paths && new Map(Object.entries(news.paths).map(([of, name]) => [site.decoded(of), name]));
    const isMine = !changed || mine.some((of) => changed.has(of));
    // A change that is not news, such as a new signature in the address of a picture, is not
    // announced.
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
    owed = { theme: news.theme, page: changed?.get(path) ?? undefined, quietly, generation: news.to, isChange: isMine };
    if (takesCards) {
      // The cards are there. The rest of the list follows after a random wait, so that not all open
      // lists fetch their page at once.
      [reached, lacks] = [news.to, true];
      clearTimeout(rest);
      rest = setTimeout(() => site.patch.fetch(owed), 1000 * Math.random());
      return;
    }
    clearTimeout(rest);
    await itself(owed);
  };
  // Handles the event `current`, with which a stream begins: checks whether the page is what the
  // server has. On the status page, also handles the event `fetch`.
  const confirm = async ({ page, theme: from, generation }) => {
    const isAsTold = page ? fingerprint().startsWith(page.slice(0, 16)) : isMissingPage();
    if (isVolatile || (isAsTold && from === theme && !lacks)) return isCurrent(generation);
    // The missing parts may have been announced already.
    await itself({ page, theme: from, generation, quietly: lacks && owed.quietly });
  };

  // Queues an action. The action starts after the end of the action before.
  const inTurn = (act) => (told) => {
    waiting++;
    wake?.();
    turn = turn.then(() => {
      waiting--;
      return act(told);
    }).catch((error) => console.warn(error)).finally(() => {
      site.announce?.flush();
      site.list?.flush();
    });
    return turn;
  };
  const follows = inTurn(step);
  site.patch = {
    fingerprint,
    isVolatile,
    isStuck: () => stuck,
    // Whether the page must fetch itself at this read of freshness.json, if its generation differs.
    doubts: () => doubts && doubts--,
    // Whether the changes that the page lacks were announced already.
    isSaid: () => lacks && owed.quietly,
    // The last generation whose step the page has handled.
    reached: () => reached ?? site.generation,
    // Whether actions wait, besides the current action.
    isBusy: () => waiting > 0,
    // Keeps the queue busy for 150 ms, within which the missed steps arrive after the start of a
    // stream, so that the steps are announced together.
    gather: inTurn(() => breath(150)),
    confirm: inTurn(confirm),
    fetch: inTurn(itself),
    step: (news) => ahead.push(news.to) && follows(news),
  };
})();
