// The exchanges, newest first; a row opens to say more.

import { byId, el, put } from "./dom.js";
import { clock, milliseconds, short, targetName } from "./format.js";
import { inputOf } from "./view.js";

const MOST_SHOWN = 150;
const LOOKS = { answered: "good", rejected: "warn", failed: "bad", broken: "bad", "client gone": "" };

/** The table; `refresh` draws it anew unless it is paused. */
export function newTable(view) {
  const table = { paused: false, open: new Set(), seen: new Set(), body: byId("rows").querySelector("tbody") };
  const refresh = () => {
    if (!table.paused) draw(view, table);
  };
  byId("filter").addEventListener("input", () => draw(view, table));
  byId("pause").addEventListener("click", (event) => {
    table.paused = !table.paused;
    event.currentTarget.setAttribute("aria-pressed", String(table.paused));
    event.currentTarget.textContent = table.paused ? "Resume" : "Pause";
    refresh();
  });
  table.body.addEventListener("click", (event) => {
    const id = event.target.closest("tr")?.querySelector("button.more")?.dataset.id;
    if (!id || !getSelection().isCollapsed) return; // who selects text does not ask for details
    if (!table.open.delete(id)) table.open.add(id);
    draw(view, table);
    table.body.querySelector(`button[data-id="${CSS.escape(id)}"]`)?.focus();
  });
  return refresh;
}

function draw(view, table) {
  const wanted = byId("filter").value.trim().toLowerCase();
  const rows = view.rows.filter((row) => !wanted || textOf(row).includes(wanted)).slice(-MOST_SHOWN).reverse();
  const focused = document.activeElement?.dataset?.id;
  put(table.body, rows.flatMap((row) => [line(row, table), table.open.has(row.requestId) && detail(row)]));
  for (const row of rows) table.seen.add(row.requestId);
  if (focused) table.body.querySelector(`button[data-id="${CSS.escape(focused)}"]`)?.focus();
  byId("rows-empty").hidden = rows.length > 0;
  byId("rows-empty").textContent = wanted && view.rows.length ? "No exchange fits the filter." : "No exchange yet. Point a client at this router and it shows here.";
}

function textOf(row) {
  return [row.rule, row.target, row.model, row.outcome, row.status, row.key, row.error, row.requestId].join(" ").toLowerCase();
}

function line(row, table) {
  const open = table.open.has(row.requestId);
  const fresh = table.seen.size && !table.seen.has(row.requestId);
  const said = row.outcome === "answered" ? String(row.status) : `${row.status} ${row.error ?? row.outcome}`;
  return el(
    "tr",
    { class: fresh ? "fresh" : "" },
    el("td", {}, el("button", { type: "button", class: "more", "data-id": row.requestId, "aria-expanded": open, "aria-label": `${clock(row.at)}: details` }, clock(row.at))),
    el("td", {}, el("span", { class: `pill ${LOOKS[row.outcome] ?? ""}` }, said)),
    cell("rule", row.rule),
    cell("to", row.target === null ? "–" : targetName(row.target), row.attempts > 1 && el("span", { class: "tag" }, `${row.attempts} tries`)),
    cell("for", row.model),
    cell("in", short(row.inputTokens === null ? null : inputOf(row)), false, "num"),
    cell("out", short(row.outputTokens), false, "num"),
    cell("first byte", milliseconds(row.firstByteMs), false, "num"),
    cell("total", milliseconds(row.totalMs), false, "num"),
  );
}

function cell(label, text, more = false, look = "") {
  return el("td", { "data-label": label, class: look }, text, more);
}

function detail(row) {
  const facts = {
    "request id (find it in the log)": row.requestId,
    outcome: row.outcome,
    instance: row.instance,
    category: row.category,
    "router key": row.key,
    API: row.api,
    streamed: row.stream ? "yes" : "no",
    attempts: row.attempts,
    "input, cache read, cache write": [row.inputTokens, row.cacheReadTokens, row.cacheWriteTokens].map(short).join(", "),
    cost: row.cost,
    "tool calls": row.toolCalls || null,
    "repairs of the reply": row.fixes || null,
    "lost in translation": row.lost || null,
    error: row.error,
    worker: row.worker,
  };
  const shown = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  return el("tr", { class: "detail" }, el("td", { colspan: 9 }, el("dl", { class: "facts-list" }, shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))))));
}
