// Makes one element equal to another element, and changes only what differs. Items of a list keep
// their identity wherever they move, so focus, selection and opened details stay with them.
//
// Recognises an item by its `id`, by `data-key`, `data-film-id`, `data-person-id` or `data-field`,
// by `aria-labelledby`, or by the address of its first link. Offers `morph`, `order` and `renew` of
// `moviesGen`.
(() => {
  "use strict";
  const site = (window.moviesGen ??= {});
  // Whether visitors, or scripts on their behalf, set this attribute. Such an attribute stays.
  const isTheirs = (name, of) => {
    switch (name) {
      case "open": return of.matches("details, dialog");
      case "value": return of.matches("input, textarea");
      case "checked": return of.matches("input");
      case "selected": return of.matches("option");
      // list.js shows and hides these elements.
      case "hidden": return of.matches("#films [data-film-id]") || of.closest("[data-finder]") !== null;
      case "data-new": case "data-was": case "data-empty": case "style": return true;
      default: return false;
    }
  };
  // Elements whose content visitors or list.js set. Only their attributes come from the new page.
  const CONTENT_IS_THEIRS = "input, textarea, [data-found], [data-others]";

  // Returns a text that distinguishes an item from its siblings: an id, or the address of its link
  // with its time and its label. Returns an empty text for an element that is not an item.
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
  // Returns a name for each of these siblings. The same item gets the same name on another version
  // of the page.
  const named = (elements) => {
    const times = new Map();
    return elements.map((element) => {
      const unique = key(element);
      // An element without a key is recognised by its first class. The class of a `<header>`
      // depends on the length of the title, so it does not count.
      const kind = unique || element.localName === "header" ? "" : element.classList[0] ?? "";
      const name = `${element.localName}.${kind} ${unique}`;
      const time = (times.get(name) ?? 0) + 1;
      times.set(name, time);
      return `${name} ${time}`;
    });
  };

  // Returns the indexes of a longest increasing subsequence. These elements need not move.
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
  // Puts elements into this order at the front of `parent`. As few children as possible move,
  // because a browser without `moveBefore` takes the focus from an element that moves.
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

  // Keeps the former value of a figure in `data-was` for a moment. The style sheet shows this
  // value, struck through, over the new value.
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

  // Pictures that were loaded again, each with its address on the page, which has no version.
  const renewed = new WeakMap();
  const plain = (picture) => renewed.get(picture) ?? picture.getAttribute("src");
  // Loads the pictures at these addresses again, because their content changed. A browser keeps
  // each picture of a page by its address, so the address gets a version.
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
      // A drawn poster shows the title of the film. If the title changes, the address of the poster
      // stays and its content changes.
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
  // Returns the text nodes of an element, grouped by the gaps before, between and after its child
  // elements.
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
      // Changing the text of a node keeps the node, and with it the selection of the visitor.
      if (first) first.nodeValue = text;
      else old.insertBefore(document.createTextNode(text), elements[at] ?? null);
    });
  };
  const become = (old, fresh) => {
    // list.js marks a card with `data-same` and leaves it empty if its HTML has not changed.
    if (fresh.dataset?.same !== undefined || old.isEqualNode(fresh)) return;
    compare(old, fresh);
    attributes(old, fresh);
    if (old.matches(CONTENT_IS_THEIRS)) return;
    const choice = old.matches("select") ? old.value : null;
    items(old, fresh);
    texts(old, fresh);
    if (choice !== null) {
      old.value = choice;
      // If the chosen option is gone, the empty option is chosen.
      if (old.selectedIndex < 0) old.value = "";
    }
  };
  site.morph = become;
  site.order = order;
  site.renew = renew;
})();
