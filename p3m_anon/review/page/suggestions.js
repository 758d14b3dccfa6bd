// Shapes that would mask what the looks saw. One is highlighted; taken over, it is a shape like any other. What the drawing
// covers already is not suggested.

import { bare, box, coverage } from "./shapes.js";

const COVERED = 0.9; // of a suggestion; whether a face is masked enough is for the server to say

export class Suggestions extends EventTarget {
  chosen = 0;

  constructor(viewer, drawing) {
    super();
    this.viewer = viewer;
    this.drawing = drawing;
    drawing.addEventListener("change", () => this.tell());
  }

  // Those that are not yet covered.
  left() {
    const { shapes, picture } = this.drawing;
    if (this.known?.shapes !== shapes || this.known.picture !== picture) {
      const left = (picture?.suggestions ?? []).filter((suggestion) => coverage(suggestion, shapes) < COVERED);
      this.known = { shapes, picture, left };
    }
    return this.known.left;
  }

  any() {
    return Boolean(this.drawing.picture?.suggestions.length);
  }

  current() {
    const left = this.left();
    return left.length ? left[this.place()] : null;
  }

  place() {
    return Math.min(this.chosen, this.left().length - 1);
  }

  first() {
    this.chosen = 0;
    this.tell();
  }

  step(by) {
    const count = this.left().length;
    if (!count) return;
    this.chosen = (this.place() + by + count) % count;
    this.viewer.view.reveal(box(this.outer(this.current())));
    this.viewer.moved();
    this.tell();
  }

  outer({ points, width = 0 }) {
    return points.flatMap(([x, y]) => [[x - width / 2, y - width / 2], [x + width / 2, y + width / 2]]);
  }

  accept() {
    const left = this.left();
    if (left.length) this.take([left[this.place()]]);
  }

  acceptAll() {
    const left = this.left();
    if (left.length) this.take(left);
  }

  take(chosen) {
    this.drawing.add(...chosen.map(bare));
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
