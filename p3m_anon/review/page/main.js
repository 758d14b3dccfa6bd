// Puts the parts of the page together.

import { Crosshair } from "./crosshair.js";
import { Decisions } from "./decisions.js";
import { dialogOpen, prepareDialogs, showLegend } from "./dialogs.js";
import { byId } from "./dom.js";
import { anyDraft, Drawing } from "./drawing.js";
import { actions, listen, sheetActions } from "./keyboard.js";
import { calm } from "./notices.js";
import { Overlays } from "./overlays.js";
import { Pointer } from "./pointer.js";
import { Preview } from "./preview.js";
import { Queue } from "./queue.js";
import { Review } from "./review.js";
import { Sheets } from "./sheets.js";
import { Suggestions } from "./suggestions.js";
import { Task } from "./task.js";
import { Tools } from "./tools.js";
import { prepareTop, rememberedTheme } from "./top.js";
import { Viewer } from "./viewer.js";
import { Writing } from "./writing.js";

rememberedTheme();

const viewer = new Viewer(byId("canvas"), byId("ground"));
const drawing = new Drawing();
const tools = new Tools(viewer, drawing);
const suggestions = new Suggestions(viewer, drawing);
const crosshair = new Crosshair(viewer, tools);
const pointer = new Pointer(viewer, tools, crosshair);
const overlays = new Overlays(viewer, drawing, tools, suggestions, crosshair);
const preview = new Preview(viewer, drawing, overlays);
const review = new Review(viewer, drawing);
const decisions = new Decisions(review, drawing, tools, overlays);
const task = new Task({ review, viewer, drawing, tools, suggestions, overlays, preview, decisions });
const queue = new Queue(review);
const sheets = new Sheets(review);
prepareTop(review);

// What is drawn and not saved is kept, so the picture can be opened anew; half a polygon, or half an answer, would be lost.
const writing = new Writing(review, () => review.reload(!tools.busy() && !review.busy && !dialogOpen()));

// What belongs to one picture ends with it.
let shown = null;
review.addEventListener("picture", () => {
  if (review.picture === shown) return;
  shown = review.picture;
  tools.cancel();
  tools.select.none();
  tools.at = null;
  crosshair.hide();
  overlays.mark([]);
  const typing = document.activeElement?.closest("input[type=text], input[type=search]");
  if (shown && !typing) byId("canvas").focus({ preventScroll: true });
});
tools.addEventListener("change", () => pointer.cursor());

const table = actions({ review, viewer, drawing, tools, suggestions, crosshair, pointer, task, decisions, overlays, queue, sheets });
const sheetTable = sheetActions({ sheets, task });
const run = (key) => table.find(({ bound }) => bound.includes(key)).run;
for (const [id, key] of [["previous", "p"], ["next", "n"], ["which", "o"], ["zoom-in", "+"], ["zoom-out", "-"], ["fit", "0"]]) {
  byId(id).onclick = run(key);
}
byId("help").onclick = showLegend;
byId("trouble-close").onclick = calm;
prepareDialogs([...table, ...sheetTable].filter(({ group }) => group));
listen(() => (sheets.on ? sheetTable : table), pointer, () => (sheets.on ? sheets.focus() : byId("canvas").focus()));

window.addEventListener("hashchange", () => review.follow());
window.addEventListener("beforeunload", (event) => anyDraft() && event.preventDefault());

await review.start();
await writing.resume();
