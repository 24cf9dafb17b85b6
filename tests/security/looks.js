// What a reader cannot use in a window of this size: sentences, none where all is well.
(() => {
  const found = new Set();
  const called = (one) => {
    const text = (one.innerText || one.name || one.id || "").trim().replace(/\s+/g, " ");
    return `${one.tagName.toLowerCase()} "${text.slice(0, 40)}"`;
  };
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length;
  // Where its words stand, but those that are there for screen readers alone.
  const lines = (one) => {
    const texts = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    const boxes = [];
    while (texts.nextNode()) {
      if (texts.currentNode.parentElement.closest(".govuk-visually-hidden")) continue;
      const range = document.createRange();
      range.selectNodeContents(texts.currentNode);
      boxes.push(...range.getClientRects());
    }
    return boxes;
  };
  const scrolls = (one) => {
    for (let at = one.parentElement; at && at !== document.body; at = at.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return at;
    return null;
  };
  if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) > innerWidth)
    found.add("wider than the window");
  const fields = "input:not([type=hidden]), select, textarea, button, summary, a.govuk-button, label, legend";
  for (const one of document.querySelectorAll(fields)) {
    if (!shown(one) || one.disabled) continue;
    if (/(^|\s)govuk-visually-hidden(\s|$)/.test(one.className)) continue;
    one.scrollIntoView({ block: "center", inline: "nearest" });
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height) { found.add(`${called(one)} has no size`); continue; }
    const [left, right] = [box.left + scrollX, box.right + scrollX];
    if ((left < -0.5 || right > innerWidth + 0.5) && !scrolls(one))
      found.add(`${called(one)} leaves the window`);
    const style = getComputedStyle(one);
    if (!["INPUT", "SELECT", "TEXTAREA"].includes(one.tagName) && style.overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1)
      found.add(`${called(one)} is cut off`);
    if (!["LABEL", "SELECT", "TEXTAREA"].includes(one.tagName))
      for (const line of lines(one))
        if (line.left < box.left - 1 || line.right > box.right + 1)
          found.add(`${called(one)} has words beyond its edge`);
    // Its middle and its corners belong to it: nothing lies over it.
    const inset = Math.min(3, box.width / 4, box.height / 4);
    const points = [
      [(box.left + box.right) / 2, (box.top + box.bottom) / 2],
      [box.left + inset, box.top + inset], [box.right - inset, box.top + inset],
      [box.left + inset, box.bottom - inset], [box.right - inset, box.bottom - inset],
    ];
    for (const [x, y] of points) {
      if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
      const over = document.elementFromPoint(x, y);
      if (!over || one.contains(over) || over.contains(one)) continue;
      if (over.htmlFor && over.control === one) continue;
      if (one.htmlFor && one.control === over) continue;
      found.add(`${called(one)} lies under ${called(over)}`);
    }
  }
  scrollTo(0, 0);
  return [...found];
})()
