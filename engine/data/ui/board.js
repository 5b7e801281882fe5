// Tiles, the route tree, the instances, and the sums by target.

import { bar, byId, el, put } from "./dom.js";
import { milliseconds, quantile, short, span, targetName, whole } from "./format.js";
import { drawTree } from "./tree.js";
import { hueOf, isFailure } from "./view.js";

const WINDOW_S = 300;
const ROWS_KEPT = 600; // by a router, for who comes later

export function drawBoard(view) {
  drawTiles(view);
  drawTree(view);
  drawInstances(view);
  drawTargets(view);
  drawBudgets(view);
}

function drawTiles(view) {
  const { branches, counters, uptime, workers } = view.state;
  const decided = branches.reduce((sum, branch) => sum + branch.exchanges, 0);
  const since = view.state.serverTime - WINDOW_S;
  const latest = view.rows.filter((row) => row.at >= since);
  const reach = reachOf(view);
  const last = reach < WINDOW_S ? span(reach) : "5 min";
  const failed = latest.filter(isFailure).length;
  const totals = latest.map((row) => row.totalMs).sort((a, b) => a - b);
  const rate = latest.length / Math.max(1, Math.min(reach, uptime)) * 60;
  const [most, less] = span(uptime).match(/^(\S+ \S+) ?(.*)$/).slice(1);
  put(
    byId("tiles"),
    tile("requests", short(decided), `${rate.toFixed(rate < 10 ? 1 : 0)}/min`),
    tile("open now", whole(counters.open)),
    tile(`failed in ${last}`, whole(failed), latest.length ? `of ${whole(latest.length)}` : "", failed > 0),
    tile(`total p50 in ${last}`, milliseconds(quantile(totals, 0.5))),
    tile("failovers", whole(counters.failovers)),
    tile("tokens in", short(counters.inputTokens)),
    tile("tokens out", short(counters.outputTokens)),
    tile("up for", most, [less, workers && `${workers.running.length} of ${workers.wanted} workers`].filter(Boolean).join(" · ")),
  );
}

/** How far back all rows are known, in seconds: of many exchanges the router keeps the last ones only. */
function reachOf(view) {
  if (view.rows.length < ROWS_KEPT) return WINDOW_S;
  return Math.max(1, Math.min(WINDOW_S, view.state.serverTime - view.rows[0].at));
}

function tile(label, value, small = "", alarm = false) {
  return el("div", { class: alarm ? "alarm" : "" }, el("dt", {}, label), el("dd", {}, value, small && el("small", {}, small)));
}

const LOOKS = { closed: ["good", "serving"], "half-open": ["warn", "on trial"], open: ["bad", "resting"] };
const HEALTH = { up: "good", degraded: "warn", down: "bad" };

function drawInstances(view) {
  const { providers } = view.state;
  const bad = providers.filter((provider) => provider.health !== "up").length;
  byId("instances-said").textContent = bad ? `${bad} of ${providers.length} providers not well` : `${providers.length} providers, all well`;
  put(
    byId("providers"),
    providers.map((provider) =>
      el(
        "div",
        { class: "provider" },
        el(
          "header",
          {},
          el("span", {}, el("b", {}, provider.name), el("span", { class: "tag" }, `${provider.type}, ${provider.strategy}`)),
          el("span", { class: `pill ${HEALTH[provider.health] ?? ""}` }, provider.health),
        ),
        el("ul", {}, provider.instances.map(drawInstance)),
      ),
    ),
  );
}

function drawInstance(instance) {
  const [look, word] = LOOKS[instance.state] ?? ["", instance.state];
  const facts = [counted(instance.requests, "request")];
  if (instance.inflight) facts.push(`${whole(instance.inflight)} in flight`);
  if (instance.errors) facts.push(counted(instance.errors, "error"));
  if (instance.latencySeconds !== null) facts.push(`first byte ${milliseconds(instance.latencySeconds * 1000)}`);
  if (instance.restEndsInSeconds !== null) facts.push(`rests ${span(instance.restEndsInSeconds)} more`);
  if (instance.restingModels.length) facts.push(`resting models: ${instance.restingModels.join(", ")}`);
  return el(
    "li",
    {},
    el("span", { class: "name mono" }, instance.name),
    el("span", { class: `pill ${look}` }, word),
    el("span", { class: "facts" }, facts.join(" · ")),
    instance.lastError && el("span", { class: "facts" }, `${span(instance.lastErrorSecondsAgo)} ago: ${instance.lastError}`),
  );
}

function counted(number, noun) {
  return `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;
}

function drawTargets(view) {
  const sums = new Map();
  for (const branch of view.state.branches) {
    if (branch.target === null) continue;
    const sum = sums.get(branch.target) ?? { exchanges: 0, tokens: 0, cost: 0, priced: 0 };
    sum.exchanges += branch.exchanges;
    sum.tokens += branch.inputTokens + branch.outputTokens;
    sum.cost += branch.cost ?? 0;
    sum.priced += branch.priced ?? 0;
    sums.set(branch.target, sum);
  }
  const priced = [...sums.values()].some((sum) => sum.priced > 0);
  const weight = (sum) => (priced ? sum.cost : sum.tokens);
  const most = Math.max(1e-9, ...[...sums.values()].map(weight));
  const all = [...sums.values()].reduce((total, sum) => total + sum.cost, 0);
  byId("cost-said").textContent = priced ? `${money(view, all)} since the start` : sums.size ? "tokens since the start; no prices" : "";
  put(
    byId("targets"),
    sums.size === 0 && el("p", { class: "muted empty" }, "nothing yet"),
    [...sums].sort((one, other) => weight(other[1]) - weight(one[1])).map(([target, sum]) =>
      el(
        "div",
        { class: "share" },
        el("span", { class: "to" }, targetName(target)),
        el("span", { class: "num" }, priced ? (sum.priced ? money(view, sum.cost) : "no price") : `${short(sum.tokens)} tokens`),
        bar(weight(sum) / most, hueOf(view, target)),
      ),
    ),
  );
}

const SPENT = { ok: "good", half: "warn", spent: "bad" };

function drawBudgets(view) {
  put(
    byId("budgets"),
    (view.state.budgets ?? []).map((budget) =>
      el(
        "div",
        { class: "share" },
        el("span", { class: "to" }, `budget ${budget.name} `, el("span", { class: `pill ${SPENT[budget.state] ?? ""}` }, budget.state)),
        el("span", { class: "num" }, `${amountOf(view, budget, budget.spent)} of ${amountOf(view, budget, budget.limit)} per ${budget.per}`),
        bar(budget.limit ? budget.spent / budget.limit : 1, budget.state === "ok" ? "" : SPENT[budget.state]),
      ),
    ),
  );
}

function amountOf(view, budget, amount) {
  return budget.unit === "money" ? money(view, amount) : `${short(amount)} tokens`;
}

function money(view, amount) {
  const currency = view.gateway.currency ?? "";
  return `${amount.toFixed(amount < 1 ? 4 : 2)} ${currency}`.trim();
}
