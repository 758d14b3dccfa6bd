// All keys, in one table: it is what the keyboard does and what the legend shows.

import { DECISIONS } from "./decisions.js";
import { dialogOpen, showLegend } from "./dialogs.js";
import { byId } from "./dom.js";
import { takeOffer, toast } from "./notices.js";
import { KEYS } from "./sheet_tiles.js";
import { LAYERS } from "./task.js";
import { TOOLS } from "./tools.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ONCE = ["Enter", "Space"]; // an answer is for what was looked at, however long the key is held
const FIELD = "select, textarea, input:not([type=checkbox]):not([type=range])";
const OWN_KEYS = ["Enter", "Space", ...Object.keys(ARROWS)]; // those that a focused button or box uses itself

// Each action: where the legend shows it, the keys as they are shown, what it does, and what it is bound to.
export function actions({ review, viewer, drawing, tools, suggestions, crosshair, pointer, task, decisions, overlays, queue, sheets }) {
  const zoom = (factor) => () => {
    viewer.view.zoom(factor, viewer.view.middle());
    viewer.moved();
  };
  const fit = () => {
    viewer.view.fit();
    viewer.moved();
  };
  const enter = () => {
    if (!tools.busy()) return decisions.decide("mask");
    crosshair.rest();
    return tools.finish() || toast("A polygon needs three points.");
  };
  const space = () => (crosshair.at ? crosshair.act() : pointer.hold(true));
  const arrows = Object.keys(ARROWS).flatMap((key) => [key, `Shift+${key}`]);
  const arrow = (combo) => {
    const far = combo.startsWith("Shift+") ? 10 : 1;
    const [across, down] = ARROWS[combo.replace("Shift+", "")];
    crosshair.step(across * far, down * far);
  };
  const one = (group, key, label, run, bound = [key.toLowerCase()]) => ({ group, keys: [key], label, run, bound });
  const letters = DECISIONS.filter(({ verdict }) => verdict !== "mask");
  // Right after an answer its message can be taken up: T takes back that answer rather than the one of this picture.
  const decide = (verdict) => (verdict === "open" && takeOffer()) || decisions.decide(verdict);
  // What is being drawn, then what is selected, then what the list was searched for.
  const escape = () => {
    crosshair.rest();
    if (!tools.busy() && !tools.select.selected) queue.clear();
    tools.escape();
  };
  const undo = () => {
    if (tools.back()) return;
    if (drawing.canUndo()) drawing.undo();
    else takeOffer();
  };
  return [
    ...letters.map(({ verdict, label, key, sample }) =>
      one("Decide", key, sample ? `${label} (sample check)` : label, () => decide(verdict)),
    ),
    { group: "Decide", keys: ["Enter", "Ctrl+S"], label: "Save mask", run: enter, bound: ["Enter"] },
    { group: null, run: () => decisions.decide("mask"), bound: ["Ctrl+s"] },
    { group: "Pictures", keys: ["N", "J"], label: "Next, without deciding", run: () => review.step(review.picture?.next), bound: ["n", "j"] },
    { group: "Pictures", keys: ["P", "K"], label: "Previous", run: () => review.step(review.picture?.previous), bound: ["p", "k"] },
    one("Pictures", "O", "Original or released", () => review.swap()),
    one("Pictures", "S", "Look through in sheets", () => sheets.enter()),
    one("Pictures", "/", "Find a name", () => byId("find").focus()),
    one("Pictures", "+", "Larger (or the wheel)", zoom(1.25), ["+", "="]),
    one("Pictures", "-", "Smaller", zoom(0.8)),
    one("Pictures", "0", "Fit", fit),
    ...TOOLS.map(({ name, label, key }) => one("Tools", key.toUpperCase(), label, () => tools.choose(name))),
    { group: "Tools", keys: ["[", "]"], label: "Brush size", run: (key) => tools.setSize(tools.size + (key === "[" ? -6 : 6)), bound: ["[", "]"] },
    one("Suggestions", "U", "Blur this suggestion", () => suggestions.accept()),
    { group: "Suggestions", keys: ["Shift+U"], label: "Blur all of them", run: () => suggestions.acceptAll(), bound: ["Shift+u"] },
    { group: "Suggestions", keys: [",", "."], label: "The one before, the next", run: (key) => suggestions.step(key === "," ? -1 : 1), bound: [",", "."] },
    { group: "Drawing", keys: ["Ctrl+Z"], label: "Undo; right after an answer: take it back", run: undo, bound: ["Ctrl+z"] },
    { group: "Drawing", keys: ["Ctrl+Y"], label: "Redo (or Ctrl+Shift+Z)", run: () => drawing.redo(), bound: ["Ctrl+y", "Ctrl+Shift+z"] },
    { group: "Drawing", keys: ["Enter"], label: "Close the polygon", run: enter, bound: [] },
    { group: "Drawing", keys: ["Backspace"], label: "Remove the last point", run: () => tools.back() || tools.select.remove(), bound: ["Backspace"] },
    { group: "Drawing", keys: ["Delete"], label: "Remove what is selected", run: () => tools.select.remove(), bound: ["Delete"] },
    { group: "Drawing", keys: ["Esc"], label: "Cancel; show the whole list again", run: escape, bound: ["Escape"] },
    one("Drawing", "A", "As drawn: the soft edge too", () => drawing.change({ asDrawn: !drawing.asDrawn })),
    { group: "Without a mouse", keys: ["Arrows"], label: "Move a crosshair (with Shift: faster)", run: arrow, bound: arrows },
    { group: "Without a mouse", keys: ["Space"], label: "Place a point; begin and end a shape", run: space, bound: ["Space"] },
    { group: "Without a mouse", keys: ["Enter"], label: "End the shape", run: enter, bound: [] },
    ...LAYERS.map(([name, label], index) =>
      one("Layers", `${index + 1}`, label, () => review.picture?.changed || task.layer(name, !overlays.layers[name])),
    ),
    one("Layers", "D", "Dark parts brighter: 3 steps, then as it is", () => task.brighten()),
    one("Help", "?", "This list", showLegend),
    // What the mouse does is shown here too.
    { group: "Mouse", keys: ["wheel"], label: "Larger and smaller, where the pointer is", bound: [] },
    { group: "Mouse", keys: ["Space + drag"], label: "Move the picture (or middle button)", bound: [] },
  ];
}

// The keys of the sheet view.
export function sheetActions({ sheets, task }) {
  const arrow = (combo) => sheets.current?.step(...ARROWS[combo]);
  const key = (keys, label, run, bound) => ({ group: "Sheets", keys, label, run, bound });
  return [
    key(["A", "…"], "Mark the picture with this letter or digit", (letter) => sheets.current?.press(letter), [...KEYS]),
    key(["Arrows"], "Go from picture to picture", arrow, Object.keys(ARROWS)),
    key(["Space"], "Mark this picture for a closer look", () => sheets.current?.toggle(), ["Space"]),
    key(["Enter"], "No identifiable face in all the others", () => sheets.answer(), ["Enter"]),
    key(["Shift+D"], "Dark parts brighter", () => task.brighten(), ["Shift+d"]),
    key(["Esc"], "Back to one by one", () => sheets.leave(), ["Escape"]),
    { group: null, run: showLegend, bound: ["?"] },
  ];
}

// tables: gives the table of the view that is shown. home: puts the focus back on what is looked at.
export function listen(tables, pointer, home) {
  document.addEventListener("keydown", (event) => {
    const combo = pressed(event);
    if (dialogOpen() || combo === null) return;
    if (event.target.closest(FIELD)) return inField(event, home);
    if (OWN_KEYS.includes(combo.replace("Shift+", "")) && event.target.closest("button, input")) return;
    const run = tables().find(({ bound }) => bound.includes(combo))?.run;
    if (!run) return;
    event.preventDefault();
    if (event.repeat && ONCE.includes(combo)) return; // held down
    run(combo);
  });
  document.addEventListener("keyup", (event) => event.key === " " && pointer.hold(false));
  window.addEventListener("blur", () => pointer.hold(false));
}

// Enter and Escape lead back from a field to the picture; no other key does anything there.
// The search field has both for itself.
function inField(event, home) {
  if (event.target.id === "find") return;
  if (event.key === "Escape" || event.key === "Enter") {
    event.preventDefault();
    home();
  }
}

// A key as the table has it; null for what belongs to the browser or the system.
function pressed(event) {
  // With AltGr some keyboards write brackets and the like; that is no Ctrl and no Alt.
  const written = event.getModifierState("AltGraph") || "[]".includes(event.key);
  if (event.altKey && !written) return null;
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shifted = event.shiftKey && (key.length > 1 || /[a-z]/.test(key)); // the shift of "?" is part of the key
  return `${(event.ctrlKey || event.metaKey) && !written ? "Ctrl+" : ""}${shifted ? "Shift+" : ""}${key}`;
}
