// Elements from plain values. Text only ever becomes text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children (nodes or text); null and false children are left out. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in a drawing. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** Replaces what is in `node`. */
export function put(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(present).map(asNode));
}

export function byId(id) {
  return document.getElementById(id);
}

/** A bar that is `share` (0 to 1) full. */
export function bar(share, hue = "") {
  const filling = el("i", { class: share > 0 ? "" : "none" });
  filling.style.width = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`;
  return el("span", { class: `track ${hue}`, "aria-hidden": "true" }, filling);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, String(value));
  }
  node.append(...children.flat(Infinity).filter(present).map(asNode));
  return node;
}

function present(child) {
  return child !== null && child !== undefined && child !== false;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
