// What decides, in its order, and where it leads, with counts on the branches.

import { bar, byId, el, put } from "./dom.js";
import { short, targetName, whole } from "./format.js";
import { hueOf } from "./view.js";

/** How many entries are shown before those that never decided are folded away. */
const MANY = 40;

const folded = { open: false };

/** The route tree with the counts on its branches. */
export function drawTree(view) {
  const counts = new Map();
  let most = 1, all = 0;
  for (const branch of view.state.branches) {
    const of = counts.get(branch.rule) ?? new Map();
    of.set(branch.target, branch);
    counts.set(branch.rule, of);
    most = Math.max(most, branch.exchanges);
    all += branch.exchanges;
  }
  byId("routes-said").textContent = `${whole(all)} decided, first match wins`;
  const entries = view.gateway.tree.map((entry, place) => ({ entry, place: place + 1, branches: counts.get(entry.name) ?? new Map() }));
  const used = entries.filter((one) => one.branches.size);
  const many = entries.length > MANY && used.length < entries.length;
  const shown = many && !folded.open ? used : entries;
  put(byId("tree"), shown.map((one) => drawEntry(view, one, most)));
  put(byId("tree-more"), many && moreButton(view, entries.length - used.length));
}

function moreButton(view, count) {
  const words = folded.open ? "Hide what never decided" : `Show ${whole(count)} more that never decided`;
  const button = el("button", { type: "button", "aria-expanded": folded.open }, words);
  button.addEventListener("click", () => {
    folded.open = !folded.open;
    drawTree(view);
    byId("tree-more").querySelector("button")?.focus();
  });
  return button;
}

function drawEntry(view, { entry, place, branches }, most) {
  const total = [...branches.values()].reduce((sum, branch) => sum + branch.exchanges, 0);
  const targets = [...entry.targets, ...[...branches.keys()].filter((target) => target !== null && !entry.targets.includes(target))];
  const tag = entry.kind === "rule" ? `line ${entry.line}` : entry.kind === "explicit" ? "the client names provider and model" : entry.kind;
  const lines = targets.map((target, order) => drawBranch(view, target, branches.get(target), most, fallback(entry, target, order)));
  if (entry.reject) lines.push(drawBranch(view, null, branches.get(null), most, `refused with ${entry.reject.status}`));
  else if (branches.has(null)) lines.push(drawBranch(view, null, branches.get(null), most, "came to no target"));
  return el(
    "li",
    { "data-place": place },
    el(
      "div",
      { class: total ? "what" : "what never" },
      el("span", { class: "name" }, entry.name, el("span", { class: "tag" }, entry.enabled ? tag : `${tag}, off`)),
      el("span", { class: "count" }, total ? whole(total) : el("span", { class: "faint" }, "never")),
    ),
    el("ul", { class: "branches" }, lines),
  );
}

function fallback(entry, target, order) {
  if (!entry.targets.includes(target)) return entry.kind === "explicit" ? "" : "before the last reload";
  return order ? "fallback" : "";
}

function drawBranch(view, target, branch, most, note) {
  const count = branch?.exchanges ?? 0;
  return el(
    "li",
    {},
    el(
      "span",
      { class: "to" },
      target === null ? note : targetName(target),
      target !== null && note && el("span", { class: "tag" }, note),
      branch?.errors > 0 && el("span", { class: "tag bad" }, `${whole(branch.errors)} failed`),
    ),
    bar(count / most, hueOf(view, target)),
    el("span", { class: "num count" }, count ? short(count) : ""),
  );
}
