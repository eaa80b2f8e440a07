// For theme authors, with --dev alone: reloads the page when it was rendered again, and shows what is
// wrong with a template over it.
(() => {
  "use strict";
  const base = document.currentScript.dataset.base;
  let generation = null;
  const overlay = document.createElement("dialog");
  // What the program says to theme authors is English, whatever the page is in.
  overlay.lang = "en";
  overlay.setAttribute("aria-label", "Template error");
  const text = document.createElement("pre");
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
      // Being restarted, most likely.
    }
    setTimeout(look, 400);
  };
  look();
})();
