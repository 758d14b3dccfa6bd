// Which part of the picture the canvas shows: `scale` screen (CSS) pixels for one of the picture, and the place in the
// picture, `x` and `y`, that lies in the canvas' upper left corner. So  screen = (picture - corner) * scale.

const MARGIN = 10;
const LARGEST = 24;

export class View {
  scale = 1;
  x = 0;
  y = 0;
  fitted = true;

  // The size of the canvas on the screen, and of the picture.
  constructor() {
    this.canvas = { width: 1, height: 1 };
    this.picture = { width: 1, height: 1 };
  }

  fitScale() {
    const { canvas, picture } = this;
    const across = Math.max(canvas.width - 2 * MARGIN, 1) / picture.width;
    const down = Math.max(canvas.height - 2 * MARGIN, 1) / picture.height;
    return Math.min(across, down, 4);
  }

  fit() {
    this.scale = this.fitScale();
    this.x = (this.picture.width - this.canvas.width / this.scale) / 2;
    this.y = (this.picture.height - this.canvas.height / this.scale) / 2;
    this.fitted = true;
  }

  toScreen([x, y]) {
    return [(x - this.x) * this.scale, (y - this.y) * this.scale];
  }

  toPicture([x, y]) {
    return [x / this.scale + this.x, y / this.scale + this.y];
  }

  middle() {
    return [this.canvas.width / 2, this.canvas.height / 2];
  }

  // Zoom so that the place under `at` (screen) stays there.
  zoom(factor, at) {
    const place = this.toPicture(at);
    const smallest = Math.min(this.fitScale(), 1) / 2;
    this.scale = Math.min(Math.max(this.scale * factor, smallest), LARGEST);
    this.x = place[0] - at[0] / this.scale;
    this.y = place[1] - at[1] / this.scale;
    this.held();
  }

  pan(across, down) {
    this.x -= across / this.scale;
    this.y -= down / this.scale;
    this.held();
  }

  // Bring a box of the picture into sight, and near if it is small.
  reveal([x0, y0, x1, y1]) {
    const { width, height } = this.canvas;
    const long = Math.max(x1 - x0, y1 - y0, 1) * this.scale;
    const [left, top] = this.toScreen([x0, y0]);
    const [right, bottom] = this.toScreen([x1, y1]);
    const inside = left >= 0 && top >= 0 && right <= width && bottom <= height;
    if (inside && long > 40) return;
    if (long <= 40) this.scale *= 160 / long;
    this.x = (x0 + x1) / 2 - width / 2 / this.scale;
    this.y = (y0 + y1) / 2 - height / 2 / this.scale;
    this.held();
  }

  // Show a box of the picture in the middle, a third as large as the canvas.
  approach([x0, y0, x1, y1]) {
    const { width, height } = this.canvas;
    this.scale = Math.min(width / (x1 - x0) / 3, height / (y1 - y0) / 3, LARGEST);
    this.x = (x0 + x1) / 2 - width / 2 / this.scale;
    this.y = (y0 + y1) / 2 - height / 2 / this.scale;
    this.held();
  }

  // Whole pixels of the picture that can be seen, or null if none can.
  window() {
    const left = Math.max(Math.floor(this.x), 0);
    const top = Math.max(Math.floor(this.y), 0);
    const right = Math.min(Math.ceil(this.x + this.canvas.width / this.scale), this.picture.width);
    const bottom = Math.min(Math.ceil(this.y + this.canvas.height / this.scale), this.picture.height);
    return right > left && bottom > top ? { x: left, y: top, w: right - left, h: bottom - top } : null;
  }

  // A corner of the picture can be dragged to the middle of the canvas, but not out of sight.
  held() {
    const half = [this.canvas.width / 2 / this.scale, this.canvas.height / 2 / this.scale];
    this.x = Math.min(Math.max(this.x, -half[0]), this.picture.width - half[0]);
    this.y = Math.min(Math.max(this.y, -half[1]), this.picture.height - half[1]);
    this.fitted = false;
  }
}
