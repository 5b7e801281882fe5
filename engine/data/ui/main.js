// The page: the router's events come in, the parts are drawn from what is known.

import { drawBoard } from "./board.js";
import { byId } from "./dom.js";
import { span } from "./format.js";
import { startPlayground } from "./playground.js";
import { drawPlots } from "./plots.js";
import { follow, key } from "./stream.js";
import { newTable } from "./table.js";
import { startTheme } from "./theme.js";
import { newView, take } from "./view.js";

const DRAW_EVERY_MS = 250;

let view = newView();
let waiting = false;
let following = new AbortController();

const shown = { get rows() { return view.rows; } };
const drawTable = newTable(shown);

function draw() {
  waiting = false;
  if (!view.state || !view.gateway || document.hidden) return;
  byId("revision").textContent = view.gateway.revision;
  byId("foot").textContent = `ccr ${view.gateway.version} on ${view.gateway.address}, up for ${span(view.state.uptime)}`;
  if (view.told) drawBoard(view);
  view.told = false;
  drawPlots(view);
  drawTable();
}

function drawSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => requestAnimationFrame(draw), DRAW_EVERY_MS);
}

function begin() {
  byId("gate").hidden = true;
  byId("board").hidden = false;
  byId("forget").hidden = !key.get();
  following.abort();
  following = new AbortController();
  const on = {
    event(name, value) {
      if (name === "begin") view = newView();
      else take(view, name, value);
      drawSoon();
    },
    link(state, words) {
      byId("link").dataset.state = state;
      byId("link").textContent = words;
    },
    denied: askForKey,
  };
  follow(on, following.signal);
}

function askForKey(words) {
  const tried = key.get() !== null;
  following.abort();
  key.forget();
  view = newView();
  byId("board").hidden = true;
  byId("forget").hidden = true;
  byId("gate").hidden = false;
  byId("gate-said").textContent = tried ? words : "";
  byId("link").dataset.state = "wait";
  byId("link").textContent = "needs a key";
  byId("gate-key").focus();
}

byId("gate-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("gate-key");
  const entered = field.value.trim();
  field.value = "";
  if (!/^[\x21-\x7e]+$/.test(entered)) {
    byId("gate-said").textContent = "a key has only letters, digits and signs of ASCII";
    return;
  }
  key.set(entered);
  begin();
});
byId("forget").addEventListener("click", () => {
  key.forget();
  location.reload();
});
document.addEventListener("visibilitychange", drawSoon);
addEventListener("resize", drawSoon);

startTheme();
startPlayground(askForKey);
begin();
