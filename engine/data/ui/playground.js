// Explains a pasted request: the decision, why, and what would change it.

import { byId, el, put } from "./dom.js";
import { targetName, whole } from "./format.js";
import { headers, words } from "./stream.js";

const EXAMPLE = {
  model: "claude-sonnet-4-5",
  max_tokens: 1024,
  stream: true,
  tools: [{ name: "Bash", description: "Runs a command", input_schema: { type: "object", properties: { command: { type: "string" } } } }],
  messages: [{ role: "user", content: "Find what makes the tests slow." }],
};

/** Members of an explanation that have a drawing of their own here; all others are shown as they are. */
const DRAWN = new Set(["revision", "api", "asked", "decision", "decisions", "rules", "plan", "pool", "lost", "notes", "unknownFacts", "stats", "nearest", "counterfactuals", "notProven"]);

export function startPlayground(onDenied) {
  const question = byId("question");
  const ask = () => explain(question.value, onDenied);
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask();
    }
  });
  byId("example").addEventListener("click", () => {
    question.value = JSON.stringify(EXAMPLE, null, 2);
    ask();
  });
}

async function explain(text, onDenied) {
  const said = byId("ask-said");
  said.textContent = "asking";
  const reply = await asked(text);
  if (reply === null) {
    said.textContent = "the router does not answer";
    return;
  }
  if (reply.status === 401) {
    onDenied(await words(reply));
    return;
  }
  if (!reply.ok) {
    put(byId("answer"), el("p", { class: "bad" }, await words(reply)));
    said.textContent = `refused with ${reply.status}`;
    return;
  }
  const explanation = await reply.json();
  put(byId("answer"), drawn(explanation));
  said.textContent = `by revision ${explanation.revision}`;
}

async function asked(text) {
  try {
    return await fetch("/v1/ccr/explain", { method: "POST", headers: { "content-type": "application/json", ...headers() }, body: text });
  } catch {
    return null;
  }
}

function drawn(explanation) {
  const decisions = explanation.decision ? [explanation.decision] : (explanation.decisions ?? []).map((one) => one.decision);
  return [
    decisions.map((decision) => verdict(decision)),
    explanation.decision === null && el("p", { class: "muted" }, `depends on ${explanation.unknownFacts.join(", ")}, not given`),
    changes(explanation),
    titled("Then in this order", explanation.plan.length > 1 && explanation.plan.map((step) => `${step.provider} / ${step.model}${step.instance ? ` at ${step.instance}` : ""}`)),
    titled("Lost on the way", explanation.lost.map((one) => `${one.field}${one.count > 1 ? ` ×${one.count}` : ""}: ${one.why}`)),
    titled("Notes", explanation.notes),
    el("h3", {}, "Why"),
    el("ol", { class: "steps" }, explanation.rules.map(step)),
    Object.entries(explanation).filter(([name, value]) => !DRAWN.has(name) && !isEmpty(value)).map(([name, value]) => [el("h3", {}, spaced(name)), nested(value)]),
  ];
}

function verdict(decision) {
  const by = `${decision.category ? "category" : "rule"} ${decision.rule}`;
  const to = decision.reject ? `refused with ${decision.reject.status}: ${decision.reject.message}` : targetName(`${decision.provider},${decision.model}`);
  return el("p", {}, el("span", { class: "verdict" }, to), el("br"), el("span", { class: "muted" }, `by ${by}${decision.instance ? `, at ${decision.instance}` : ""}`));
}

function changes(explanation) {
  const found = explanation.counterfactuals ?? [];
  if (!found.length) return null;
  const near = explanation.nearest ? JSON.stringify(explanation.nearest) : null;
  const isNearest = (one) => JSON.stringify(one) === near;
  const ordered = [...found.filter(isNearest), ...found.filter((one) => !isNearest(one))];
  return [el("h3", {}, "What would change it"), ordered.map((one) => change(one, isNearest(one)))];
}

function change(one, first) {
  const to = one.impossible || one.notProven ? null : one.provider ? targetName(`${one.provider},${one.model}`) : null;
  return el(
    "div",
    { class: first ? "change first" : "change" },
    el("header", {}, el("b", {}, one.rule), el("span", { class: "muted" }, to ? `goes to ${to}` : one.changes && "is refused", first && el("span", { class: "tag" }, "the least change"))),
    one.impossible && el("p", { class: "muted" }, impossible(one)),
    one.notProven && el("p", { class: "muted" }, one.notProven),
    one.changes && el("ul", {}, one.changes.map(changed)),
    others(one, ["rule", "provider", "model", "changes", "verified", "impossible", "blockers", "notProven"]),
  );
}

function impossible(one) {
  const before = one.blockers?.length ? `; before it stands ${one.blockers.map(plain).join(", ")}` : "";
  return `no request at all is decided by it${before}`;
}

function changed(step) {
  const old = step.from === null || step.from === undefined ? "absent" : plain(step.from);
  const wanted = step.to === null || step.to === undefined ? "absent" : plain(step.to);
  return el("li", {}, el("code", {}, step.fact), " ", el("span", { class: "old" }, old), " → ", el("span", { class: "new" }, wanted), others(step, ["fact", "from", "to"]));
}

/** What has no drawing of its own. */
function others(value, known) {
  const more = Object.entries(value).filter(([name, one]) => !known.includes(name) && !isEmpty(one));
  return more.length ? nested(Object.fromEntries(more)) : null;
}

const STATUS = { matched: "good", rejected: "", "not-evaluated": "", disabled: "", error: "bad", varies: "warn" };

function step(rule) {
  const label = rule.status === "not-evaluated" ? (rule.wouldMatch ? "would match" : "not asked") : rule.status;
  return el(
    "li",
    {},
    el("span", {}, el("span", { class: `pill ${STATUS[rule.status] ?? ""}` }, label)),
    el(
      "div",
      {},
      el("b", {}, rule.name),
      rule.line && el("span", { class: "tag" }, `line ${rule.line}`),
      el("ul", { class: "tests" }, rule.predicates.map(test)),
      others(rule, ["name", "index", "kind", "file", "line", "column", "status", "wouldMatch", "predicates"]),
    ),
  );
}

function test(predicate) {
  const look = predicate.result === null ? "" : predicate.result !== predicate.negated ? "yes" : "no";
  const mark = predicate.result === null ? "?" : predicate.result !== predicate.negated ? "✓" : "✗";
  return el(
    "li",
    {},
    el("span", { class: look, "aria-label": look || "unknown" }, mark),
    ` ${predicate.negated ? "not " : ""}${predicate.fact} ${plain(predicate.wanted)}`,
    el("span", { class: "faint" }, predicate.seen === null ? "" : ` (here ${plain(predicate.seen)})`),
  );
}

function titled(title, lines) {
  return lines && lines.length ? [el("h3", {}, title), el("ul", {}, lines.map((line) => el("li", {}, line)))] : null;
}

/** Any value, as lists in lists. */
function nested(value) {
  if (Array.isArray(value)) return el("ul", { class: "nested" }, value.map((one) => el("li", {}, nested(one))));
  if (value === null || typeof value !== "object") return el("span", {}, plain(value));
  return el("dl", { class: "nested" }, Object.entries(value).map(([name, one]) => [el("dt", {}, spaced(name)), el("dd", {}, nested(one))]));
}

function plain(value) {
  if (typeof value === "number") return whole(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function spaced(name) {
  return name.replace(/([a-z])([A-Z])/g, (_, one, other) => `${one} ${other.toLowerCase()}`);
}

function isEmpty(value) {
  return value === null || value === undefined || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}
