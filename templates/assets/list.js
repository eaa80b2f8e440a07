// Search, filters and order of the list. What is chosen stands in the address, so that it can be
// linked and that Back brings it back; without this script the list is simply whole.
// News comes by patch.js: it puts cards here, and has the rest of the page follow.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const finder = document.querySelector("[data-finder]");
  const list = document.getElementById("films");
  if (!finder || !list) return;
  const told = document.querySelector("[data-found]");
  const clear = finder.querySelector("[data-clear]");
  const cardsOf = (list) => [...list.querySelectorAll("[data-film-id]")];
  // In the order of the catalogue, whatever they are sorted by.
  let cards = cardsOf(list);
  // Where the list is not whole, the films that are found beside it; and no filters.
  const others = document.querySelector("[data-others]");
  const MOST_OTHERS = 200;
  const NAMES = ["q", "director", "decade", "minutes", "score", "cast", "sort"]
    .filter((name) => finder.elements[name]);

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
    const url = `${finder.dataset.search}${name}.json`;
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
  const texts = () => new Map(cards.map((card) => [card.dataset.filmId, words(named(card))]));
  let text = texts();
  // The films that have a word which begins so, by id; `cut` if they are not all.
  const having = async (word) => {
    const onPage = () => new Map([...text].filter(([, of]) =>
      of.some((other) => other.startsWith(word))).map(([id]) => [id, null]));
    // One letter says too little to load a part for.
    if ([...word].length < 2) return { films: onPage(), cut: others !== null };
    try {
      const { words, films, cut } = await part(word.slice(0, 24));
      const begins = (other) => other.startsWith(word.slice(0, 24));
      const numbers = Object.keys(words).filter(begins).flatMap((other) => words[other]);
      const found = [...new Set(numbers)].sort((one, other) => one - other);
      return { films: new Map(found.map((number) => [films[number].id, films[number]])), cut };
    } catch {
      // Without a network the page itself is searched.
      return { films: onPage(), cut: others !== null };
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
  const chosen = () => Object.fromEntries(NAMES.map((name) => {
    const field = finder.elements[name];
    return [name, field.type === "checkbox" ? (field.checked ? "1" : "") : field.value.trim()];
  }));
  const directors = (card) => card.dataset.directors?.split("\n") ?? [card.dataset.director];
  const passes = (card, state) => {
    const [least, most] = (state.minutes ?? "").split("-");
    const minutes = number(card, "minutes");
    return (!state.director || directors(card).includes(state.director))
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

  const beside = (films) => {
    others?.replaceChildren(...films.slice(0, MOST_OTHERS).map((film) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = film.url;
      link.append(Object.assign(document.createElement("cite"), { textContent: film.title }));
      const year = Object.assign(document.createElement("time"), { textContent: film.year ?? "" });
      item.append(year, link);
      return item;
    }));
  };
  // What was found last.
  let matches = null;
  const arrange = (list, cards, state, found) => {
    const shown = cards.filter((card) =>
      (!found || found.films.has(card.dataset.filmId)) && passes(card, state));
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
  const show = (state, found) => {
    matches = found;
    const shown = arrange(list, cards, state, found);
    const away = others && found
      ? [...found.films].filter(([id, film]) => film && !text.has(id)).map(([, film]) => film) : [];
    beside(away);
    const count = shown.length + away.length;
    const isAll = shown.length === cards.length && !found;
    clear.hidden = NAMES.every((name) => !state[name]);
    told.toggleAttribute("data-empty", !count);
    const pattern = count ? told.dataset.some : told.dataset.none;
    told.textContent = isAll || (!others && count === cards.length) ? "" : pattern
      .replace("{count}", found?.cut && count ? `${count}+` : count)
      .replace("{all}", others ? told.dataset.all : cards.length)
      .replace("{what}", () => state.q ? `“${state.q}”` : "all of that");
  };

  let turn = 0;
  const apply = async () => {
    const state = chosen(), mine = ++turn;
    const found = await matching(state.q);
    // What was typed since counts.
    if (mine !== turn) return;
    show(state, found);
    const query = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
    const url = location.pathname + (query.size ? `?${query}` : "") + location.hash;
    // With what was found: Back shows it at once, before the place on the page is found again.
    history.replaceState({ found: found && [...found.films].slice(0, 2000) }, "", url);
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
    if (before) show(chosen(), { films: new Map(before) });
    if (query.size) apply();
  };

  const again = () => {
    text = texts();
    const state = chosen();
    // At once by what the page says; then by what the index, which is another now, says.
    const had = matches && { ...matches, films: new Map([...matches.films, ...[...text.keys()]
      .filter((id) => words(state.q).every((word) => text.get(id).some((of) => of.startsWith(word))))
      .map((id) => [id, matches.films.get(id) ?? null])]) };
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
