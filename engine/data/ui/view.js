// What is known: the kept exchanges, the gateway and its last state. No drawing.

const MOST_ROWS = 1000;
const HUES = 8;

export function newView() {
  return { rows: [], ids: new Set(), gateway: null, state: null, hues: new Map(), skew: 0, told: false };
}

/** Takes in one event of the stream. */
export function take(view, name, value) {
  if (name === "gateway") {
    view.gateway = value;
    for (const entry of value.tree) entry.targets.forEach((target) => hueOf(view, target));
  }
  if (name !== "exchanges") view.told = true; // what is drawn of it changes only then
  if (name === "state") {
    view.state = value;
    view.skew = value.serverTime - Date.now() / 1000;
  }
  if (name !== "exchanges") return;
  for (const row of value.rows) {
    if (view.ids.has(row.requestId)) continue;
    view.ids.add(row.requestId);
    view.rows.push(row);
  }
  view.rows.sort((one, other) => one.at - other.at);
  while (view.rows.length > MOST_ROWS) view.ids.delete(view.rows.shift().requestId);
}

/** The class of a target's colour; the same for as long as the page is open. */
export function hueOf(view, target) {
  if (target === null) return "";
  if (!view.hues.has(target)) view.hues.set(target, view.hues.size);
  return `c${view.hues.get(target) % HUES}`;
}

/** The router's time, in seconds. */
export function serverNow(view) {
  return Date.now() / 1000 + view.skew;
}

export function isFailure(row) {
  return row.outcome === "failed" || row.outcome === "broken";
}

/** All input tokens of a row, also those that a cache served. */
export function inputOf(row) {
  return (row.inputTokens ?? 0) + (row.cacheReadTokens ?? 0) + (row.cacheWriteTokens ?? 0);
}
