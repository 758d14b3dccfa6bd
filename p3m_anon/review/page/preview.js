// What `blur` would make of the drawing, asked anew shortly after the drawing or the view has changed.

import { api } from "./api.js";
import { isClear } from "./overlays.js";
import { bare } from "./shapes.js";

const SETTLED = 200; // ms

export class Preview extends EventTarget {
  on = false;
  told = []; // what is said beside the layers: [name of a line that is drawn, or null, text]

  constructor(viewer, drawing, overlays) {
    super();
    Object.assign(this, { viewer, drawing, overlays });
    drawing.addEventListener("change", () => this.later());
    viewer.addEventListener("moved", () => this.later());
  }

  switch(on) {
    this.on = on;
    this.say([]);
    if (!on) {
      this.viewer.preview = null;
      this.overlays.mark([]);
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
      this.say([]);
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
      const [image, background] = await Promise.all([answer.image, answer.background?.image].map(decoded));
      if (signal.aborted) return;
      this.viewer.preview = { image, background, area };
      this.overlays.mark(answer.uncovered);
      this.say(sentences(answer));
      this.viewer.redraw();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.viewer.preview = null; // rather none than one of another drawing
      this.viewer.redraw();
      this.say([[null, `No preview: ${error.message}`]]);
    }
  }

  say(told) {
    this.told = told;
    this.dispatchEvent(new Event("change"));
  }
}

async function decoded(address) {
  if (!address) return null;
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

// How much is masked, how much of that is background, and which faces are not masked enough.
function sentences({ area, uncovered, background }) {
  const parts = [[null, `${percent(area)} masked`]];
  if (background?.area) parts.push(["background", `${percent(background.area)} is background`]);
  const [clear, partly] = [uncovered.filter(isClear), uncovered.filter((one) => !isClear(one))];
  if (clear.length) parts.push(["clear", `${faces(clear.length)} clear?`]);
  const least = Math.min(...partly.map(({ covered }) => covered));
  if (partly.length) parts.push(["partly", `${faces(partly.length)} masked to ${Math.floor(100 * least)} %`]);
  return parts;
}

const faces = (count) => `${count} face${count === 1 ? "" : "s"}`;
