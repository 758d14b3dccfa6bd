// The tools. Mouse, pen and the crosshair of the keyboard all say press, move and release, at points of the picture.
// "change" is told when a tool, its size or what is being drawn begins or ends; "moved" while it goes on.

import { bare, distance, roundedPoint } from "./shapes.js";
import { Select } from "./select.js";

export const TOOLS = [
  { name: "ellipse", label: "Ellipse", key: "e", hint: "Drag a box around the face." },
  { name: "polygon", label: "Polygon", key: "g", hint: "Click around the face; Enter closes it." },
  { name: "brush", label: "Brush", key: "b", hint: "Paint over the face." },
  { name: "erase", label: "Rub out", key: "r", hint: "Paint the mask away." },
  { name: "select", label: "Change", key: "v", hint: "Drag shapes and corners; Delete removes." },
  { name: "hand", label: "Move", key: "h", hint: "Drag the picture (also: hold Space)." },
];

const CLOSE = 8; // screen pixels from the first corner of a polygon that close it
const STILL = 3; // screen pixels that two clicks of a double click may lie apart
const FINE = 1.5; // screen pixels between the points of a brush

export class Tools extends EventTarget {
  name = "ellipse";
  size = 40; // of the brush, in screen pixels: near in, the brush is finer
  pending = null; // the shape that is being drawn
  at = null; // where the pointer is

  constructor(viewer, drawing) {
    super();
    this.viewer = viewer;
    this.drawing = drawing;
    this.select = new Select(viewer, drawing);
  }

  choose(name) {
    this.cancel();
    this.name = name;
    if (name !== "select") this.select.none();
    this.tell();
  }

  setSize(size) {
    this.size = Math.min(Math.max(size, 4), 200);
    this.tell();
  }

  // Screen pixels as a length in the picture.
  near(pixels) {
    return pixels / this.viewer.view.scale;
  }

  press(point) {
    if (this.drawing.locked()) return;
    this.at = point;
    if (this.name === "select") this.select.press(point);
    else if (this.name === "polygon") this.corner(roundedPoint(point));
    else if (this.name === "ellipse") this.pending = { kind: "ellipse", points: [roundedPoint(point), roundedPoint(point)] };
    else if (this.name === "brush" || this.name === "erase") {
      const width = Math.max(roundedPoint([this.near(this.size)])[0], 1);
      this.pending = { kind: this.name, points: [roundedPoint(point)], width };
    }
    this.tell();
  }

  corner(point) {
    const points = this.pending?.points ?? [];
    if (points.length >= 3 && distance(points[0], point) <= this.near(CLOSE)) {
      this.finish();
    } else if (!points.length || distance(points.at(-1), point) > this.near(STILL)) {
      this.pending = { kind: "polygon", points: [...points, point] };
    }
  }

  move(point) {
    this.at = point;
    const { pending } = this;
    if (this.name === "select") this.select.move(point);
    else if (pending?.kind === "ellipse") this.pending = { ...pending, points: [pending.points[0], roundedPoint(point)] };
    else if (pending && pending.kind !== "polygon" && distance(pending.points.at(-1), point) >= this.near(FINE)) {
      pending.points.push(roundedPoint(point));
    }
    if (this.follows()) this.dispatchEvent(new Event("moved"));
  }

  // Does what is seen depend on where the pointer is?
  follows() {
    return this.pending !== null || this.select.before || this.name === "brush" || this.name === "erase";
  }

  release() {
    if (this.name === "select") this.select.release();
    else if (this.pending && this.pending.kind !== "polygon") this.finish();
    this.tell();
  }

  // Is something being drawn?
  busy() {
    return this.pending !== null || this.select.live !== null;
  }

  // End what is being drawn; false if it is not yet a shape.
  finish() {
    const { pending } = this;
    if (this.select.live) this.select.release();
    if (!pending) return true;
    if (pending.kind === "polygon" && pending.points.length < 3) return false;
    this.pending = null;
    // A click without a drag is no ellipse.
    const [a, b] = pending.points;
    const tiny = pending.kind === "ellipse" && Math.min(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])) < this.near(STILL);
    if (!tiny) this.drawing.add(bare(pending));
    this.tell();
    return true;
  }

  cancel() {
    this.pending = this.select.live = this.select.before = null;
    this.tell();
  }

  // Escape: what is being drawn, then the selection.
  escape() {
    if (!this.busy()) this.select.none();
    this.cancel();
  }

  // Take back the last corner of a polygon that is being drawn; false if there is none.
  back() {
    if (this.pending?.kind !== "polygon") return false;
    const points = this.pending.points.slice(0, -1);
    this.pending = points.length ? { kind: "polygon", points } : null;
    this.tell();
    return true;
  }

  // What masks when this moment is the last one.
  shown() {
    const shapes = this.select.shown();
    return this.pending && this.pending.kind !== "polygon" ? [...shapes, this.pending] : shapes;
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
