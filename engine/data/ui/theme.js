// Light, dark, or as the system has it.

import { byId } from "./dom.js";

const CHOICES = ["auto", "light", "dark"];
const MARKS = { auto: "◐", light: "○", dark: "●" };
const KEY = "ccr.theme";

export function startTheme() {
  const chosen = () => (CHOICES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto");
  const show = () => {
    const choice = chosen();
    document.documentElement.dataset.theme = choice;
    const button = byId("theme");
    button.firstChild.textContent = `${MARKS[choice]} `;
    button.querySelector("span").textContent = choice;
    button.setAttribute("aria-label", `Colours: ${choice === "auto" ? "as the system" : choice}`);
  };
  byId("theme").addEventListener("click", () => {
    localStorage.setItem(KEY, CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length]);
    show();
  });
  show();
}
