// Questions that have to be answered before anything else happens. Escape is always "no".

import { byId, make } from "./dom.js";

export const dialogOpen = () => document.querySelector("dialog[open]") !== null;

function closed(dialog) {
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

function open(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return closed(dialog);
}

const MOST = 12; // places that have to be looked at before an answer about all of them

// answers: [[value, label], ...]; the first is the safe one and has the focus. The answer is a value, or "".
// places: so many are asked about; `show` shows one of them, `about` says more of it, and all but the first answer wait until each was shown.
export function choose(title, text, answers, { warning = "", places = 0, show, about = () => "" } = {}) {
  const dialog = byId("question");
  byId("question-title").textContent = title;
  byId("question-warning").textContent = warning;
  byId("question-text").textContent = text;
  const buttons = answers.map(([value, label], index) =>
    make("button", { type: "button", data: { answer: value }, autofocus: index === 0, onclick: () => dialog.close(value) }, label),
  );
  byId("question-buttons").replaceChildren(...buttons);
  const answer = open(dialog);
  buttons[0].focus();
  byId("walk").hidden = !places;
  dialog.classList.toggle("walking", places > 0);
  if (places) walk(dialog, places, { show, about }, (looked) => buttons.slice(1).forEach((button) => (button.disabled = !looked)));
  return answer;
}

// Go through places with `,` and `.` or the buttons beside the count. told: have enough of them been shown?
function walk(dialog, count, { show, about }, told) {
  const seen = new Set();
  let at = 0;
  const go = (by) => {
    at = (at + by + count) % count;
    seen.add(at);
    byId("walk-text").textContent = `Place ${at + 1} of ${count}${about(at)}`;
    told(seen.size >= Math.min(count, MOST));
    show(at);
  };
  byId("walk-before").onclick = () => go(-1);
  byId("walk-after").onclick = () => go(1);
  byId("walk-before").disabled = byId("walk-after").disabled = count === 1;
  dialog.onkeydown = ({ key }) => {
    if (key === "," || key === ".") go(key === "," ? -1 : 1);
  };
  dialog.addEventListener("close", () => (dialog.onkeydown = null), { once: true });
  go(0);
}

// The basis and the reference on which faces may stay, or null. shapes: how many are drawn.
export async function askBasis(bases, { basis, reference }, shapes) {
  const dialog = byId("stay");
  const options = bases.map(({ key, label }) => make("option", { value: key, selected: key === basis }, label));
  byId("basis").replaceChildren(make("option", { value: "", selected: !basis }, "Choose one"), ...options);
  const count = shapes === 1 ? "1 shape is" : `${shapes} shapes are`;
  byId("stay-drawn").textContent = shapes ? `${count} drawn and will be blurred all the same; everything else stays as it is.` : "Nothing is drawn, so nothing will be blurred.";
  byId("reference").value = reference ?? "";
  byId("stay-missing").textContent = "";
  const answer = await open(dialog);
  return answer === "save" ? { basis: byId("basis").value, reference: byId("reference").value.trim() } : null;
}

const MISSING = [
  ["basis", "A basis is needed. Without one, the face has to be masked."],
  ["reference", "A reference is needed: somebody may ask why this face was released."],
];

export function prepareDialogs(actions) {
  const stay = byId("stay");
  const save = () => {
    const missing = MISSING.find(([id]) => !byId(id).value.trim());
    if (!missing) return stay.close("save");
    byId("stay-missing").textContent = missing[1];
    return byId(missing[0]).focus();
  };
  byId("stay-save").onclick = save;
  byId("stay-cancel").onclick = () => stay.close("");
  byId("reference").onkeydown = (event) => event.key === "Enter" && save();
  byId("legend-close").onclick = () => byId("legend").close("");
  byId("legend-keys").replaceChildren(...Object.entries(Object.groupBy(actions, ({ group }) => group)).map(section));
}

function section([group, actions]) {
  const lines = actions.flatMap(({ keys, label }) => [
    make("dt", {}, ...keys.map((key) => make("kbd", {}, key))),
    make("dd", {}, label),
  ]);
  return make("section", {}, make("h3", {}, group), make("dl", {}, ...lines));
}

export function showLegend() {
  open(byId("legend"));
  byId("legend-close").focus();
}
