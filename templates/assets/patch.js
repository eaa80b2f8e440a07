// What news does to a page that is open. A list takes the cards of an event; then, as any page that
// changed, it fetches itself and becomes what it got, piece by piece. One sentence tells of it.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const main = document.getElementById("main");
  const said = document.querySelector("[data-said]");
  const meta = (name, of = document) => of.querySelector(`meta[name="movies-gen-${name}"]`);
  if (!main || !said || !window.Idiomorph || !meta("fingerprint")) return;
  const theme = meta("theme")?.content;
  const THEMES = "movies-gen-themes";
  // Fetches for one generation: another replica may be a moment behind, or have another theme.
  const TRIES = 4;
  let tried = null;
  let tries = 0;
  let stuck = false;
  let turn = Promise.resolve();
  let waiting = 0;
  let wake = null;
  let rest = 0;

  // Where nothing may be kept, nothing is remembered.
  const keep = (storage) => ({
    get: (name) => { try { return window[storage].getItem(name); } catch { return null; } },
    set: (name, value) => { try { window[storage].setItem(name, value); } catch { /* full */ } },
  });
  const [local, session] = [keep("localStorage"), keep("sessionStorage")];
  Object.assign(site, { stored: local.get, store: local.set, session });

  const themes = () => JSON.parse(session.get(THEMES) ?? "[]");
  const note = (other) => session.set(THEMES, JSON.stringify([...new Set([...themes(), other])]));
  note(theme);

  const fingerprint = () => meta("fingerprint").content;
  const tell = (name) => document.dispatchEvent(new CustomEvent(`movies-gen:${name}`));
  const isCurrent = (generation) => {
    site.generation = generation ?? site.generation;
    stuck = false;
    tell("shown");
  };
  const say = (sentence) => { if (sentence) said.textContent = sentence; };
  const sentence = ({ added = [], changed = [], removed = [] }) => {
    const [kind, films] = added.length ? ["added", added]
      : removed.length ? ["removed", removed] : ["changed", changed];
    if (!films.length) return "";
    // By a function: a title may hold what a pattern gives a meaning to.
    return films.length === 1 ? said.dataset[kind].replace("{title}", () => films[0].title)
      : said.dataset[`${kind}Many`].replace("{count}", films.length);
  };
  site.sentence = sentence;

  // Where something stands in the window, whatever moves it for a moment.
  const place = (element) => {
    let top = -scrollY;
    for (let of = element; of; of = of.offsetParent) top += of.offsetTop;
    return isFinite(top) ? top : element.getBoundingClientRect().top;
  };
  // Whoever reads stays where they are: what is seen first keeps its place in the window.
  const still = (change) => {
    const active = document.activeElement;
    const candidates = [active, ...main.querySelectorAll("[data-film-id], section, li, h1, p")];
    const isSeen = (element) => {
      const { top, bottom, height } = element.getBoundingClientRect();
      return height > 0 && bottom > 0 && top < innerHeight;
    };
    const anchor = scrollY > 0 && candidates.find((element) =>
      element && element !== document.body && main.contains(element) && isSeen(element));
    const before = anchor && place(anchor);
    document.documentElement.style.overflowAnchor = "none";
    change();
    if (active?.isConnected && active !== document.activeElement && active !== document.body) {
      active.focus({ preventScroll: true });
    }
    if (anchor?.isConnected && isFinite(before)) {
      scrollBy({ top: place(anchor) - before, behavior: "instant" });
    }
    document.documentElement.style.overflowAnchor = "";
  };

  // Films and people are told apart by their ids, on what is shown and on what was fetched.
  const key = (root) => {
    for (const film of root.querySelectorAll("[data-film-id]")) film.id ||= `film ${film.dataset.filmId}`;
    for (const person of root.querySelectorAll("[data-person-id]")) {
      const film = person.closest("[data-film-id]")?.dataset.filmId ?? "";
      person.id ||= `person ${person.dataset.personId} ${film}`;
    }
  };
  // What visitors did to the page is theirs.
  const THEIRS = new Set(["open", "data-new", "data-was", "value", "checked", "selected"]);
  // What a figure was, for a moment beside what it is; the style sheet strikes it through.
  const compare = (of, into) => {
    const value = of.nodeType === Node.TEXT_NODE && of.parentElement?.closest(".figures > *, .facts dd");
    const [was, is] = [of, into].map((text) => text.nodeValue?.trim());
    if (!value || !was || !is || was === is) return;
    value.dataset.was = was;
    setTimeout(() => delete value.dataset.was, 1500);
  };
  const morph = (element, content, style) => {
    const chosen = new Map([...element.querySelectorAll("select")].map((field) => [field, field.value]));
    Idiomorph.morph(element, content, {
      morphStyle: style,
      callbacks: {
        beforeAttributeUpdated: (name, of) =>
          !THEIRS.has(name) && !(name === "hidden" && of.closest("[data-finder]")),
        beforeNodeMorphed: (of, into) => {
          compare(of, into);
          return !of.matches?.("input, textarea, [data-found]");
        },
      },
    });
    for (const [field, value] of chosen) {
      field.value = value;
      if (field.selectedIndex < 0) field.value = "";
    }
  };
  site.morphCard = (card, html) => {
    const content = new DOMParser().parseFromString(html, "text/html").body;
    const fresh = content.querySelector("[data-film-id]");
    if (!card) return document.importNode(fresh, true);
    key(card.parentElement ?? card);
    key(content);
    fresh.hidden = card.hidden;
    morph(card, fresh, "outerHTML");
    return card;
  };

  const become = (page) => {
    const fresh = page.getElementById("main");
    site.list?.prepare(page);
    key(main);
    key(fresh);
    still(() => {
      morph(main, [...fresh.childNodes], "innerHTML");
      site.list?.refresh();
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
    say(said.dataset.gone);
  };

  // One look at this page as it is now: whether that is enough.
  const look = async ({ page, theme: from, generation, quietly }, isLast) => {
    // What another theme's pages are called says nothing of this one.
    const expected = !from || from === theme ? page : undefined;
    const answer = await fetch(location.pathname + location.search, { cache: "no-cache" });
    const isMissing = answer.status === 404;
    if (!answer.ok && !isMissing) return false;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [name, other] = [meta("fingerprint", found)?.content, meta("theme", found)?.content];
    if (!name || !found.getElementById("main")) return false;
    if (other !== theme) {
      follow(other);
      return false;
    }
    if (isMissing && !isMissingPage()) {
      gone();
      isCurrent(generation);
      return true;
    }
    const isExpected = !expected || name.startsWith(expected);
    if (!isExpected && !isLast()) return false;
    const notice = document.querySelector("[data-left]");
    if (notice) notice.hidden = true;
    if (name !== fingerprint()) {
      const before = site.list?.ids();
      become(found);
      const after = site.list?.films();
      const added = before ? after.filter((film) => !before.has(film.id)) : [];
      if (!quietly) say(sentence({ added }) || said.dataset.page);
      if (!quietly) site.came?.(added, generation);
    }
    const shown = answer.headers.get("x-generation");
    isCurrent(generation && (expected && isExpected ? generation : shown ?? generation));
    return true;
  };
  const itself = async (told) => {
    const name = told.generation ?? told.rest;
    if (tried !== name) [tried, tries] = [name, 0];
    while (tries < TRIES) {
      tries++;
      try {
        // Where more is known already there is no use in waiting for this.
        if (await look(told, () => tries === TRIES || waiting > 1)) return;
      } catch {
        // Nobody answers: what comes next tells more.
      }
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 100 * 3 ** tries * (0.5 + Math.random()));
      });
    }
    // Nothing is tried for long; a link leads to what is newer.
    stuck = true;
    site.follows = false;
    tell("shown");
  };

  const step = async (news) => {
    if (news.to === site.generation) return;
    const isNext = news.from === site.generation && news.theme === theme;
    const path = decodeURI(location.pathname);
    // The page for what is not there stands for many addresses.
    const mine = [path, decodeURI(document.querySelector("[data-path]")?.dataset.path ?? path)];
    const changed = news.paths && new Map(Object.entries(news.paths).map(([of, name]) => [decodeURI(of), name]));
    const isMine = !changed || mine.some((of) => changed.has(of));
    // What changed and is no news, a new signature in the address of a picture, is not said.
    const isSome = ({ added, changed, removed }) => added.length + changed.length + removed.length > 0;
    let quietly = isNext && news.films && news.people && ![news.films, news.people].some(isSome);
    const takesCards = site.list && news.films && [...news.films.added, ...news.films.changed].every((film) => film.card);
    if (isNext && news.films) {
      const sentenceOfIt = sentence(news.films);
      if (isMine || news.films.added.length) {
        say(sentenceOfIt);
        quietly ||= sentenceOfIt !== "";
      }
      if (isMine && takesCards) still(() => site.list.put(news.films));
      site.came?.(news.films.added, news.to);
    }
    if (isNext && !isMine) return isCurrent(news.to);
    if (changed?.get(path) === null && !isMissingPage()) {
      gone();
      return isCurrent(news.to);
    }
    const told = { theme: news.theme, page: changed?.get(path) ?? undefined, quietly };
    if (isNext && takesCards) {
      // The cards are there; what else the list shows may follow, and not for all at once.
      isCurrent(news.to);
      clearTimeout(rest);
      rest = setTimeout(() => site.patch.fetch({ ...told, rest: news.to }), 1000 * Math.random());
      return;
    }
    await itself({ ...told, generation: news.to });
  };

  // One after the other.
  const inTurn = (act) => (told) => {
    waiting++;
    wake?.();
    turn = turn.then(() => act(told)).catch(() => {}).finally(() => { waiting--; });
    return turn;
  };
  site.patch = {
    fingerprint,
    isCurrent,
    isStuck: () => stuck,
    shows: () => stuck && tried ? tried : site.generation,
    fetch: inTurn(itself),
    step: inTurn(step),
  };
})();
