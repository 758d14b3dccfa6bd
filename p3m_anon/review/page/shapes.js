// Shapes as the server has them: {kind, points, width}, in pixels of the whole picture.

export const bare = ({ kind, points, width }) => ({ kind, points, ...(width === undefined ? {} : { width }) });
export const same = (a, b) => JSON.stringify(a.map(bare)) === JSON.stringify(b.map(bare));
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

const isStroke = (shape) => shape.kind === "brush" || shape.kind === "erase";
const rounded = (value) => Math.round(value * 100) / 100;
export const roundedPoint = (point) => point.map(rounded);

export function box(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const least = (values) => values.reduce((a, b) => Math.min(a, b));
  const most = (values) => values.reduce((a, b) => Math.max(a, b));
  return [least(xs), least(ys), most(xs), most(ys)];
}

// The way around a shape, or along it, in screen pixels.
export function way(shape, view) {
  const path = new Path2D();
  const points = shape.points.map((point) => view.toScreen(point));
  if (shape.kind === "ellipse") {
    const [x0, y0, x1, y1] = box(points);
    path.ellipse((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2, 0, 0, 2 * Math.PI);
    return path;
  }
  path.moveTo(...points[0]);
  for (const point of points) path.lineTo(...point);
  if (shape.kind === "polygon") path.closePath();
  return path;
}

// Paint what the shapes mask, one after the other; `erase` takes away. more: by how many screen pixels it reaches further.
export function paintMask(context, shapes, view, colour, more = 0) {
  context.fillStyle = context.strokeStyle = colour;
  context.lineCap = context.lineJoin = "round";
  for (const shape of shapes) {
    context.globalCompositeOperation = shape.kind === "erase" ? "destination-out" : "source-over";
    if (isStroke(shape)) {
      const width = Math.max(shape.width * view.scale, 1) + (shape.kind === "erase" ? -2 : 2) * more;
      context.lineWidth = Math.max(width, 0.1); // 0 would be ignored
      context.stroke(way(shape, view));
    } else {
      context.fill(way(shape, view), "evenodd"); // as the rasteriser of `blur` fills
      if (!more) continue;
      context.lineWidth = 2 * more;
      context.stroke(way(shape, view));
    }
  }
  context.globalCompositeOperation = "source-over";
}

// Corners to take hold of; for an ellipse those of its box.
export function corners(shape) {
  if (shape.kind === "polygon") return shape.points;
  if (shape.kind !== "ellipse") return [];
  const [[x0, y0], [x1, y1]] = shape.points;
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

export function withCorner(shape, index, point) {
  if (shape.kind === "polygon") return { ...shape, points: shape.points.with(index, roundedPoint(point)) };
  const [x, y] = roundedPoint(point);
  const points = shape.points.map((corner) => [...corner]);
  points[index === 1 || index === 2 ? 1 : 0][0] = x;
  points[index >= 2 ? 1 : 0][1] = y;
  return { ...shape, points };
}

export function moved(shape, across, down) {
  return { ...shape, points: shape.points.map(([x, y]) => roundedPoint([x + across, y + down])) };
}

function toSegment(point, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const along = ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(Math.max(along, 0), 1);
  return distance(point, [a[0] + t * dx, a[1] + t * dy]);
}

// The side of a polygon within `reach` of a point: the index of its first corner, or -1.
export function sideAt(shape, point, reach) {
  if (shape.kind !== "polygon") return -1;
  const { points } = shape;
  return points.findIndex((corner, index) => toSegment(point, corner, points[(index + 1) % points.length]) <= reach);
}

function inPolygon([x, y], points) {
  let inside = false;
  points.forEach(([ax, ay], index) => {
    const [bx, by] = points[(index + 1) % points.length];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}

const GRID = 9; // places across and down a shape at which it is looked at

// The share of a shape that other shapes mask.
export function coverage(shape, shapes) {
  const far = (shape.width ?? 0) / 2;
  const [x0, y0, x1, y1] = box(shape.points);
  const steps = Array.from({ length: GRID }, (_, index) => (index + 0.5) / GRID);
  const places = steps
    .flatMap((across) => steps.map((down) => [x0 - far + across * (x1 - x0 + 2 * far), y0 - far + down * (y1 - y0 + 2 * far)]))
    .filter((point) => hit(shape, point, 0));
  // The last shape at a place says whether it is masked.
  const masked = places.filter((point) => (shapes.findLast((one) => hit(one, point, 0))?.kind ?? "erase") !== "erase");
  return places.length ? masked.length / places.length : 0;
}

// Is a point on a shape? `reach` is how far beside it still counts.
export function hit(shape, point, reach) {
  const { points } = shape;
  if (shape.kind === "polygon") return inPolygon(point, points) || sideAt(shape, point, reach) >= 0;
  if (shape.kind === "ellipse") {
    const [x0, y0, x1, y1] = box(points);
    const across = (point[0] - (x0 + x1) / 2) / ((x1 - x0) / 2 + reach);
    const down = (point[1] - (y0 + y1) / 2) / ((y1 - y0) / 2 + reach);
    return Math.hypot(across, down) <= 1;
  }
  return points.some((end, index) => toSegment(point, points[Math.max(index - 1, 0)], end) <= shape.width / 2 + reach);
}
