// Makes one element what another one is, and touches only what differs. Items of a list keep their
// identity wherever they move: focus, selection and what was opened stay with them.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  // What visitors, and scripts for them, did to the page is theirs.
  const isTheirs = (name, of) => {
    switch (name) {
      case "open": return of.matches("details, dialog");
      case "value": return of.matches("input, textarea");
      case "checked": return of.matches("input");
      case "selected": return of.matches("option");
      // Of what list.js shows and hides.
      case "hidden": return of.matches("#films [data-film-id]") || of.closest("[data-finder]") !== null;
      case "data-new": case "data-was": case "data-empty": case "style": return true;
      default: return false;
    }
  };
  // Of these the attributes alone are the page's.
  const CONTENT_IS_THEIRS = "input, textarea, [data-found], [data-others]";

  // What tells an item from its siblings: an id, or the address that it leads to.
  const key = (element) => {
    const { filmId, personId, field, key } = element.dataset ?? {};
    const own = element.id || key || filmId || personId || field || element.getAttribute("aria-labelledby");
    if (own) return own;
    const first = element.firstElementChild;
    if (first?.localName === "dt") return first.textContent;
    if (!element.matches("li, tr, a, option, dd")) return "";
    const link = element.matches("a") ? element : element.querySelector("a[href]");
    const time = element.querySelector("time[datetime]")?.getAttribute("datetime");
    const label = element.matches("option") ? element.textContent
      : element.querySelector(":scope > .label")?.textContent;
    return [link?.getAttribute("href"), time, label].filter(Boolean).join(" ");
  };
  // A name for each of these siblings; the same one for the same item on another page.
  const named = (elements) => {
    const times = new Map();
    return elements.map((element) => {
      const unique = key(element);
      // A class tells what is no item, except where it only says how long a title is.
      const kind = unique || element.localName === "header" ? "" : element.classList[0] ?? "";
      const name = `${element.localName}.${kind} ${unique}`;
      const time = (times.get(name) ?? 0) + 1;
      times.set(name, time);
      return `${name} ${time}`;
    });
  };

  // The places of the longest run that is in order already.
  const longestInOrder = (places) => {
    const ends = [], before = [];
    places.forEach((place, at) => {
      let low = 0, high = ends.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (places[ends[middle]] < place) low = middle + 1;
        else high = middle;
      }
      before[at] = ends[low - 1];
      ends[low] = at;
    });
    const staying = new Set();
    for (let at = ends[ends.length - 1]; at !== undefined; at = before[at]) staying.add(at);
    return staying;
  };
  // Puts elements into this order at the front of `parent`; as few as possible of its own move.
  const order = (parent, elements) => {
    if (elements.every((element, at) => parent.children[at] === element)) return;
    const place = new Map([...parent.children].map((element, at) => [element, at]));
    const own = elements.filter((element) => place.has(element));
    const places = own.map((element) => place.get(element));
    const staying = new Set([...longestInOrder(places)].map((at) => own[at]));
    let next = null;
    for (const element of [...elements].reverse()) {
      if (!staying.has(element)) {
        const canMove = parent.moveBefore && place.has(element) && element.isConnected;
        parent[canMove ? "moveBefore" : "insertBefore"](element, next);
      }
      next = element;
    }
  };

  // What a figure was, for a moment beside what it is; the style sheet strikes it through.
  const compare = (of, into) => {
    const field = of.dataset?.field;
    if (!field || field !== into.dataset?.field) return;
    const seen = (element) => element.textContent
      .replace(element.querySelector(".unseen")?.textContent ?? "", "").trim();
    const [was, is] = [of, into].map(seen);
    if (!was || !is || was === is) return;
    of.dataset.was = was;
    setTimeout(() => delete of.dataset.was, 1500);
  };

  // Pictures that were loaded again, each with the address that the page has for it.
  const renewed = new WeakMap();
  const plain = (picture) => renewed.get(picture) ?? picture.getAttribute("src");
  // Loads the pictures at these addresses again, whose content is another now. A browser keeps what
  // it loaded for a page by its address, so the address gets a version.
  const renew = (versions) => {
    for (const picture of document.images) {
      const source = plain(picture);
      const version = source && versions.get(site.decoded(source));
      if (!version) continue;
      renewed.set(picture, source);
      picture.src = `${source}?${version}`;
    }
  };
  let versions = 0;
  const attributes = (old, fresh) => {
    const isPicture = old.localName === "img";
    if (isPicture && plain(old) === fresh.getAttribute("src") && old.alt !== fresh.alt) {
      // The drawn poster of a film has its title on it.
      renew(new Map([[site.decoded(plain(old)), `${Date.now()}-${++versions}`]]));
    }
    for (const { name, value } of [...fresh.attributes]) {
      const was = isPicture && name === "src" ? plain(old) : old.getAttribute(name);
      if (was === value || isTheirs(name, old)) continue;
      if (name === "src") renewed.delete(old);
      old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !isTheirs(name, old)) old.removeAttribute(name);
    }
  };
  const items = (old, fresh) => {
    const [from, to] = [[...old.children], [...fresh.children]];
    const had = new Map(named(from).map((name, at) => [name, from[at]]));
    const wanted = named(to).map((name, at) => {
      const match = had.get(name);
      had.delete(name);
      if (match) become(match, to[at]);
      return match ?? document.importNode(to[at], true);
    });
    for (const gone of had.values()) gone.remove();
    order(old, wanted);
  };
  // The text nodes before, between and after the elements of one.
  const gaps = (element) => {
    const gaps = [[]];
    for (const node of element.childNodes) {
      if (node.nodeType === Node.ELEMENT_NODE) gaps.push([]);
      else if (node.nodeType === Node.TEXT_NODE) gaps[gaps.length - 1].push(node);
    }
    return gaps;
  };
  const texts = (old, fresh) => {
    const whole = (nodes) => nodes.map((node) => node.nodeValue).join("");
    const [from, to] = [gaps(old), gaps(fresh)];
    const elements = [...old.children];
    to.forEach((wanted, at) => {
      const [is, text] = [whole(from[at]), whole(wanted)];
      if (is === text || (is && text && !is.trim() && !text.trim())) return;
      const [first, ...rest] = from[at];
      for (const node of rest) node.remove();
      // The node stays where it can, and what is selected in it.
      if (first) first.nodeValue = text;
      else old.insertBefore(document.createTextNode(text), elements[at] ?? null);
    });
  };
  const become = (old, fresh) => {
    // A card whose text is the same as before.
    if (fresh.dataset?.same !== undefined || old.isEqualNode(fresh)) return;
    compare(old, fresh);
    attributes(old, fresh);
    if (old.matches(CONTENT_IS_THEIRS)) return;
    const choice = old.matches("select") ? old.value : null;
    items(old, fresh);
    texts(old, fresh);
    if (choice !== null) {
      old.value = choice;
      // A choice that is not there any more is none.
      if (old.selectedIndex < 0) old.value = "";
    }
  };
  site.morph = become;
  site.order = order;
  site.renew = renew;
})();
