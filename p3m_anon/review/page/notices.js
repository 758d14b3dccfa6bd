// Short messages over the picture, and the bar for what went wrong.

import { byId, make } from "./dom.js";

const SHOWN = 7000; // ms
const timers = {};
let offered = null; // what the last message offers to do, while it is shown

// action: null or [label, key, function]. A message without one does not push away one that has one.
export function toast(text, action = null) {
  const parts = [make("span", {}, text)];
  const kind = action ? "offer" : "plain";
  hide("plain");
  if (action) {
    hide("offer");
    const [label, key, run] = action;
    offered = run;
    parts.push(make("button", { type: "button", id: "toast-action", onclick: takeOffer }, label, make("kbd", {}, key)));
  }
  byId("toast").append(make("div", { data: { kind } }, ...parts));
  timers[kind] = setTimeout(() => hide(kind), SHOWN);
}

// Do what is offered; false if nothing is.
export function takeOffer() {
  const run = offered;
  hide("offer");
  run?.();
  return run !== null;
}

function hide(kind) {
  clearTimeout(timers[kind]);
  byId("toast").querySelector(`[data-kind=${kind}]`)?.remove();
  if (kind === "offer") offered = null;
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
