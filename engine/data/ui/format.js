// Numbers, times and spans for people.

const WHOLE = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function whole(count) {
  return count === null || count === undefined ? "–" : WHOLE.format(count);
}

/** 1234567 -> "1.23 M" */
export function short(count) {
  if (count === null || count === undefined) return "–";
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (count >= size) return `${+(count / (unit === "k" ? 1e3 : size)).toFixed(count >= size * 10 ? 1 : 2)} ${unit}`;
  }
  return WHOLE.format(count);
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${+ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${+(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s` : span(ms / 1000);
}

export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export function clock(at) {
  return CLOCK.format(new Date(at * 1000));
}

/** The value below which `share` of the sorted numbers lie. */
export function quantile(sorted, share) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null;
}

/** "provider,model" as people read it. */
export function targetName(target) {
  if (target === null) return "no target";
  const [provider, ...model] = target.split(",");
  const name = model.join(",");
  return name === "*" ? `${provider} / the model asked for` : name ? `${provider} / ${name}` : provider;
}
