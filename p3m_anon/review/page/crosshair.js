// A pointer for the keyboard: arrow keys move it, Space does what a mouse button does.

export class Crosshair extends EventTarget {
  at = null; // a place in the picture, or null while the mouse is used
  down = false;

  constructor(viewer, tools) {
    super();
    this.viewer = viewer;
    this.tools = tools;
  }

  // By screen pixels. It appears in the middle, and takes the view along when it leaves it.
  step(across, down) {
    const { view } = this.viewer;
    const [x, y] = this.at ? view.toScreen(this.at) : view.middle();
    const to = this.at ? [x + across, y + down] : [x, y];
    const out = [this.beyond(to[0], view.canvas.width), this.beyond(to[1], view.canvas.height)];
    this.at = view.toPicture(to);
    if (out[0] || out[1]) {
      view.pan(-out[0], -out[1]);
      this.viewer.moved();
    }
    this.tools.move(this.at);
    this.tell();
  }

  beyond(place, size) {
    const border = 20;
    return Math.min(place - border, 0) + Math.max(place - (size - border), 0);
  }

  // Space: a polygon takes a corner; everything else begins, and ends the next time.
  act() {
    if (this.tools.name === "polygon" || !this.down) this.tools.press(this.at);
    else this.tools.release();
    this.down = this.tools.busy() || (this.tools.name === "select" && !this.down && this.tools.select.selected !== null);
    this.tell();
  }

  rest() {
    this.down = false;
  }

  hide() {
    if (!this.at) return;
    this.at = null;
    this.down = false;
    this.tell();
  }

  paint(context) {
    if (!this.at) return;
    const [x, y] = this.viewer.view.toScreen(this.at);
    for (const [colour, width] of [["#000", 4], [this.down ? "#ff1f3d" : "#fff", 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 4 * dx, y + 4 * dy);
        context.lineTo(x + 16 * dx, y + 16 * dy);
      }
      context.stroke();
    }
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
