// Paints over the picture: what the looks saw, the suggestion, the drawing, and what is being drawn.

import { corners, paintMask, way } from "./shapes.js";

export const COLOURS = {
  first: "#22c55e",
  second: "#fbbf24",
  suggestion: "#ffffff",
  drawing: "#38bdf8",
  wrong: "#ff1f3d",
};

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

const corner = ([x0, y0, x1, y1]) => ({ kind: "polygon", points: [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] });

export class Overlays {
  layers = { first: true, second: true, transition: false, drawing: true, preview: false };
  uncovered = new Set(); // indices of sightings that the drawing leaves clear

  constructor(viewer, drawing, tools, suggestions, crosshair) {
    Object.assign(this, { viewer, drawing, tools, suggestions, crosshair });
    this.masked = document.createElement("canvas");
    this.edge = document.createElement("canvas");
    viewer.painters.push((context) => this.paint(context));
    for (const source of [drawing, tools, suggestions, crosshair]) source.addEventListener("change", () => viewer.draw());
  }

  paint(context) {
    this.viewer.picture.sightings.forEach((sighting, index) => this.sighting(context, sighting, index));
    const suggestion = this.layers.first || this.layers.second ? this.suggestions.current() : null;
    if (suggestion) line(context, way(suggestion, this.viewer.view), COLOURS.suggestion, { width: 2.5, dash: [7, 5] });
    if (this.layers.drawing) this.drawn(context);
    this.pending(context);
    this.crosshair.paint(context);
  }

  sighting(context, { box, outline, by }, index) {
    const { view } = this.viewer;
    if (this.layers.first && by !== "second") {
      line(context, way(outline ? { kind: "polygon", points: outline } : corner(box), view), COLOURS.first);
    }
    if (this.layers.second && by !== "first") line(context, way(corner(box), view), COLOURS.second, { dash: [9, 5] });
    if (this.uncovered.has(index)) line(context, way(corner(box), view), COLOURS.wrong, { width: 5 });
  }

  // The mask as one surface, and its edge: shapes that overlap are one, and what was rubbed out is gone.
  drawn(context) {
    const shapes = this.tools.shown();
    if (!shapes.length) return;
    const { canvas, dense, view } = this.viewer;
    const masked = this.blank(this.masked);
    masked.setTransform(dense, 0, 0, dense, 0, 0);
    paintMask(masked, shapes, view, COLOURS.drawing);
    const edge = this.blank(this.edge);
    const far = 1.5 * dense;
    for (const [across, down] of [[1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]]) {
      edge.drawImage(this.masked, across * far, down * far);
    }
    edge.globalCompositeOperation = "destination-out";
    edge.drawImage(this.masked, 0, 0);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (!this.layers.preview) {
      context.globalAlpha = 0.42;
      context.drawImage(this.masked, 0, 0, canvas.width, canvas.height);
      context.globalAlpha = 1;
    }
    context.drawImage(this.edge, 0, 0);
    context.restore();
    this.handles(context);
  }

  blank(surface) {
    const { width, height } = this.viewer.canvas;
    surface.width = width; // this also empties it
    surface.height = height;
    return surface.getContext("2d");
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
