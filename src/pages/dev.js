// Only with --dev, for theme authors: reloads the page after a render, and shows the error of a
// template over the page.
//
// Looks for no elements. The attribute `data-base` of its own script element has the path prefix of
// the site. Offers no entry of `moviesGen`.
(() => {
  "use strict";
  const base = document.currentScript.dataset.base;
  let generation = null;
  const overlay = document.createElement("dialog");
  // Messages for theme authors are in English, whatever the language of the page.
  overlay.lang = "en";
  overlay.setAttribute("aria-label", "Template error");
  const text = document.createElement("pre");
  Object.assign(text.style, { whiteSpace: "pre-wrap", overflowWrap: "anywhere" });
  overlay.append(text);

  const look = async () => {
    try {
      const told = await (await fetch(base + "dev.json", { cache: "no-store" })).json();
      generation ??= told.generation;
      if (told.generation !== generation) return location.reload();
      text.textContent = told.error ?? "";
      if (told.error && !overlay.open) {
        document.body.append(overlay);
        overlay.showModal();
      }
      if (!told.error && overlay.open) overlay.close();
    } catch {
      // The program does not answer; it is probably being restarted.
    }
    setTimeout(look, 400);
  };
  look();
})();
