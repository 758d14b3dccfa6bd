// The tool that takes hold of what is drawn: whole shapes, corners of polygons and of an ellipse's box.

import { corners, distance, hit, moved, sideAt, withCorner } from "./shapes.js";

const REACH = 9; // screen pixels

export class Select {
  shape = -1;
  corner = -1;
  live = null; // the shape while it is dragged

  constructor(viewer, drawing) {
    this.viewer = viewer;
    this.drawing = drawing;
    // Undo and the like may take away what was selected.
    drawing.addEventListener("change", () => {
      if (this.shape >= drawing.shapes.length) this.none();
    });
  }

  none() {
    this.shape = this.corner = -1;
    this.live = null;
  }

  get selected() {
    return this.live ?? this.drawing.shapes[this.shape] ?? null;
  }

  press(point) {
    const reach = REACH / this.viewer.view.scale;
    this.from = point;
    this.before = null;
    if (this.selected) {
      this.corner = corners(this.selected).findIndex((corner) => distance(corner, point) <= reach);
      const side = this.corner < 0 ? sideAt(this.selected, point, reach / 2) : -1;
      if (side >= 0) {
        this.live = { ...this.selected, points: this.selected.points.toSpliced(side + 1, 0, point) };
        this.corner = side + 1;
      }
    }
    if (this.corner < 0) this.shape = this.drawing.shapes.findLastIndex((shape) => hit(shape, point, reach / 2));
    this.before = this.selected;
  }

  move(point) {
    if (!this.before) return;
    const across = point[0] - this.from[0];
    const down = point[1] - this.from[1];
    this.live = this.corner >= 0 ? withCorner(this.before, this.corner, point) : moved(this.before, across, down);
  }

  release() {
    const { live } = this;
    this.live = this.before = null;
    if (live) this.drawing.change({ shapes: this.drawing.shapes.with(this.shape, live) });
  }

  // Remove the corner that is selected, or else the shape. A polygon of two corners would be none.
  remove() {
    const shape = this.selected;
    if (!shape) return;
    if (shape.kind === "polygon" && this.corner >= 0 && shape.points.length > 3) {
      const less = { ...shape, points: shape.points.toSpliced(this.corner, 1) };
      this.corner = -1;
      this.drawing.change({ shapes: this.drawing.shapes.with(this.shape, less) });
    } else {
      const shapes = this.drawing.shapes.toSpliced(this.shape, 1);
      this.none();
      this.drawing.change({ shapes });
    }
  }

  // The shapes as they are while one of them is dragged.
  shown() {
    return this.live ? this.drawing.shapes.with(this.shape, this.live) : this.drawing.shapes;
  }
}
