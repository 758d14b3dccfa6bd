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

// answers: [[value, label], ...]; the first is the safe one and has the focus. The answer is a value, or "".
export function choose(title, text, answers) {
  const dialog = byId("question");
  byId("question-title").textContent = title;
  byId("question-text").textContent = text;
  const buttons = answers.map(([value, label], index) =>
    make("button", { type: "button", data: { answer: value }, autofocus: index === 0, onclick: () => dialog.close(value) }, label),
  );
  byId("question-buttons").replaceChildren(...buttons);
  const answer = open(dialog);
  buttons[0].focus();
  return answer;
}

// The basis and the reference on which faces may stay, or null.
export async function askBasis(bases, { basis, reference }) {
  const dialog = byId("stay");
  const options = bases.map(({ key, label }) => make("option", { value: key, selected: key === basis }, label));
  byId("basis").replaceChildren(...options);
  byId("reference").value = reference ?? "";
  byId("stay-missing").textContent = "";
  const answer = await open(dialog);
  return answer === "save" ? { basis: byId("basis").value, reference: byId("reference").value.trim() } : null;
}

export function prepareDialogs(actions) {
  const stay = byId("stay");
  const save = () => {
    if (byId("reference").value.trim()) stay.close("save");
    else {
      byId("stay-missing").textContent = "A reference is needed: somebody may ask why this face was released.";
      byId("reference").focus();
    }
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
