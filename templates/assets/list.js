// Searches, filters and sorts the list of films. The choices of the visitor are in the address, so
// that visitors can link to them and return to them with Back. Without this script, the page shows
// the whole list.
//
// patch.js brings news: it puts cards into the list, and updates the rest of the page. The list of
// an open page may grow too long for filters, get filters again, or become empty. Therefore this
// script looks up its elements each time.
//
// Looks for `#films` with cards `[data-film-id]`; `[data-finder]` with its fields, `data-search`,
// `[data-clear]` and `[data-surprise]`; `[data-found]`; and `[data-others]`. Offers `folded` and
// `list` of `moviesGen`. Needs site.js and morph.js.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  if (!document.getElementById("films") || !site.ask) return;
  const finder = () => document.querySelector("[data-finder]");
  const list = () => (finder() ? document.getElementById("films") : null);
  // If the list is not whole, the page has no filters, but a place for films that the search finds
  // and that are not in the list.
  const others = () => document.querySelector("[data-others]");
  const cardsOf = (list) => [...list?.querySelectorAll("[data-film-id]") ?? []];
  // The cards in the order of the catalogue, whatever order the visitor chose.
  let cards = cardsOf(list());
  const MOST_OTHERS = 200;
  const names = () => ["q", "director", "decade", "minutes", "score", "cast", "sort"]
    .filter((name) => finder()?.elements[name]);

  // The search text is folded by the same rule as the search index: letters with their plain forms.
  // The table comes with the first file of the index.
  const plain = new Map();
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/\P{ASCII}/gu, (letter) => plain.get(letter) ?? letter);
  site.folded = folded;
  // A word is found with and without its apostrophe: `howls` finds Howl's.
  const words = (text, apostrophe = "") => folded(text).replace(/['’ʼ\x60´]/g, apostrophe)
    .split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  // The files of the index that were requested, by address. A file has the words that begin with
  // the same two letters, or with the same letter in other scripts than Latin. If the file has
  // `more`, it names the prefixes, longer by one letter, that have files of their own.
  const parts = new Map();
  const NOTHING = { words: {}, films: [] };
  const load = (name) => {
    const url = `${finder().dataset.search}${name}.json`;
    if (!parts.has(url)) {
      parts.set(url, site.ask(url, {}, (answer) => {
        if (answer.status === 404) return NOTHING;
        if (!answer.ok) throw new Error(answer.status);
        return answer.json();
      }));
      // If the request for a file failed, the next search requests the file again.
      parts.get(url).catch(() => parts.delete(url));
    }
    return parts.get(url);
  };
  // Loads the file `_`, which has the prefixes that have a file, and the table of letters: each
  // plain form after the difference between the code point of its letter and the one before.
  const start = async () => {
    const { prefixes, letters = "" } = await load("_");
    if (!plain.size) {
      let at = 0;
      for (const [, step, form] of letters.matchAll(/(\d*)([a-zσ]+)/g)) {
        plain.set(String.fromCodePoint(at += +step || 1), form);
      }
      read = null;
    }
    return prefixes;
  };
  const part = async (word) => {
    const letters = [...word];
    let length = /^[a-z0-9]/.test(word) ? 2 : 1;
    const prefixes = await start();
    if (prefixes && !prefixes.includes(letters.slice(0, length).join(""))) return NOTHING;
    for (;;) {
      const loaded = await load(letters.slice(0, length).map((letter) =>
        /[a-z0-9]/.test(letter) ? letter : "_" + letter.codePointAt(0).toString(16)).join(""));
      const longer = letters.slice(0, length + 1).join("");
      if (length >= letters.length || !loaded.more?.includes(longer)) return loaded;
      length += 1;
    }
  };
  const named = (card) => [...card.querySelectorAll("h2, .original, .romanised, [data-person-id]")]
    .map((element) => element.textContent)
    .concat(card.dataset.director ?? "", card.dataset.year ?? "").join(" ");
  // The words of each card, by the id of the film. The first search reads them.
  let read = null;
  const text = () => (read ??= new Map(cards.map((card) =>
    [card.dataset.filmId, words(named(card)).concat(words(named(card), " "))])));
  // Whether a word begins with `word`, except for one letter that is wrong, missing, too many, or
  // exchanged with the next letter.
  const isNear = (word, other) => {
    let at = 0;
    while (at < word.length && word[at] === other[at]) at++;
    const goesOn = (from, to) => other.startsWith(word.slice(from), to);
    return goesOn(at + 1, at + 1) || goesOn(at + 1, at) || goesOn(at, at + 1)
      || (word[at] === other[at + 1] && word[at + 1] === other[at] && goesOn(at + 2, at + 2));
  };
  // Returns the films that have a word that begins with `word`, by id. If there are none, returns
  // the films that have a similar word. `cut` is true if there are more such films.
  const having = async (word) => {
    const begins = (other) => other.startsWith(word.slice(0, 24));
    const isSimilar = (other) => isNear(word, other);
    const onPage = (is = begins) => new Map([...text()].filter(([, of]) => of.some(is))
      .map(([id]) => [id, null]));
    // Too many films match a single letter to load a file for it.
    if ([...word].length < 2) return { films: onPage(), cut: others() !== null };
    try {
      const { words, films, cut } = await part(word.slice(0, 24));
      const inPart = (is) => {
        const numbers = Object.keys(words).filter(is).flatMap((other) => words[other]);
        const found = [...new Set(numbers)].sort((one, other) => one - other);
        return new Map(found.map((number) => [films[number].id, films[number]]));
      };
      const found = inPart(begins);
      if (found.size || word.length < 4) return { films: found, cut };
      return { films: new Map([...onPage(isSimilar), ...inPart(isSimilar)]), cut };
    } catch {
      // Without a network, the script searches only the cards of the page.
      return { films: onPage(), cut: others() !== null };
    }
  };
  const matching = async (query) => {
    await start().catch(() => {});
    const found = await Promise.all(words(query).map(having));
    if (!found.length) return null;
    // If the result for a word is incomplete (`cut`), the word has so many films that it hardly
    // narrows the search. If another
    // word has a complete result, the cut results do not count.
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
    oldest: (one, other) => (number(one, "year") ?? 1e9) - (number(other, "year") ?? 1e9),
    title: (one, other) => title(one).localeCompare(title(other)),
    score: (one, other) => (number(other, "score") ?? -1) - (number(one, "score") ?? -1),
    minutes: (one, other) => (number(one, "minutes") ?? 1e9) - (number(other, "minutes") ?? 1e9),
  };

  // Shows the found films that are not in the list. Items that were shown already stay, and with
  // them focus and selection.
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
  // The result of the last search.
  let matches = null;
  // The text about the result that is not shown yet.
  let result = null;
  // Hides the cards that were not found or do not pass the filters, and sorts the cards as the
  // visitor chose. A fetched page has empty cards in place of cards that have not changed; `of`
  // returns the card with the content.
  const arrange = (list, cards, state, found, of = (card) => card) => {
    const shown = cards.filter((card) =>
      (!found || found.films.has(card.dataset.filmId)) && passes(of(card), state));
    const are = new Set(shown);
    for (const card of cards) if (card.hidden === are.has(card)) card.hidden = !are.has(card);
    const by = ORDERS[state.sort];
    // Within one year, the oldest film comes first too.
    const from = state.sort === "oldest" ? [...cards].reverse() : [...cards];
    site.order(list, by ? from.sort((one, other) => by(of(one), of(other))) : cards);
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
    result = isAll || (!place && count === cards.length) ? ""
      : site.text(told, name, all, site.number(count) + (found?.cut && count ? "+" : "")).replace("{what}", () => state.q);
    site.list.flush();
  };

  // Keeps the choices in the address, and the found films in the state of the history entry. After
  // Back, the script shows these films at once, before the browser restores the scroll position.
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
    // The visitor has typed more since: only the newest search counts.
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
      // If the page has no such option any more, the empty option is chosen.
      if (field.tagName === "SELECT" && field.selectedIndex < 0) field.value = "";
    }
    const details = finder()?.querySelector("details");
    if (details && names().some((name) => name !== "q" && query.get(name))) details.open = true;
    const before = history.state?.found;
    if (before) show(chosen(), { films: new Map(before) });
    apply();
  };

  // Applies search, filters and order to a list that changed.
  const again = () => {
    read = null;
    const state = chosen();
    // The list shows the result on the cards of the page at once. The result from the index
    // follows, because the files of the index may have changed too.
    const had = state.q && matches ? { ...matches, films: new Map([...matches.films, ...[...text().keys()]
      .filter((id) => words(state.q).every((word) => text().get(id).some((of) => of.startsWith(word))))
      .map((id) => [id, matches.films.get(id) ?? null])]) } : null;
    parts.clear();
    show(state, had);
    if (state.q) apply();
    else remember(state, null);
  };
  // Shows the form, which is of no use without a script.
  const setUp = () => {
    const form = finder();
    if (form) form.hidden = false;
  };

  // The HTML of each card on the page that was fetched last, by the id of the film. If a card has
  // the same HTML on the next page, the card on this page is current.
  let known = new Map();
  const CARD = /<([a-z][a-z0-9-]*)\b[^>]*?\sdata-film-id="([^"]*)"[^>]*>/g;
  // Finds the cards in the HTML of a page. Returns no cards if the end of a card cannot be found,
  // or if two cards have the same id.
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
  // Number of cards that are parsed in one task. A slow machine needs about 20 ms for them.
  const BATCH = 25;

  site.list = {
    // Shows the text about the result, unless patch.js has more news: each text would be read by
    // screen readers. The same text is not set again for the same reason.
    flush() {
      const told = document.querySelector("[data-found]");
      if (result === null || site.patch?.isBusy()) return;
      if (told) site.write(told, result);
      result = null;
    },
    // Returns a function that returns the films that came after the call of `since`.
    since() {
      const before = new Set(cards.map((card) => card.dataset.filmId));
      return () => cards.filter((card) => !before.has(card.dataset.filmId)).map((card) => ({
        id: card.dataset.filmId, title: card.querySelector("h2").textContent,
        url: card.querySelector("h2 a").href }));
    },
    // Whether the list can take all films of an event: the page has a list, and each added or
    // changed film has a card.
    takes: ({ added, changed }) => list() !== null && [...added, ...changed].every((film) => film.card),
    // Puts the cards of an event into the list, each after the card of the film that comes before
    // it in the catalogue. The card before may itself be new, so there may be several rounds.
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
    // Parses a fetched page. In `found`, the cards that the open page already has are empty.
    // `cards` has those of them whose HTML differs from the page that was fetched before.
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
      // If the page has the same films in the same order, only the HTML around the list is parsed.
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
    // Updates the cards whose HTML differs, a few in each task.
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
    // Arranges the list of a fetched page in the order and with the choices of this page, before
    // patch.js compares the two pages.
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
    // Updates the state of this script after the page took over a fetched page.
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
  // The key `/` focuses the search field, as on many sites. The arrow keys go through the marks of a
  // drawing, which is one stop of the key Tab.
  const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -1e9, End: 1e9 };
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !target.closest) return;
    const mark = target.closest(".chart a");
    let next = null;
    if (key === "/" && !target.closest("input, select, textarea, [contenteditable]")) {
      next = finder()?.elements.q;
    } else if (mark && STEPS[key]) {
      const marks = [...mark.closest(".chart").querySelectorAll("a")];
      next = marks[Math.max(0, Math.min(marks.length - 1, marks.indexOf(mark) + STEPS[key]))];
      mark.tabIndex = -1;
      next.tabIndex = 0;
    }
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  addEventListener("popstate", fill);
  setUp();
  fill();
})();
