// The right column and the line under the picture: what is asked, the tools, the layers and the decisions.

import { DECISIONS } from "./decisions.js";
import { byId, make } from "./dom.js";
import { swatch } from "./overlays.js";
import { TOOLS } from "./tools.js";
import { question, said } from "./words.js";

export const LAYERS = [
  ["first", "First look"],
  ["second", "Second look"],
  ["transition", "Soft edge"],
  ["drawing", "My drawing"],
  ["preview", "Preview"],
];

const STEPS = 4; // of brightness, the first of them being none

export class Task {
  constructor({ review, viewer, drawing, tools, suggestions, overlays, preview, decisions }) {
    Object.assign(this, { review, viewer, drawing, tools, suggestions, overlays, preview, decisions });
    this.build();
    review.addEventListener("picture", () => this.show());
    for (const name of ["picture", "state", "busy", "filter"]) review.addEventListener(name, () => this.buttons());
    drawing.addEventListener("change", () => this.drawn());
    tools.addEventListener("change", () => this.tool());
    suggestions.addEventListener("change", () => this.suggested());
    preview.addEventListener("change", () => this.previewed());
    viewer.addEventListener("moved", () => this.zoomed());
    this.show();
    this.tool();
    this.drawn();
  }

  build() {
    const { tools, drawing, suggestions } = this;
    const key = (text) => make("kbd", {}, text);
    const tool = ({ name, label, key: letter, hint }) =>
      make(
        "button",
        { type: "button", id: `tool-${name}`, title: hint, role: "radio", onclick: () => this.pick(name) },
        label, key(letter.toUpperCase()),
      );
    byId("tools").replaceChildren(...TOOLS.map(tool));
    const layer = ([name, label], index) =>
      make(
        "label", { className: "tick" },
        make("input", { type: "checkbox", id: `layer-${name}`, checked: this.overlays.layers[name], onchange: () => this.layer(name) }),
        ...(name === "preview" ? [] : [swatch(name)]), label, key(`${index + 1}`),
      );
    const told = make("p", { id: "preview-state", className: "quiet", aria: { live: "polite" } });
    byId("layers").replaceChildren(...LAYERS.map(layer), told);
    for (const id of ["brighter", "sheet-brighter"]) byId(id).onclick = () => this.brighten();
    this.brighten(0);
    const decision = ({ verdict, label, key: letter, wide }) =>
      make(
        "button",
        { type: "button", id: `decide-${verdict}`, className: wide ? "wide" : "", onclick: () => this.decisions.decide(verdict) },
        label, key(letter),
      );
    byId("decisions").replaceChildren(...DECISIONS.map(decision));
    byId("undo").onclick = () => drawing.undo();
    byId("redo").onclick = () => drawing.redo();
    byId("clear").onclick = () => drawing.change({ shapes: [] });
    byId("as-drawn").onchange = ({ target }) => drawing.change({ asDrawn: target.checked });
    byId("brush-size").oninput = ({ target }) => tools.setSize(Number(target.value));
    byId("note").oninput = ({ target }) => drawing.setNote(target.value);
    byId("accept").onclick = () => suggestions.accept();
    byId("accept-all").onclick = () => suggestions.acceptAll();
    byId("suggestion-before").onclick = () => suggestions.step(-1);
    byId("suggestion-after").onclick = () => suggestions.step(1);
  }

  // What the preview shows, each with the line or colour it is drawn in.
  previewed() {
    const parts = this.preview.told.map(([name, text]) => make("span", {}, ...(name ? [swatch(name)] : []), text));
    byId("preview-state").replaceChildren(...parts);
  }

  pick(name) {
    this.tools.choose(name);
    byId("canvas").focus();
  }

  // Switch a layer, or take over how its box is ticked.
  async layer(name, on = byId(`layer-${name}`).checked) {
    byId(`layer-${name}`).checked = on;
    this.overlays.layers[name] = on;
    if (name === "preview") this.preview.switch(on);
    this.viewer.draw();
    if (name === "transition") {
      await this.viewer.showTransition(on).catch((error) => this.review.trouble(error, () => this.layer(name)));
    }
  }

  // The next step, and after the last one as it is. A curve, so that light parts stay as they are.
  brighten(step = (this.step + 1) % STEPS) {
    this.step = step;
    const far = step ? `: ${step} of ${STEPS - 1}` : "";
    for (const id of ["ground", "sheet-stage"]) byId(id).style.filter = step ? `url(#brighter-${step})` : "";
    byId("canvas").dataset.brighter = step;
    byId("brighter").firstChild.textContent = `Dark parts brighter${far}`;
    byId("sheet-brighter").firstChild.textContent = `Brighter${far}`;
    for (const id of ["brighter", "sheet-brighter"]) byId(id).setAttribute("aria-pressed", step > 0);
  }

  show() {
    const { picture, ready, filter, state, which } = this.review;
    byId("title").textContent = picture?.changed ? "The file has changed" : (picture?.title ?? "");
    byId("ask").textContent = picture ? question(picture, filter, byId("who").value.trim()) : "";
    byId("detail").textContent = byId("detail").title = this.detail(picture);
    byId("decided").textContent = picture ? said(picture, filter) : "";
    byId("name").textContent = picture?.id ?? "";
    byId("name").title = picture?.path ?? "";
    byId("place").textContent = picture?.place ? `${picture.place} of ${picture.total}` : "";
    byId("previous").disabled = !picture?.previous;
    byId("next").disabled = !picture?.next;
    byId("which").disabled = !picture?.released || !ready;
    byId("which").childNodes[1].data = which;
    byId("waiting").hidden = !(picture ? !ready && !picture.error : state === null);
    const locked = Boolean(picture?.changed);
    for (const [name] of LAYERS) byId(`layer-${name}`).disabled = locked;
    byId("layer-transition").disabled = locked || !picture?.transition;
    byId("as-drawn").disabled = locked;
    for (const { name } of TOOLS) byId(`tool-${name}`).disabled = locked && name !== "hand";
    if (ready) {
      this.layer("transition");
      this.preview.later(0);
    }
    this.suggestions.first();
  }

  // What the question does not say already.
  detail(picture) {
    if (!picture || picture.changed) return "";
    const detail = picture.error ?? picture.detail;
    return detail && byId("ask").textContent.includes(detail.replace(/[.\s]+$/, "")) ? "" : detail;
  }

  drawn() {
    const { drawing } = this;
    const canvas = byId("canvas");
    canvas.dataset.shapes = drawing.shapes.length;
    canvas.dataset.unsaved = drawing.unsaved();
    byId("undo").disabled = !drawing.canUndo();
    byId("redo").disabled = !drawing.canRedo();
    byId("clear").disabled = !drawing.shapes.length;
    byId("as-drawn").checked = drawing.asDrawn;
    if (byId("note").value !== drawing.note) byId("note").value = drawing.note;
    this.buttons();
  }

  tool() {
    const { tools } = this;
    byId("canvas").dataset.tool = tools.name;
    for (const { name, hint } of TOOLS) {
      byId(`tool-${name}`).setAttribute("aria-checked", name === tools.name);
      if (name === tools.name && byId("hint").textContent !== hint) byId("hint").textContent = hint;
    }
    byId("brush").hidden = tools.name !== "brush" && tools.name !== "erase";
    byId("brush-size").value = tools.size;
  }

  suggested() {
    const { suggestions } = this;
    const left = suggestions.left();
    const key = make("kbd", {}, "U");
    const label = left.length > 1 ? `Blur ${suggestions.place() + 1} of ${left.length} seen` : "Blur this one";
    const none = suggestions.any() ? "No suggestion left" : "No suggestion";
    byId("accept").replaceChildren(...(left.length ? [swatch("suggestion"), label] : [none]), key);
    for (const id of ["accept", "accept-all", "suggestion-before", "suggestion-after"]) byId(id).disabled = !left.length;
  }

  // Where nothing is drawn, that is not what Enter would save; the first button is then the likely answer.
  buttons() {
    const { review, decisions, drawing } = this;
    for (const decision of DECISIONS) {
      const button = byId(`decide-${decision.verdict}`);
      button.disabled = !decisions.may(decision);
      button.hidden = !decisions.belongs(decision);
      button.classList.toggle("gone", !decisions.offered(decision)); // it keeps its place
    }
    const drawn = drawing.masks() && (drawing.unsaved() || !review.picture?.released);
    byId("decide-mask").classList.toggle("main", drawn);
    byId("decide-covered").classList.toggle("main", !drawn);
  }

  zoomed() {
    byId("zoom").textContent = `${Math.round(this.viewer.view.scale * 100)} %`;
  }
}
