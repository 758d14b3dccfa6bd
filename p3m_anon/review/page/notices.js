// Short messages over the picture, and the bar for what went wrong.

import { byId, make } from "./dom.js";

const SHOWN = 7000; // ms
let timer = null;

// action: null or [label, function].
export function toast(text, action = null) {
  const parts = [make("span", {}, text)];
  if (action) {
    const [label, run] = action;
    parts.push(make("button", { type: "button", id: "toast-action", onclick: () => (hideToast(), run()) }, label));
  }
  byId("toast").replaceChildren(make("div", {}, ...parts));
  clearTimeout(timer);
  timer = setTimeout(hideToast, SHOWN);
}

export function hideToast() {
  byId("toast").replaceChildren();
}

// retry: null, or what to do when the person wants to try again.
export function trouble(error, retry = null) {
  byId("trouble-text").textContent = error.message;
  byId("trouble-retry").hidden = retry === null;
  byId("trouble-retry").onclick = () => (calm(), retry());
  byId("trouble").hidden = false;
}

export function calm() {
  byId("trouble").hidden = true;
}
