// What `blur` would make of the drawing, asked anew shortly after the drawing or the view has changed.

import { api } from "./api.js";
import { bare } from "./shapes.js";

const SETTLED = 200; // ms

export class Preview extends EventTarget {
  on = false;
  told = ""; // what is said beside the layers

  constructor(viewer, drawing, overlays) {
    super();
    Object.assign(this, { viewer, drawing, overlays });
    drawing.addEventListener("change", () => this.later());
    viewer.addEventListener("moved", () => this.later());
  }

  switch(on) {
    this.on = on;
    this.say("");
    if (!on) {
      this.viewer.preview = null;
      this.overlays.uncovered = new Set();
    }
    this.viewer.redraw();
    this.later(0);
  }

  later(delay = SETTLED) {
    clearTimeout(this.timer);
    this.abort?.abort();
    if (this.on) this.timer = setTimeout(() => this.ask(), delay);
  }

  async ask() {
    const { picture, view, base } = this.viewer;
    const area = view.window();
    if (!base || !area || picture.changed) {
      this.say("");
      return;
    }
    this.abort = new AbortController();
    const { signal } = this.abort;
    const asked = {
      path: picture.path,
      shapes: this.drawing.shapes.map(bare),
      as_drawn: this.drawing.asDrawn,
      window: [area.x, area.y, area.w, area.h],
      width: this.viewer.enough(area.w),
    };
    try {
      const answer = await api.preview(asked, signal);
      const image = new Image();
      image.src = answer.image;
      await image.decode();
      if (signal.aborted) return;
      this.viewer.preview = { image, area };
      this.overlays.uncovered = new Set(answer.uncovered);
      this.say(sentence(answer));
      this.viewer.redraw();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.viewer.preview = null; // rather none than one of another drawing
      this.viewer.redraw();
      this.say(`No preview: ${error.message}`);
    }
  }

  say(text) {
    this.told = text;
    this.dispatchEvent(new Event("change"));
  }
}

function sentence({ area, uncovered }) {
  const share = (100 * area).toFixed(area < 0.1 ? 1 : 0);
  const clear = `${uncovered.length} face${uncovered.length === 1 ? "" : "s"} clear? (red)`;
  return `${share} % masked${uncovered.length ? `; ${clear}` : ""}`;
}
