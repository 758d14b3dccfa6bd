// Paints over the picture: what the looks saw, the suggestion, the drawing, and what is being drawn.

import { blurredNow } from "./answers.js";
import { box, corners, paintMask, way } from "./shapes.js";

export const COLOURS = {
  first: "#22c55e",
  second: "#fbbf24",
  suggestion: "#ffffff",
  drawing: "#38bdf8",
  wrong: "#ff1f3d",
};
// The lines that are drawn; the legend shows these very ones.
const LINES = {
  first: [COLOURS.first, {}],
  second: [COLOURS.second, { dash: [9, 5] }],
  suggestion: [COLOURS.suggestion, { width: 2.5, dash: [7, 5] }],
  clear: [COLOURS.wrong, { width: 5 }],
  partly: [COLOURS.wrong, { width: 2, dash: [3, 3] }],
};
// What is coloured in whole, with its edge: the soft edge and the background as the server tints them.
const FILLS = { transition: "#ff40c896", background: "#ff8c0078", drawing: `${COLOURS.drawing}6b` };
const SWATCH = { width: 18, height: 10 };
const CLEAR = 0.5; // of a place that looks like a face: with more of it masked it is not called clear

export const isClear = ({ covered }) => covered < CLEAR;

// A dark line under a light one can be seen on every picture.
function line(context, path, colour, { width = 2, dash = [] } = {}) {
  context.setLineDash([]);
  context.strokeStyle = "#000a";
  context.lineWidth = width + 2;
  context.stroke(path);
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
  context.setLineDash([]);
}

// A piece of a line, or of a coloured area, for the legend.
export function swatch(name) {
  const dense = window.devicePixelRatio || 1;
  const canvas = Object.assign(document.createElement("canvas"), { width: SWATCH.width * dense, height: SWATCH.height * dense, className: "swatch" });
  canvas.dataset.line = name;
  const context = canvas.getContext("2d");
  context.scale(dense, dense);
  const path = new Path2D();
  if (FILLS[name]) {
    path.rect(2, 1.5, SWATCH.width - 4, SWATCH.height - 3);
    context.fillStyle = FILLS[name];
    context.fill(path);
    if (name === "drawing") line(context, path, COLOURS.drawing, { width: 1.5 });
  } else {
    path.moveTo(1, SWATCH.height / 2);
    path.lineTo(SWATCH.width - 1, SWATCH.height / 2);
    line(context, path, ...LINES[name]);
  }
  return canvas;
}

// A surface of the size of an area of the canvas, on which one paints as on the canvas.
function blank({ left, top, width, height }, dense) {
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.setTransform(dense, 0, 0, dense, -left, -top);
  return context;
}

const corner = ([x0, y0, x1, y1]) => ({ kind: "polygon", points: [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] });

export class Overlays {
  layers = { first: true, second: true, transition: false, drawing: true, preview: false };
  uncovered = new Map(); // sightings that the drawing does not mask enough: index -> {covered}
  pointed = null; // the one of them that is asked about

  constructor(viewer, drawing, tools, suggestions, crosshair) {
    Object.assign(this, { viewer, drawing, tools, suggestions, crosshair });
    viewer.painters.push((context) => this.paint(context));
    for (const source of [drawing, tools, suggestions, crosshair]) source.addEventListener("change", () => viewer.draw());
    tools.addEventListener("moved", () => viewer.draw());
  }

  paint(context) {
    const { layers } = this;
    if (this.drawing.locked()) return;
    if (layers.drawing) this.drawn(context); // first: what is being rubbed out is taken off the canvas
    this.viewer.picture.sightings.forEach((sighting, index) => this.sighting(context, sighting, index));
    const suggestion = (layers.first || layers.second) && !layers.preview ? this.suggestions.current() : null;
    if (suggestion) line(context, way(suggestion, this.viewer.view), ...LINES.suggestion);
    if (layers.drawing) this.handles(context);
    this.pending(context);
    this.crosshair.paint(context);
  }

  sighting(context, { box, outline, by }, index) {
    const { view } = this.viewer;
    const { first, second, preview } = this.layers; // in a preview only what is masked is to be seen
    if (first && !preview && by !== "second") {
      line(context, way(outline ? { kind: "polygon", points: outline } : corner(box), view), ...LINES.first);
    }
    if (second && !preview && by !== "first") line(context, way(corner(box), view), ...LINES.second);
    if (!this.uncovered.has(index)) return;
    const [colour, style] = isClear(this.uncovered.get(index)) ? LINES.clear : LINES.partly;
    const other = this.pointed !== null && this.pointed !== index;
    line(context, way(corner(box), view), colour, other ? { ...style, width: 2 } : style);
  }

  // Mark sightings that are not masked enough: {sighting, covered}.
  mark(places, pointed = null) {
    this.uncovered = new Map(places.map((place) => [place.sighting, place]));
    this.pointed = pointed;
    this.viewer.draw();
  }

  // The mask as one surface, and its edge: shapes that overlap are one, and what was rubbed out is gone.
  drawn(context) {
    const { drawing, tools } = this;
    const { pending } = tools;
    const settled = tools.select.live ? null : this.settled(drawing.shapes);
    // While a shape is dragged all is made anew; while one is drawn only that one is.
    const surface = settled ?? this.surface(tools.select.shown());
    if (surface) this.put(context, surface);
    if (pending?.kind === "erase") {
      paintMask(context, [pending], this.viewer.view, "#000");
    } else if (pending && pending.kind !== "polygon") {
      this.put(context, this.surface([pending]));
    }
  }

  // Kept until the shapes or the view change.
  settled(shapes) {
    const { view, canvas, dense, which } = this.viewer;
    const seen = [view.scale, view.x, view.y, canvas.width, canvas.height, dense, this.layers.preview, which].join();
    if (this.kept?.shapes !== shapes || this.kept.seen !== seen) this.kept = { shapes, seen, surface: this.surface(shapes) };
    return this.kept.surface;
  }

  // {image, left, top} in pixels of the canvas, as large as the shapes need; null where there are none in sight.
  surface(shapes) {
    const { view, dense } = this.viewer;
    const area = this.around(shapes);
    if (!area) return null;
    const [mask, edge] = [blank(area, dense), blank(area, dense)];
    paintMask(mask, shapes, view, COLOURS.drawing);
    paintMask(edge, shapes, view, COLOURS.drawing, this.layers.preview ? 0.75 : 1.5);
    edge.setTransform(1, 0, 0, 1, 0, 0);
    edge.globalCompositeOperation = "destination-out";
    edge.drawImage(mask.canvas, 0, 0);
    if (!this.layers.preview) {
      // What is blurred in the released picture can be seen: there only the edge is shown.
      if (this.viewer.which === "released") {
        const blurred = blank(area, dense);
        paintMask(blurred, blurredNow(this.viewer.picture), view, COLOURS.drawing);
        mask.setTransform(1, 0, 0, 1, 0, 0);
        mask.globalCompositeOperation = "destination-out";
        mask.drawImage(blurred.canvas, 0, 0);
      }
      edge.globalCompositeOperation = "source-over";
      edge.globalAlpha = 0.42;
      edge.drawImage(mask.canvas, 0, 0);
    }
    return { image: edge.canvas, ...area };
  }

  around(shapes) {
    const { view, dense, canvas } = this.viewer;
    const boxes = shapes.filter(({ kind }) => kind !== "erase").map(({ points, width = 0 }) => {
      const [x0, y0, x1, y1] = box(points);
      const far = width / 2;
      return [...view.toScreen([x0 - far, y0 - far]), ...view.toScreen([x1 + far, y1 + far])];
    });
    if (!boxes.length) return null;
    const [x0, y0, x1, y1] = box(boxes.flatMap(([a, b, c, d]) => [[a, b], [c, d]]));
    const edge = 4;
    const left = Math.max(Math.floor((x0 - edge) * dense), 0);
    const top = Math.max(Math.floor((y0 - edge) * dense), 0);
    const width = Math.min(Math.ceil((x1 + edge) * dense), canvas.width) - left;
    const height = Math.min(Math.ceil((y1 + edge) * dense), canvas.height) - top;
    return width > 0 && height > 0 ? { left, top, width, height } : null;
  }

  put(context, surface) {
    if (!surface) return;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(surface.image, surface.left, surface.top);
    context.restore();
  }

  handles(context) {
    const { select } = this.tools;
    if (!select.selected) return;
    line(context, way(select.selected, this.viewer.view), "#ffffff", { width: 1.5 });
    corners(select.selected).forEach((point, index) => {
      const [x, y] = this.viewer.view.toScreen(point);
      context.fillStyle = index === select.corner ? COLOURS.wrong : "#ffffff";
      context.strokeStyle = "#000";
      context.lineWidth = 1.5;
      context.fillRect(x - 4, y - 4, 8, 8);
      context.strokeRect(x - 4, y - 4, 8, 8);
    });
  }

  pending(context) {
    const { pending, at, name, size } = this.tools;
    const { view } = this.viewer;
    if (pending?.kind === "polygon") {
      const open = new Path2D();
      const points = [...pending.points, at].map((point) => view.toScreen(point));
      points.forEach((point) => open.lineTo(...point));
      line(context, open, COLOURS.drawing);
      const first = new Path2D();
      first.arc(...points[0], 6, 0, 2 * Math.PI);
      line(context, first, "#ffffff");
    }
    if (at && (name === "brush" || name === "erase")) {
      const round = new Path2D();
      round.arc(...view.toScreen(at), size / 2, 0, 2 * Math.PI);
      line(context, round, "#ffffff", { width: 1 });
    }
  }
}
