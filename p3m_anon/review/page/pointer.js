// Mouse and pen on the canvas: the wheel zooms, Space, the middle button and the hand move the picture, the rest draws.

export class Pointer {
  space = false; // held down
  doing = null; // null, "pan" or "draw"

  constructor(viewer, tools, crosshair) {
    Object.assign(this, { viewer, tools, crosshair });
    const { canvas } = viewer;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.release());
    canvas.addEventListener("pointercancel", () => this.lost());
    canvas.addEventListener("dblclick", () => this.tools.finish() || this.tools.cancel());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerleave", () => this.leave());
  }

  place(event) {
    const { left, top } = this.viewer.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  press(event) {
    const { canvas, view } = this.viewer;
    canvas.focus({ preventScroll: true });
    if (canvas.dataset.ready !== "true" || this.doing || event.button > 1) return;
    event.preventDefault();
    this.crosshair.hide();
    canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.doing = event.button === 1 || this.space || this.tools.name === "hand" ? "pan" : "draw";
    if (this.doing === "draw") this.tools.press(view.toPicture(this.last));
    this.cursor();
  }

  move(event) {
    const { view, canvas } = this.viewer;
    if (canvas.dataset.ready !== "true") return;
    if (event.movementX || event.movementY) this.crosshair.hide();
    if (this.doing === "pan") {
      const [x, y] = this.place(event);
      view.pan(x - this.last[0], y - this.last[1]);
      this.last = [x, y];
      this.viewer.moved();
      return;
    }
    // A quick hand moves further than one event per frame tells.
    const steps = this.doing === "draw" ? event.getCoalescedEvents() : [];
    for (const step of steps.length ? steps : [event]) this.tools.move(view.toPicture(this.place(step)));
  }

  release() {
    if (this.doing === "draw") this.tools.release();
    this.doing = null;
    this.cursor();
  }

  lost() {
    if (this.doing === "draw") this.tools.cancel();
    this.doing = null;
    this.cursor();
  }

  leave() {
    if (this.doing || this.tools.pending) return;
    this.tools.at = null;
    this.viewer.draw();
  }

  wheel(event) {
    event.preventDefault();
    if (this.viewer.canvas.dataset.ready !== "true") return;
    const lines = event.deltaMode === 1 ? 20 : 1; // a line of text counts as 20 pixels
    const speed = event.ctrlKey ? 0.01 : 0.0016; // two fingers apart send small steps with Ctrl
    const step = Math.min(Math.max(event.deltaY * lines, -300), 300);
    this.viewer.view.zoom(Math.exp(-step * speed), this.place(event));
    this.viewer.moved();
  }

  hold(space) {
    this.space = space;
    this.cursor();
  }

  cursor() {
    const moving = this.space || this.tools.name === "hand";
    const free = this.tools.name === "select" ? "default" : "crosshair";
    this.viewer.canvas.style.cursor = this.doing === "pan" ? "grabbing" : moving ? "grab" : free;
  }
}
