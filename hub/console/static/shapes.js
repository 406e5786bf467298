// Zones and masks drawn over a picture: by mouse, finger and keyboard. It knows no settings: it gets
// shapes, and tells what somebody did to them.
//
//   const editor = new ShapeEditor(stage, { polygon, say, label });
//   stage.addEventListener("shapes", ({ detail }) => ...);   // detail: shapes, step, isDone
//   editor.show(shapes, selected);
//
// A shape is { kind: "zone" | "mask", name, points, fault }; `polygon` is the module polygon.js;
// `say(word, values)` tells people something; `label(word, values)` is what an element is called.
// Each change is told as it happens; `isDone` once it is worth an undo. `step` names what is done, so
// that many small moves of one point become one step.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.005, BIG_STEP = 0.05, FINE_STEP = 0.001;  // of the picture, by the arrow keys
const SLIP_PX = 4;                                        // a click is allowed to slip so far
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class ShapeEditor {
  constructor(stage, { polygon, say, label, isReadOnly = false }) {
    Object.assign(this, { stage, polygon, say, label, isReadOnly });
    this.shapes = [];
    this.selected = -1;
    this.drawing = null;  // { kind, points } of a shape that is being drawn
    this.svg = stage.querySelector("svg.shapes");
    this.handles = stage.querySelector(".handles");
    if (!isReadOnly) this._listen();
  }

  show(shapes, selected = this.selected) {
    this.shapes = shapes;
    this.selected = selected < shapes.length ? selected : -1;
    this._draw();
  }

  // Begin to draw; the next clicks are its corners.
  begin(kind) {
    this.drawing = { kind, points: [] };
    this.selected = -1;
    this.stage.classList.add("drawing");
    this.stage.tabIndex = -1;
    this.stage.focus({ preventScroll: true });  // for Enter and Escape
    this._draw();
    this.say("drawing");
  }

  // A rectangle in the middle, for those who draw without a pointer.
  place(kind) {
    this._stopDrawing();
    const at = this.shapes.length % 4 * 0.04;
    const points = [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]]
      .map(([x, y]) => [this.polygon.round(x + at), this.polygon.round(y + at)]);
    this._add({ kind, points });
    this.focusPoint(0);
  }

  // The shape that is being drawn is done, if it can be one.
  finish() {
    if (!this.drawing) return;
    const { kind, points } = this.drawing;
    if (points.length < this.polygon.MIN_POINTS) { this.say("few"); return; }
    this._stopDrawing();
    this._add({ kind, points });
  }

  cancel() {
    if (!this.drawing) return;
    this._stopDrawing();
    this._draw();
    this.say("cancelled");
  }

  remove(at = this.selected) {
    if (at < 0) return;
    const shapes = this.shapes.filter((_, number) => number !== at);
    this._tell(shapes, "remove", true, -1);
    this.say("removed");
  }

  focusShape(at) {
    this.svg.children[at]?.focus({ preventScroll: true });
  }

  focusPoint(at) {
    const handle = this.handles.querySelectorAll(".handle")[at];
    if (handle) handle.focus();
  }

  // --- drawing on the page

  _draw() {
    const paths = this.shapes.map((shape, at) => this._path(shape, at));
    const live = this.drawing ? [this._open(this.drawing)] : [];
    this._replace(this.svg, [...paths, ...live]);
    const chosen = this.shapes[this.selected];
    const points = this.drawing ? this.drawing.points : chosen && !this.isReadOnly ? chosen.points : [];
    const handles = points.map((point, at) => this._handle(chosen, point, at, points.length));
    if (this.drawing && points.length >= this.polygon.MIN_POINTS) handles[0].classList.add("closing");
    const middles = chosen && !this.drawing && !this.isReadOnly && points.length < this.polygon.MAX_POINTS
      ? points.map((_, at) => this._middle(points, at)) : [];
    this._replace(this.handles, [...middles, ...handles]);
  }

  // New children in place of the old, the focus and a pointer that is held kept where they were.
  _replace(parent, children) {
    const old = [...parent.children];
    const isSame = old.length === children.length && old.every((each, at) => each.tagName === children[at].tagName && each.dataset.key === children[at].dataset.key);
    if (!isSame) {
      const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      parent.replaceChildren(...children);
      const again = key && children.find((each) => each.dataset.key === key);
      if (again) again.focus();
      return;
    }
    old.forEach((each, at) => {
      for (const { name, value } of children[at].attributes) {
        if (name !== "style" && each.getAttribute(name) !== value) each.setAttribute(name, value);
      }
      each.style.left = children[at].style.left;
      each.style.top = children[at].style.top;
      if (each.firstChild && children[at].firstChild) each.firstChild.textContent = children[at].firstChild.textContent;
    });
  }

  _path(shape, at) {
    const path = document.createElementNS(SVG, "polygon");
    path.setAttribute("points", drawn(shape.points));
    path.setAttribute("class", `${shape.kind}${at === this.selected ? " selected" : ""}${shape.fault ? " faulty" : ""}`);
    path.dataset.key = `shape-${at}`;
    path.dataset.at = at;
    if (!this.isReadOnly) {
      path.setAttribute("tabindex", "0");
      path.setAttribute("role", "button");
      path.setAttribute("aria-pressed", String(at === this.selected));
    } else {
      path.setAttribute("role", "img");
    }
    path.setAttribute("aria-label", this.label(shape.kind, { ...shape, number: this._number(at) }));
    return path;
  }

  _open({ kind, points }) {
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", drawn(points));
    line.setAttribute("class", `${kind} selected open`);
    line.dataset.key = "open";
    return line;
  }

  _handle(shape, [x, y], at, count) {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = "handle";
    handle.dataset.key = `point-${at}`;
    handle.dataset.at = at;
    handle.style.left = `${x * 100}%`;
    handle.style.top = `${y * 100}%`;
    const values = { at: at + 1, count, x: percent(x), y: percent(y) };
    const whose = shape ? this.label(shape.kind, { ...shape, number: this._number(this.selected) }) : "";
    handle.setAttribute("aria-label", this.label("point", { ...values, shape: whose }));
    return handle;
  }

  _middle(points, at) {
    const [, [x, y]] = this.polygon.split([points[at], points[(at + 1) % points.length]], 0);
    const middle = document.createElement("span");
    middle.className = "middle";
    middle.dataset.key = `middle-${at}`;
    middle.dataset.at = at;
    middle.style.left = `${x * 100}%`;
    middle.style.top = `${y * 100}%`;
    return middle;
  }

  _number(at) {
    const kind = this.shapes[at].kind;
    return this.shapes.slice(0, at + 1).filter((each) => each.kind === kind).length;
  }

  // --- what somebody does

  _listen() {
    this.stage.addEventListener("pointerdown", (event) => this._down(event));
    this.stage.addEventListener("keydown", (event) => this._key(event));
    this.stage.addEventListener("click", (event) => this._click(event));
    this.stage.addEventListener("dblclick", (event) => { if (this.drawing) { event.preventDefault(); this.finish(); } });
  }

  _at(event) {
    const box = this.stage.getBoundingClientRect();
    const { clamp, round } = this.polygon;
    return [round(clamp((event.clientX - box.left) / box.width)), round(clamp((event.clientY - box.top) / box.height))];
  }

  _click(event) {
    if (!this.drawing || event.detail === 0) return;
    const handle = event.target.closest(".handle");
    if (handle) {
      if (Number(handle.dataset.at) === 0) this.finish();
      return;
    }
    if (event.detail > 1) return;  // the second of a double click, which ends it
    this.drawing.points.push(this._at(event));
    this._draw();
  }

  _down(event) {
    if (event.button !== 0 || this.drawing) return;
    const handle = event.target.closest(".handle"), middle = event.target.closest(".middle");
    const path = event.target.closest("polygon");
    if (handle) this._drag(event, handle, Number(handle.dataset.at));
    else if (middle) this._dragNew(event, Number(middle.dataset.at));
    else if (path) this._dragShape(event, path);
    else if (this.selected >= 0) this._select(-1);
  }

  _select(at) {
    this.selected = at;
    this._draw();
    this.stage.dispatchEvent(new CustomEvent("selected", { detail: { at } }));
  }

  _dragNew(event, at) {
    const points = this.polygon.split(this.shapes[this.selected].points, at);
    const step = `drag-${performance.now()}`;
    this._change(points, step, false);
    const handle = this.handles.querySelectorAll(".handle")[at + 1];
    this._drag(event, handle, at + 1, step);
  }

  _drag(event, handle, at, begun = "") {
    event.preventDefault();
    handle.focus();
    const step = begun || `drag-${performance.now()}`;
    let hasMoved = Boolean(begun);
    this._follow(event, handle, (move) => {
      hasMoved = true;
      const points = this.shapes[this.selected].points.map((p, number) => (number === at ? this._at(move) : p));
      this._change(points, step, false);
    }, () => { if (hasMoved) this._change(this.shapes[this.selected].points, step, true); });
  }

  _dragShape(event, path) {
    const at = Number(path.dataset.at), from = [event.clientX, event.clientY];
    const was = this.shapes[at].points, box = this.stage.getBoundingClientRect();
    const step = `move-${performance.now()}`;
    if (event.pointerType === "touch" && at !== this.selected) { this._select(at); return; }  // a finger that scrolls
    event.preventDefault();
    path.focus({ preventScroll: true });
    if (at !== this.selected) this._select(at);
    let hasMoved = false;
    this._follow(event, this.svg, (move) => {
      const dx = move.clientX - from[0], dy = move.clientY - from[1];
      hasMoved = hasMoved || Math.hypot(dx, dy) > SLIP_PX;
      if (hasMoved) this._change(this.polygon.moved(was, dx / box.width, dy / box.height), step, false);
    }, () => { if (hasMoved) this._change(this.shapes[at].points, step, true); });
  }

  _follow(event, element, onMove, onEnd) {
    element.setPointerCapture(event.pointerId);
    const move = (each) => { if (each.pointerId === event.pointerId) onMove(each); };
    const end = (each) => {
      if (each.pointerId !== event.pointerId) return;
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
      onEnd();
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey) return;
    if (this.drawing) {
      if (event.key === "Enter") { event.preventDefault(); this.finish(); }
      if (event.key === "Escape") { event.preventDefault(); this.cancel(); }
      if (event.key === "Backspace") { event.preventDefault(); this.drawing.points.pop(); this._draw(); }
      return;
    }
    const handle = event.target.closest(".handle"), path = event.target.closest("polygon");
    if (handle) this._keyOfPoint(event, Number(handle.dataset.at));
    else if (path) this._keyOfShape(event, Number(path.dataset.at));
  }

  _keyOfPoint(event, at) {
    const points = this.shapes[this.selected].points;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const by = stepOf(event), { clamp, round } = this.polygon;
      const next = [round(clamp(points[at][0] + arrow[0] * by)), round(clamp(points[at][1] + arrow[1] * by))];
      this._change(points.map((p, number) => (number === at ? next : p)), `key-${this.selected}-${at}`, true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (points.length <= this.polygon.MIN_POINTS) { this.say("few"); }
      else {
        this._change(points.filter((_, number) => number !== at), "remove-point", true);
        this.focusPoint(Math.min(at, points.length - 2));
      }
    } else if (event.key === "Insert" || event.key === "+") {
      if (points.length >= this.polygon.MAX_POINTS) { this.say("many"); }
      else {
        this._change(this.polygon.split(points, at), "add-point", true);
        this.focusPoint(at + 1);
      }
    } else if (event.key === "Escape") {
      const path = this.svg.children[this.selected];
      this._select(-1);
      if (path) this.svg.children[path.dataset.at].focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  _keyOfShape(event, at) {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const by = stepOf(event);
      if (at !== this.selected) this._select(at);
      this._change(this.polygon.moved(this.shapes[at].points, arrow[0] * by, arrow[1] * by), `key-${at}`, true);
    } else if (event.key === "Enter" || event.key === " ") {
      this._select(at);
      this.focusPoint(0);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.remove(at);
    } else {
      return;
    }
    event.preventDefault();
  }

  // --- changes

  _add({ kind, points }) {
    this._tell([...this.shapes, { kind, name: "", points }], "add", true, this.shapes.length);
  }

  _change(points, step, isDone) {
    const shapes = this.shapes.map((each, at) => (at === this.selected ? { ...each, points } : each));
    this._tell(shapes, step, isDone, this.selected);
  }

  _tell(shapes, step, isDone, selected) {
    this.stage.dispatchEvent(new CustomEvent("shapes", { detail: { shapes, step, isDone, selected } }));
  }

  _stopDrawing() {
    this.drawing = null;
    this.stage.classList.remove("drawing");
  }
}

function stepOf(event) {
  return event.shiftKey ? BIG_STEP : event.altKey ? FINE_STEP : STEP;
}

// As an SVG with a view box of 1000 by 1000 has them.
function drawn(points) {
  return points.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" ");
}

function percent(value) {
  return String(Math.round(value * 1000) / 10);
}
