// Search, filters and order of the list. What is chosen stands in the address, so that it can be
// linked and that Back brings it back; without this script the list is simply whole.
// News comes by patch.js: it puts cards here, and has the rest of the page follow.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const finder = document.querySelector("[data-finder]");
  const list = document.getElementById("films");
  if (!finder || !list) return;
  const found = document.querySelector("[data-found]");
  const clear = finder.querySelector("[data-clear]");
  const cardsOf = (list) => [...list.querySelectorAll("[data-film-id]")];
  // In the order of the catalogue, whatever they are sorted by.
  let cards = cardsOf(list);
  const NAMES = ["q", "director", "decade", "minutes", "score", "cast", "sort"];

  // The rule by which the index was folded too.
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = (text) => folded(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  // The parts of the index: by the first two letters of a word, or the one of another script.
  const parts = new Map();
  const part = (word) => {
    const prefix = [...word].slice(0, /^[a-z0-9]/.test(word) ? 2 : 1).map((letter) =>
      /[a-z0-9]/.test(letter) ? letter : "_" + letter.codePointAt(0).toString(16));
    const url = finder.dataset.search + prefix.join("") + ".json";
    if (!parts.has(url)) {
      parts.set(url, fetch(url).then((answer) => {
        if (answer.status === 404) return { words: {}, films: [] };
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      }));
      // One that failed is asked for again.
      parts.get(url).catch(() => parts.delete(url));
    }
    return parts.get(url);
  };
  const named = (card) => [...card.querySelectorAll("h2, .original, .romanised, [data-person-id]")]
    .map((element) => element.textContent).concat(card.dataset.director ?? "").join(" ");
  const texts = () => new Map(cards.map((card) => [card.dataset.filmId, words(named(card))]));
  let text = texts();
  // The films that have a word which begins so.
  const having = async (word) => {
    const onPage = () => new Set([...text].filter(([, of]) =>
      of.some((other) => other.startsWith(word))).map(([id]) => id));
    // One letter says too little to load a part for.
    if ([...word].length < 2) return onPage();
    try {
      const { words, films } = await part(word);
      const numbers = Object.keys(words).filter((other) => other.startsWith(word))
        .flatMap((other) => words[other]);
      return new Set(numbers.map((number) => films[number].id));
    } catch {
      // Without a network the page itself is searched.
      return onPage();
    }
  };
  const matching = async (query) => {
    const sets = await Promise.all(words(query).map(having));
    return sets.length ? sets.reduce((one, other) => one.intersection?.(other)
      ?? new Set([...one].filter((id) => other.has(id)))) : null;
  };

  const number = (card, name) => card.dataset[name] === undefined ? null : +card.dataset[name];
  const chosen = () => Object.fromEntries(NAMES.map((name) => {
    const field = finder.elements[name];
    return [name, field.type === "checkbox" ? (field.checked ? "1" : "") : field.value.trim()];
  }));
  const passes = (card, state) => {
    const [least, most] = state.minutes.split("-");
    const minutes = number(card, "minutes");
    return (!state.director || card.dataset.director === state.director)
      && (!state.decade || Math.floor(number(card, "year") / 10) * 10 === +state.decade)
      && (!state.minutes || (minutes !== null && minutes >= +least && minutes <= (+most || 1e9)))
      && (!state.score || (number(card, "score") ?? -1) >= +state.score)
      && (!state.cast || card.querySelector("[data-person-id]") !== null);
  };
  const title = (card) => folded(card.querySelector("h2").textContent).replace(/^(the|an?)\s+/, "");
  const ORDERS = {
    title: (one, other) => title(one).localeCompare(title(other)),
    score: (one, other) => (number(other, "score") ?? -1) - (number(one, "score") ?? -1),
    minutes: (one, other) => (number(one, "minutes") ?? 1e9) - (number(other, "minutes") ?? 1e9),
  };

  let matches = null;
  const arrange = (list, cards, state, ids) => {
    const shown = cards.filter((card) =>
      (!ids || ids.has(card.dataset.filmId)) && passes(card, state));
    const are = new Set(shown);
    for (const card of cards) card.hidden = !are.has(card);
    // Moving what is in its place already would lose the focus for nothing.
    const order = ORDERS[state.sort] ? [...cards].sort(ORDERS[state.sort]) : cards;
    order.forEach((card, at) => {
      if (list.children[at] === card) return;
      const move = list.moveBefore && card.isConnected ? "moveBefore" : "insertBefore";
      list[move](card, list.children[at] ?? null);
    });
    return shown;
  };
  const show = (state, ids) => {
    matches = ids;
    const shown = arrange(list, cards, state, ids);
    const isWhole = shown.length === cards.length;
    clear.hidden = NAMES.every((name) => !state[name]);
    const pattern = shown.length ? found.dataset.some : found.dataset.none;
    found.textContent = isWhole ? "" : pattern.replace("{count}", shown.length)
      .replace("{all}", cards.length).replace("{what}", () => state.q ? `“${state.q}”` : "all of that");
    return shown;
  };

  let turn = 0;
  const apply = async () => {
    const state = chosen(), mine = ++turn;
    const ids = await matching(state.q);
    // What was typed since counts.
    if (mine !== turn) return;
    show(state, ids);
    const query = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
    const url = location.pathname + (query.size ? `?${query}` : "") + location.hash;
    // With what was found: Back shows it at once, before the place on the page is found again.
    history.replaceState({ found: ids && [...ids] }, "", url);
  };
  const fill = () => {
    const query = new URLSearchParams(location.search);
    for (const name of NAMES) {
      const field = finder.elements[name], value = query.get(name) ?? "";
      if (field.type === "checkbox") field.checked = value === "1";
      else field.value = value;
      // A choice that is not there any more is none.
      if (field.tagName === "SELECT" && field.selectedIndex < 0) field.value = "";
    }
    const details = finder.querySelector("details");
    if (NAMES.some((name) => name !== "q" && query.get(name))) details.open = true;
    const before = history.state?.found;
    if (before) show(chosen(), new Set(before));
    if (query.size) apply();
  };

  const again = () => {
    text = texts();
    const state = chosen();
    // At once by what the page says; then by what the index, which is another now, says.
    const had = matches && new Set([...matches, ...cards.map((card) => card.dataset.filmId)
      .filter((id) => words(state.q).every((word) => text.get(id).some((of) => of.startsWith(word))))]);
    show(state, had);
    parts.clear();
    if (state.q) apply();
  };
  site.list = {
    ids: () => new Set(cards.map((card) => card.dataset.filmId)),
    films: () => cards.map((card) => ({ id: card.dataset.filmId,
      title: card.querySelector("h2").textContent, url: card.querySelector("h2 a").href })),
    // The cards of an event, each after the one that the catalogue has before it.
    put({ added, changed, removed }) {
      const known = new Map(cards.map((card) => [card.dataset.filmId, card]));
      for (const { id } of removed) known.get(id)?.remove();
      let left = [...added, ...changed].filter((film) => film.card);
      const moving = new Set([...removed, ...left].map((film) => film.id));
      cards = cards.filter((card) => !moving.has(card.dataset.filmId));
      while (left.length) {
        const placed = left.filter((film) => {
          const at = film.after ? cards.findIndex((card) => card.dataset.filmId === film.after) : -1;
          if (film.after && at < 0) return false;
          const card = site.morphCard(known.get(film.id), film.card);
          cards.splice(at + 1, 0, card);
          return true;
        });
        if (!placed.length) break;
        left = left.filter((film) => !placed.includes(film));
      }
      again();
    },
    // A page that was fetched stands as this one does, before it is compared.
    prepare(page) {
      const fresh = page.getElementById("films");
      if (fresh) arrange(fresh, (page.cards = cardsOf(fresh)), chosen(), matches);
      site.list.order = page.cards?.map((card) => card.dataset.filmId);
    },
    refresh() {
      const known = new Map(cardsOf(list).map((card) => [card.dataset.filmId, card]));
      cards = (site.list.order ?? []).map((id) => known.get(id)).filter(Boolean);
      again();
    },
  };

  finder.hidden = false;
  finder.addEventListener("input", apply);
  finder.addEventListener("submit", (event) => event.preventDefault());
  finder.addEventListener("reset", () => setTimeout(() => {
    apply();
    finder.elements.q.focus();
  }));
  finder.querySelector("[data-surprise]").addEventListener("click", () => {
    const shown = cards.filter((card) => !card.hidden);
    const card = shown[Math.floor(Math.random() * shown.length)];
    card?.querySelector("h2 a").click();
  });
  // As everywhere: a slash goes to the search.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    finder.elements.q.focus();
  });
  addEventListener("popstate", fill);
  fill();
})();
