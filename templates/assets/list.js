// Search, filters and order of the list. What is chosen stands in the address, so that it can be
// linked and that Back brings it back; without this script the list is simply whole.
// News comes by patch.js: it puts cards here, and has the rest of the page follow. An open list may
// outgrow its filters, get them back or become empty, so this script looks up its elements each time.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  if (!document.getElementById("films") || !site.ask) return;
  const finder = () => document.querySelector("[data-finder]");
  const list = () => (finder() ? document.getElementById("films") : null);
  // Where the list is not whole, the films that are found beside it; and no filters.
  const others = () => document.querySelector("[data-others]");
  const cardsOf = (list) => [...list?.querySelectorAll("[data-film-id]") ?? []];
  // In the order of the catalogue, whatever they are sorted by.
  let cards = cardsOf(list());
  const MOST_OTHERS = 200;
  const names = () => ["q", "director", "decade", "minutes", "score", "cast", "sort"]
    .filter((name) => finder()?.elements[name]);

  // The rule by which the index was folded too. Publishing puts the table of letters here: plain
  // forms, each with the letters that become it.
  const LETTERS = {/* movies-gen:letters */};
  const plain = new Map(Object.entries(LETTERS).flatMap(([form, letters]) =>
    [...letters].map((letter) => [letter, form])));
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/\P{ASCII}/gu, (letter) => plain.get(letter) ?? letter);
  site.folded = folded;
  const words = (text) => folded(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  // The parts of the index: by the first two letters of a word, or the one of another script; by
  // one more where a part says so.
  const parts = new Map();
  const load = (prefix) => {
    const name = [...prefix].map((letter) =>
      /[a-z0-9]/.test(letter) ? letter : "_" + letter.codePointAt(0).toString(16)).join("");
    const url = `${finder().dataset.search}${name}.json`;
    if (!parts.has(url)) {
      parts.set(url, site.ask(url, {}, (answer) => {
        if (answer.status === 404) return { words: {}, films: [] };
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      }));
      // One that failed is asked for again.
      parts.get(url).catch(() => parts.delete(url));
    }
    return parts.get(url);
  };
  const part = async (word) => {
    const letters = [...word];
    let length = /^[a-z0-9]/.test(word) ? 2 : 1;
    for (;;) {
      const loaded = await load(letters.slice(0, length).join(""));
      const longer = letters.slice(0, length + 1).join("");
      if (length >= letters.length || !loaded.more?.includes(longer)) return loaded;
      length += 1;
    }
  };
  const named = (card) => [...card.querySelectorAll("h2, .original, .romanised, [data-person-id]")]
    .map((element) => element.textContent).concat(card.dataset.director ?? "").join(" ");
  // The words of each card, by the film's id; read when somebody searches.
  let read = null;
  const text = () => (read ??= new Map(cards.map((card) => [card.dataset.filmId, words(named(card))])));
  // The films that have a word which begins so, by id; `cut` if they are not all.
  const having = async (word) => {
    const onPage = () => new Map([...text()].filter(([, of]) =>
      of.some((other) => other.startsWith(word))).map(([id]) => [id, null]));
    // One letter says too little to load a part for.
    if ([...word].length < 2) return { films: onPage(), cut: others() !== null };
    try {
      const { words, films, cut } = await part(word.slice(0, 24));
      const begins = (other) => other.startsWith(word.slice(0, 24));
      const numbers = Object.keys(words).filter(begins).flatMap((other) => words[other]);
      const found = [...new Set(numbers)].sort((one, other) => one - other);
      return { films: new Map(found.map((number) => [films[number].id, films[number]])), cut };
    } catch {
      // Without a network the page itself is searched.
      return { films: onPage(), cut: others() !== null };
    }
  };
  const matching = async (query) => {
    const found = await Promise.all(words(query).map(having));
    if (!found.length) return null;
    // A word that very many films have says little beside one that few have.
    const whole = found.filter(({ cut }) => !cut);
    const [first, ...rest] = whole.length ? whole : found;
    const films = new Map([...first.films].filter(([id]) => rest.every((one) => one.films.has(id))));
    return { films, cut: !whole.length };
  };

  const number = (card, name) => card.dataset[name] === undefined ? null : +card.dataset[name];
  const chosen = () => Object.fromEntries(names().map((name) => {
    const field = finder().elements[name];
    return [name, field.type === "checkbox" ? (field.checked ? "1" : "") : field.value.trim()];
  }));
  const directors = (card) => card.dataset.directors?.split("\n") ?? [card.dataset.director];
  const passes = (card, state) => {
    const isLong = (minutes) => {
      const [least, most] = state.minutes.split("-");
      return minutes !== null && minutes >= +least && minutes <= (+most || 1e9);
    };
    return (!state.director || directors(card).includes(state.director))
      && (!state.decade || Math.floor(number(card, "year") / 10) * 10 === +state.decade)
      && (!state.minutes || isLong(number(card, "minutes")))
      && (!state.score || (number(card, "score") ?? -1) >= +state.score)
      && (!state.cast || card.querySelector("[data-person-id]") !== null);
  };
  const title = (card) => folded(card.querySelector("h2").textContent).replace(/^(the|an?)\s+/, "");
  const ORDERS = {
    title: (one, other) => title(one).localeCompare(title(other)),
    score: (one, other) => (number(other, "score") ?? -1) - (number(one, "score") ?? -1),
    minutes: (one, other) => (number(one, "minutes") ?? 1e9) - (number(other, "minutes") ?? 1e9),
  };

  // The films that are found and are not in the list; what was there already stays as it is.
  const beside = (place, films) => {
    const known = new Map([...place.children].map((item) => [item.dataset.key, item]));
    const items = films.slice(0, MOST_OTHERS).map((film) => {
      const item = known.get(film.id) ?? document.createElement("li");
      known.delete(film.id);
      if (!item.firstChild) {
        item.dataset.key = film.id;
        item.innerHTML = '<time></time><a><cite dir="auto"></cite></a>';
      }
      const [year, link] = item.children;
      site.write(year, String(film.year ?? ""));
      site.write(link.firstChild, film.title);
      if (film.lang) link.firstChild.lang = film.lang;
      if (link.getAttribute("href") !== film.url) link.href = film.url;
      return item;
    });
    for (const gone of known.values()) gone.remove();
    site.order(place, items);
  };
  // What was found last.
  let matches = null;
  // Shows of these cards what was asked for, in the order that was asked for. Another page's cards
  // may stand for those of this one; `of` gives the card that says what the film is.
  const arrange = (list, cards, state, found, of = (card) => card) => {
    const shown = cards.filter((card) =>
      (!found || found.films.has(card.dataset.filmId)) && passes(of(card), state));
    const are = new Set(shown);
    for (const card of cards) if (card.hidden === are.has(card)) card.hidden = !are.has(card);
    const by = ORDERS[state.sort];
    site.order(list, by ? [...cards].sort((one, other) => by(of(one), of(other))) : cards);
    return shown;
  };
  const show = (state, found) => {
    matches = found;
    if (!list()) return;
    const shown = arrange(list(), cards, state, found);
    const place = others();
    const away = place && found
      ? [...found.films].filter(([id, film]) => film && !text().has(id)).map(([, film]) => film) : [];
    if (place) beside(place, away);
    const count = shown.length + away.length;
    const isAll = shown.length === cards.length && !found;
    const clear = finder().querySelector("[data-clear]");
    if (clear) clear.hidden = names().every((name) => !state[name]);
    const told = document.querySelector("[data-found]");
    if (!told) return;
    told.toggleAttribute("data-empty", !count);
    const all = place ? told.dataset.all : cards.length;
    const name = count ? "some" : state.q ? "none" : "noneFilters";
    // The same text again would be read aloud again.
    site.write(told, isAll || (!place && count === cards.length) ? ""
      : site.text(told, name, all, site.number(count) + (found?.cut && count ? "+" : "")).replace("{what}", () => state.q));
  };

  // Keeps what is chosen in the address, with what was found: Back shows it at once, before the
  // place on the page is found again.
  const remember = (state, found) => {
    const query = String(new URLSearchParams(Object.entries(state).filter(([, value]) => value)));
    const url = location.pathname + (query && `?${query}`) + location.hash;
    const kept = found && [...found.films].slice(0, 2000);
    if (!kept && !history.state?.found && url === location.pathname + location.search + location.hash) return;
    site.optionally(() => history.replaceState({ ...history.state, found: kept }, "", url));
  };
  let turn = 0;
  const apply = async () => {
    const state = chosen(), mine = ++turn;
    const found = state.q ? await matching(state.q) : null;
    // What was typed since counts.
    if (mine !== turn) return;
    show(state, found);
    remember(state, found);
  };
  const fill = () => {
    const query = new URLSearchParams(location.search);
    for (const name of names()) {
      const field = finder().elements[name], value = query.get(name) ?? "";
      if (field.type === "checkbox") field.checked = value === "1";
      else field.value = value;
      // A choice that is not there any more is none.
      if (field.tagName === "SELECT" && field.selectedIndex < 0) field.value = "";
    }
    const details = finder()?.querySelector("details");
    if (details && names().some((name) => name !== "q" && query.get(name))) details.open = true;
    const before = history.state?.found;
    if (before) show(chosen(), { films: new Map(before) });
    apply();
  };

  const again = () => {
    read = null;
    const state = chosen();
    // At once by what the page says; then by what the index, which is another now, says.
    const had = state.q && matches ? { ...matches, films: new Map([...matches.films, ...[...text().keys()]
      .filter((id) => words(state.q).every((word) => text().get(id).some((of) => of.startsWith(word))))
      .map((id) => [id, matches.films.get(id) ?? null])]) } : null;
    parts.clear();
    show(state, had);
    if (state.q) apply();
    else remember(state, null);
  };
  // What the page has that only a script can use.
  const setUp = () => {
    const form = finder();
    if (form) form.hidden = false;
  };

  // The text of each card on the page that was fetched last. A card with the same text again is on
  // this page already.
  let known = new Map();
  const CARD = /<([a-z][a-z0-9-]*)\b[^>]*?\sdata-film-id="([^"]*)"[^>]*>/g;
  // Cuts a page into its cards; none if it cannot be told where they end.
  const cut = (html) => {
    const found = [], edges = {};
    CARD.lastIndex = 0;
    for (let start = CARD.exec(html); start; start = CARD.exec(html)) {
      const [, tag, id] = start;
      const ends = (edges[tag] ??= new RegExp(`<(/?)${tag}\\b`, "g"));
      ends.lastIndex = CARD.lastIndex;
      let depth = 1, end = null;
      while (depth && (end = ends.exec(html))) depth += end[1] ? -1 : 1;
      const to = end ? html.indexOf(">", end.index) + 1 : 0;
      if (!to) return [];
      found.push({ id, tag, from: start.index, to, html: html.slice(start.index, to) });
      CARD.lastIndex = to;
    }
    const isEach = new Set(found.map(({ id }) => id)).size === found.length;
    return isEach ? found : [];
  };
  // Cards that are read at once: a slow machine needs some 20 ms for them.
  const BATCH = 25;

  site.list = {
    // Gives the films that came since.
    since() {
      const before = new Set(cards.map((card) => card.dataset.filmId));
      return () => cards.filter((card) => !before.has(card.dataset.filmId)).map((card) => ({
        id: card.dataset.filmId, title: card.querySelector("h2").textContent,
        url: card.querySelector("h2 a").href }));
    },
    // Whether all cards of an event have a place here.
    takes: ({ added, changed }) => list() !== null && [...added, ...changed].every((film) => film.card),
    // The cards of an event, each after the one that the catalogue has before it.
    put({ added, changed, removed }) {
      const cardOf = (id) => list().querySelector(`[data-film-id="${CSS.escape(id)}"]`);
      for (const { id } of removed) cardOf(id)?.remove();
      let left = [...added, ...changed].filter((film) => film.card);
      const own = new Map(left.map(({ id }) => [id, cardOf(id)]));
      const moving = new Set(own.values());
      cards = cards.filter((card) => card.isConnected && !moving.has(card));
      while (left.length) {
        const placed = left.filter((film) => {
          const at = film.after ? cards.indexOf(cardOf(film.after)) : -1;
          if (film.after && at < 0) return false;
          const card = site.morphCard(own.get(film.id), film.card);
          if (!card.isConnected) {
            if (at < 0) list().prepend(card);
            else cards[at].after(card);
          }
          cards.splice(at + 1, 0, card);
          return true;
        });
        if (!placed.length) break;
        left = left.filter((film) => !placed.includes(film));
      }
      again();
    },
    // Reads a page that was fetched, and of its cards only those that are new here: the others are
    // empty in what was `found`, and those that differ are in `cards`.
    read(html) {
      const here = list() ? cut(html) : [];
      const shown = new Map(cards.map((card) => [card.dataset.filmId, card]));
      const differing = [], now = new Map();
      for (const card of here) {
        card.own = shown.get(card.id);
        now.set(card.id, card.html);
        if (card.own && known.get(card.id) !== card.html) differing.push(card);
      }
      const read = { known: now, differing };
      // The same films in the same order: what is around the list is all there is to read.
      if (here[0] && here.length === cards.length && here.every(({ own }, at) => own === cards[at])) {
        const found = site.parse(html.slice(0, here[0].from) + html.slice(here[here.length - 1].to));
        const fresh = found.getElementById("films");
        if (fresh?.children.length === 0 && list().children.length === cards.length) {
          fresh.dataset.same = "";
          return { found, cards: read };
        }
      }
      let at = 0, rest = "";
      for (const { id, tag, from, to } of here.filter(({ own }) => own)) {
        rest += `${html.slice(at, from)}<${tag} data-film-id="${id}" data-same></${tag}>`;
        at = to;
      }
      return { found: site.parse(rest + html.slice(at)), cards: read };
    },
    // Makes the cards that differ what they are on that page, a few at a time.
    async take({ known: now, differing }) {
      for (let from = 0; from < differing.length; from += BATCH) {
        if (from) await new Promise((resolve) => setTimeout(resolve));
        const batch = differing.slice(from, from + BATCH);
        const fresh = site.parse(batch.map(({ html }) => html).join("")).body.children;
        const changed = batch.map(({ own }, at) => [own, fresh[at]])
          .filter(([own, fresh]) => fresh && !own.isEqualNode(fresh));
        if (changed.length) site.still(() => changed.forEach(([own, fresh]) => site.morph(own, fresh)));
      }
      known = now;
    },
    // A page that was fetched stands as this one does, before it is compared.
    prepare(page) {
      site.list.order = null;
      const fresh = page.querySelector("[data-finder]") && page.getElementById("films");
      if (fresh?.dataset.same !== undefined) return;
      const own = new Map(cards.map((card) => [card.dataset.filmId, card]));
      const all = cardsOf(fresh);
      site.list.order = all.map((card) => card.dataset.filmId);
      if (!fresh || !finder()) return;
      const of = (card) => (card.dataset.same === undefined ? card : own.get(card.dataset.filmId));
      arrange(fresh, all, chosen(), matches, of);
    },
    // This page became what another one was.
    follow() {
      if (site.list.order) {
        const known = new Map(cardsOf(list()).map((card) => [card.dataset.filmId, card]));
        cards = site.list.order.map((id) => known.get(id)).filter(Boolean);
      }
      setUp();
      again();
    },
  };

  const isFinder = (event) => event.target.closest?.("[data-finder]");
  document.addEventListener("input", (event) => isFinder(event) && apply());
  document.addEventListener("submit", (event) => event.target === finder() && event.preventDefault());
  document.addEventListener("reset", (event) => event.target === finder() && setTimeout(() => {
    apply();
    finder().elements.q.focus();
  }));
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-surprise]")) return;
    const shown = cards.filter((card) => !card.hidden);
    const card = shown[Math.floor(Math.random() * shown.length)];
    card?.querySelector("h2 a").click();
  });
  // As everywhere: a slash goes to the search.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!finder()) return;
    event.preventDefault();
    finder().elements.q.focus();
  });
  addEventListener("popstate", fill);
  setUp();
  fill();
})();
