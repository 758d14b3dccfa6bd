// Two canvases, one over the other. The lower one, `ground`, has the picture at the size it is shown, a sharper window over
// it once zooming and panning have settled, and the preview. The upper one, `canvas`, has what other modules paint
// (`painters`: functions of a context whose unit is a screen pixel): a move of the pointer repaints that one only.
//
// For tests the upper canvas carries data-scale, data-x and data-y (see view.js: screen = (picture - corner) * scale, from the
// canvas' own upper left corner), data-path and data-which of what is shown, and data-ready: "true" once it is.

import { api } from "./api.js";
import { Pictures } from "./pictures.js";
import { View } from "./view.js";

const SETTLED = 150; // ms

export class Viewer extends EventTarget {
  view = new View();
  pictures = new Pictures();
  painters = [];
  picture = null;
  preview = null; // {image, background, area}; background: null, or where background is blurred
  transition = null;

  constructor(canvas, ground) {
    super();
    this.canvas = canvas;
    this.ground = ground;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    this.dense = window.devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.ground]) {
      canvas.width = Math.max(Math.round(clientWidth * this.dense), 1);
      canvas.height = Math.max(Math.round(clientHeight * this.dense), 1);
    }
    this.view.canvas = { width: Math.max(clientWidth, 1), height: Math.max(clientHeight, 1) };
    if (this.view.fitted) this.view.fit();
    this.moved();
  }

  clear() {
    this.abort?.abort();
    this.picture = this.base = this.sharp = this.preview = this.transition = null;
    this.canvas.dataset.ready = "false";
    this.redraw();
  }

  // Show a picture; the answer is false when another one was asked for in the meantime.
  async show(picture, which, keep = false) {
    this.clear();
    this.picture = picture;
    this.which = which;
    this.view.picture = { width: picture.width, height: picture.height };
    if (!keep) this.view.fit();
    const base = await this.pictures.whole(picture, which, this.width(picture));
    if (this.picture !== picture || this.which !== which) return false;
    this.base = base;
    Object.assign(this.canvas.dataset, { path: picture.path, which, ready: "true" });
    this.moved();
    return true;
  }

  // Fetch a picture that will probably be asked for next. Should it fail, it fails again, and is told, when it is shown.
  expect(picture, which) {
    this.pictures.whole(picture, which, this.width(picture)).catch(() => {});
  }

  // How many pixels across a picture needs to fill the canvas.
  width(picture) {
    const shown = new View();
    shown.canvas = this.view.canvas;
    shown.picture = picture;
    return this.enough(picture.width, shown.fitScale());
  }

  // Pixels needed for a width of picture pixels, no more than there are.
  enough(width, scale = this.view.scale) {
    return Math.min(Math.max(Math.ceil(width * scale * this.dense), 1), width);
  }

  // To be called after every change of the view.
  moved() {
    const { scale, x, y } = this.view;
    Object.assign(this.canvas.dataset, { scale, x, y });
    this.redraw();
    this.dispatchEvent(new Event("moved"));
    clearTimeout(this.timer);
    this.abort?.abort();
    this.timer = setTimeout(() => this.sharpen(), SETTLED);
  }

  async sharpen() {
    const { picture, base } = this;
    const area = this.view.window();
    if (!base || !area || this.enough(picture.width) <= base.width) {
      this.sharp = null;
      this.redraw();
      return;
    }
    this.abort = new AbortController();
    try {
      const { signal } = this.abort;
      const blob = await api.image(picture.path, this.which, area, this.enough(area.w), signal);
      const image = await createImageBitmap(blob);
      if (signal.aborted) return;
      this.sharp = { image, area };
      this.redraw();
    } catch (error) {
      if (error.name !== "AbortError") this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    }
  }

  async showTransition(on) {
    const { picture } = this;
    if (!on || !picture?.transition) {
      this.transition = null;
    } else if (!this.transition) {
      const image = await createImageBitmap(await api.transition(picture.path, this.width(picture)));
      if (this.picture === picture) this.transition = image;
    }
    this.redraw();
  }

  // Ask for a repaint of the upper canvas; several within a frame are one.
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.stale) this.paintGround();
      this.stale = false;
      this.paint();
    });
  }

  // Of both.
  redraw() {
    this.stale = true;
    this.draw();
  }

  // An empty canvas to paint on, or null when no picture can be seen.
  begin(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    return this.picture && this.base ? context : null;
  }

  paintGround() {
    const context = this.begin(this.ground);
    if (!context) return;
    // From here on single pixels are what one wants to see.
    context.imageSmoothingEnabled = this.view.scale * this.dense < 4;
    context.imageSmoothingQuality = "high";
    const all = { x: 0, y: 0, w: this.picture.width, h: this.picture.height };
    this.place(context, this.base, all);
    if (this.sharp) this.place(context, this.sharp.image, this.sharp.area);
    if (this.preview) this.place(context, this.preview.image, this.preview.area);
    if (this.preview?.background) this.place(context, this.preview.background, this.preview.area);
    if (this.transition) this.place(context, this.transition, all);
  }

  paint() {
    const context = this.begin(this.canvas);
    if (context) for (const painter of this.painters) painter(context);
  }

  place(context, image, area) {
    const { scale } = this.view;
    context.drawImage(image, ...this.view.toScreen([area.x, area.y]), area.w * scale, area.h * scale);
  }
}
