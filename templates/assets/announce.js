// Tells screen readers what changed. All news that comes within a short time is announced in one
// sentence.
//
// Looks for the live region `[data-said]`. Its attributes `data-added`, `data-added-many`,
// `data-changed`, `data-changed-many`, `data-removed` and `data-removed-many` have the sentences.
// Offers `moviesGen.announce`.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const said = document.querySelector("[data-said]");
  if (!said) return;
  // Minimum time between two sentences in milliseconds. News that comes sooner is announced in the
  // next sentence.
  const PAUSE = 200;
  // News that is not announced yet: for each film the last kind of news, and a text.
  let films = new Map();
  let text = "";
  let timer = 0;
  let last = -PAUSE;

  const sentence = ({ added = [], changed = [], removed = [] }) => {
    const [kind, films] = added.length ? ["added", added]
      : removed.length ? ["removed", removed] : ["changed", changed];
    if (!films.length) return "";
    // The second argument is a function, because `$&` and similar patterns in a title would have a
    // special meaning in a string.
    return films.length === 1 ? said.dataset[kind].replace("{title}", () => films[0].title)
      : site.text(said, `${kind}Many`, films.length);
  };
  const say = () => {
    const of = (kind) => [...films.values()].filter((film) => film.kind === kind);
    const whole = sentence({ added: of("added"), changed: of("changed"), removed: of("removed") }) || text;
    clearTimeout(timer);
    [films, text, timer] = [new Map(), "", 0];
    // If the script set the same text again, screen readers would read the text again.
    if (!whole || said.textContent === whole) return;
    said.textContent = whole;
    last = performance.now();
  };
  // Announces the pending news. Waits if patch.js has more news in its queue, or if the last
  // sentence is too recent.
  const flush = () => {
    if (timer || (!films.size && !text) || site.patch?.isBusy()) return;
    const wait = last + PAUSE - performance.now();
    if (wait > 0) timer = setTimeout(say, wait);
    else say();
  };
  // Combines two pieces of news about one film. Returns null if there is nothing to announce: the
  // film was added and removed again.
  const together = (before, now) => {
    if (before === "added") return now === "removed" ? null : "added";
    return before === "removed" && now === "added" ? "changed" : now;
  };
  site.announce = {
    sentence,
    flush,
    // Announces news of films. Returns whether the news names any film.
    films(news) {
      const isSome = ["removed", "added", "changed"].some((kind) => news[kind]?.length);
      for (const kind of ["removed", "added", "changed"]) {
        for (const film of news[kind] ?? []) {
          const before = films.get(film.id)?.kind;
          const after = before ? together(before, kind) : kind;
          if (after) films.set(film.id, { id: film.id, title: film.title, kind: after });
          else films.delete(film.id);
        }
      }
      flush();
      return isSome;
    },
    // Announces any other sentence. News of films has precedence: the sentence is dropped if news
    // of films is pending at the moment of the announcement.
    text(sentence) {
      text = sentence;
      flush();
    },
  };
})();
