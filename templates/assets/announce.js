// What is read aloud: one sentence for all that comes together, in the page's live region.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  const said = document.querySelector("[data-said]");
  if (!said) return;
  // Milliseconds between two sentences: what comes sooner is said together.
  const PAUSE = 200;
  let films = new Map();
  let text = "";
  let timer = 0;
  let last = -PAUSE;

  const sentence = ({ added = [], changed = [], removed = [] }) => {
    const [kind, films] = added.length ? ["added", added]
      : removed.length ? ["removed", removed] : ["changed", changed];
    if (!films.length) return "";
    // By a function: a title may hold what a pattern gives a meaning to.
    return films.length === 1 ? said.dataset[kind].replace("{title}", () => films[0].title)
      : site.text(said, `${kind}Many`, films.length);
  };
  const say = () => {
    const of = (kind) => [...films.values()].filter((film) => film.kind === kind);
    const whole = sentence({ added: of("added"), changed: of("changed"), removed: of("removed") }) || text;
    clearTimeout(timer);
    [films, text, timer] = [new Map(), "", 0];
    // The same text again would be read aloud again.
    if (!whole || said.textContent === whole) return;
    said.textContent = whole;
    last = performance.now();
  };
  // Says what is known, unless more is on its way or something was said just now.
  const flush = () => {
    if (timer || (!films.size && !text) || site.patch?.isBusy()) return;
    const wait = last + PAUSE - performance.now();
    if (wait > 0) timer = setTimeout(say, wait);
    else say();
  };
  // What two pieces of news say together of one film.
  const together = (before, now) => {
    if (before === "added") return now === "removed" ? null : "added";
    return before === "removed" && now === "added" ? "changed" : now;
  };
  site.announce = {
    sentence,
    flush,
    // News of films; whether there is any.
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
    // Anything else; it is said if there is no news of films at that moment.
    text(sentence) {
      text = sentence;
      flush();
    },
  };
})();
