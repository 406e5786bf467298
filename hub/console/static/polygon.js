// Polygons as lists of [x, y] from 0 to 1: what is wrong with one, where a point lies. No DOM here.
"use strict";

export const MIN_POINTS = 3, MAX_POINTS = 64;
export const MIN_AREA = 0.0005;  // of the picture: smaller than what the node looks for at all

// Twice the signed area of the triangle a, b, c.
function turn(a, b, c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function isBetween(a, b, p) {
  return Math.min(a[0], b[0]) <= p[0] && p[0] <= Math.max(a[0], b[0])
    && Math.min(a[1], b[1]) <= p[1] && p[1] <= Math.max(a[1], b[1]);
}

function doCross(a, b, c, d) {
  const one = turn(a, b, c), two = turn(a, b, d), three = turn(c, d, a), four = turn(c, d, b);
  if (((one > 0 && two < 0) || (one < 0 && two > 0)) && ((three > 0 && four < 0) || (three < 0 && four > 0))) return true;
  return (one === 0 && isBetween(a, b, c)) || (two === 0 && isBetween(a, b, d))
    || (three === 0 && isBetween(c, d, a)) || (four === 0 && isBetween(c, d, b));
}

export function area(points) {
  let sum = 0;
  points.forEach((a, at) => {
    const b = points[(at + 1) % points.length];
    sum += a[0] * b[1] - b[0] * a[1];
  });
  return Math.abs(sum) / 2;
}

export function crossesItself(points) {
  const count = points.length;
  for (let one = 0; one < count; one += 1) {
    for (let other = one + 2; other < count; other += 1) {
      if ((other + 1) % count === one) continue;  // neighbours share a corner
      if (doCross(points[one], points[one + 1], points[other], points[(other + 1) % count])) return true;
    }
  }
  return false;
}

export function isInside(points, [x, y]) {
  let found = false;
  points.forEach((a, at) => {
    const b = points[(at + 1) % points.length];
    if ((a[1] > y) !== (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])) found = !found;
  });
  return found;
}

// The first thing that is wrong: few, many, outside, tiny, crossing; "" for nothing.
export function fault(points) {
  if (points.length < MIN_POINTS) return "few";
  if (points.length > MAX_POINTS) return "many";
  if (points.some(([x, y]) => !(x >= 0 && x <= 1 && y >= 0 && y <= 1))) return "outside";
  if (crossesItself(points)) return "crossing";
  if (area(points) < MIN_AREA) return "tiny";
  return "";
}

export function clamp(value) {
  return Math.min(1, Math.max(0, value));
}

// To a thousandth of the picture, which is finer than what a node looks at.
export function round(value) {
  return Math.round(value * 1000) / 1000;
}

// Moved as a whole, as far as the picture goes.
export function moved(points, dx, dy) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const x = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
  const y = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
  return points.map((p) => [round(p[0] + x), round(p[1] + y)]);
}

// With a point in the middle of the edge that begins at `at`.
export function split(points, at) {
  const a = points[at], b = points[(at + 1) % points.length];
  const middle = [round((a[0] + b[0]) / 2), round((a[1] + b[1]) / 2)];
  return [...points.slice(0, at + 1), middle, ...points.slice(at + 1)];
}
