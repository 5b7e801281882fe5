// Latency as dots over time (logarithmic), tokens as bars: drawn from the kept exchanges.

import { byId, el, put, svg } from "./dom.js";
import { clock, milliseconds, quantile, short, targetName } from "./format.js";
import { hueOf, isFailure, serverNow } from "./view.js";

const HEIGHT = 168, LEFT = 44, RIGHT = 6, TOP = 8, BOTTOM = 20;
const SHORTEST_S = 60, LONGEST_S = 3600, BARS = 40;

export function drawPlots(view) {
  const to = serverNow(view);
  const first = view.rows.length ? view.rows[0].at : to;
  const from = to - Math.min(LONGEST_S, Math.max(SHORTEST_S, to - first));
  const rows = view.rows.filter((row) => row.at >= from);
  latency(view, rows, from, to);
  tokens(rows, from, to);
}

function latency(view, rows, from, to) {
  const totals = rows.map((row) => row.totalMs).sort((a, b) => a - b);
  const firsts = rows.map((row) => row.firstByteMs).filter((ms) => ms !== null).sort((a, b) => a - b);
  const place = byId("latency");
  byId("latency-said").textContent = totals.length
    ? `first byte p50 ${milliseconds(quantile(firsts, 0.5))}, total p50 ${milliseconds(quantile(totals, 0.5))}, p95 ${milliseconds(quantile(totals, 0.95))}`
    : "";
  if (!totals.length) return nothing(place, byId("latency-key"));
  const low = Math.floor(Math.log10(Math.max(0.1, Math.min(totals[0], firsts[0] ?? totals[0]))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(totals[totals.length - 1] + 0.1)));
  const frame = frameOf(place, from, to, `Latency of ${rows.length} exchanges on a logarithmic scale`);
  const y = (ms) => TOP + ((high - Math.log10(Math.max(ms, 10 ** low))) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  for (let power = low; power <= high; power++) line(frame, y(10 ** power), milliseconds(10 ** power));
  for (const row of rows) {
    const title = svg("title", {}, `${clock(row.at)}  ${row.rule}  ${targetName(row.target)}  ${milliseconds(row.totalMs)}`);
    const x = frame.x(row.at), at = y(row.totalMs);
    frame.node.append(
      isFailure(row)
        ? svg("path", { class: "fail", d: `M${x - 3} ${at - 3}l6 6m0 -6l-6 6` }, title)
        : svg("circle", { class: `dot ${hueOf(view, row.target)}`, cx: x, cy: at, r: 2.6 }, title),
    );
  }
  const targets = [...new Set(rows.map((row) => row.target))].filter((target) => target !== null);
  put(
    byId("latency-key"),
    targets.slice(0, 8).map((target) => el("li", {}, el("i", { class: `swatch round ${hueOf(view, target)}` }), targetName(target))),
    rows.some((row) => row.target === null && !isFailure(row)) && el("li", {}, el("i", { class: `swatch round ${hueOf(view, null)}` }), "no target"),
    rows.some(isFailure) && el("li", {}, el("b", { class: "bad", "aria-hidden": "true" }, "×"), "failed"),
  );
  put(place, frame.node);
}

function tokens(rows, from, to) {
  const place = byId("tokens");
  const bars = Array.from({ length: BARS }, () => ({ in: 0, cached: 0, out: 0 }));
  for (const row of rows) {
    const bin = bars[Math.min(BARS - 1, Math.floor(((row.at - from) / (to - from)) * BARS))];
    bin.in += (row.inputTokens ?? 0) + (row.cacheWriteTokens ?? 0);
    bin.cached += row.cacheReadTokens ?? 0;
    bin.out += row.outputTokens ?? 0;
  }
  const sum = (name) => bars.reduce((total, bin) => total + bin[name], 0);
  const most = Math.max(...bars.map((bin) => bin.in + bin.cached + bin.out));
  byId("tokens-said").textContent = most ? `${short(sum("in") + sum("cached"))} in, ${short(sum("out"))} out` : "";
  if (!most) return nothing(place);
  const frame = frameOf(place, from, to, `Tokens: ${sum("in")} input, ${sum("cached")} from cache, ${sum("out")} output`);
  const step = niceStep(most);
  const top = Math.ceil(most / step) * step;
  const tall = HEIGHT - TOP - BOTTOM;
  for (let value = 0; value <= top; value += step) line(frame, TOP + tall * (1 - value / top), short(value));
  const width = (frame.width - LEFT - RIGHT) / BARS;
  bars.forEach((bin, index) => {
    let base = HEIGHT - BOTTOM;
    for (const name of ["in", "cached", "out"]) {
      const height = (bin[name] / top) * tall;
      if (!height) continue;
      base -= height;
      frame.node.append(svg("rect", { class: name, x: LEFT + index * width + 0.5, y: base, width: Math.max(1, width - 1.5), height }));
    }
  });
  put(place, frame.node);
}

function frameOf(place, from, to, label) {
  const width = Math.max(240, place.clientWidth);
  const node = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label });
  const x = (at) => LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
  for (const share of [0, 0.5, 1]) {
    const at = from + (to - from) * share;
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    node.append(svg("text", { x: x(at), y: HEIGHT - 4, "text-anchor": anchor }, clock(at)));
  }
  return { node, x, width };
}

function line(frame, y, label) {
  frame.node.append(
    svg("line", { class: "grid", x1: LEFT, x2: frame.width - RIGHT, y1: y, y2: y }),
    svg("text", { x: LEFT - 6, y: y + 3.5, "text-anchor": "end" }, label),
  );
}

function niceStep(most) {
  const rough = most / 3;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

function nothing(place, keys) {
  put(place, el("p", { class: "muted empty" }, "nothing yet"));
  if (keys) put(keys);
}
