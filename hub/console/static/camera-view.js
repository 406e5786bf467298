// The picture under the drawing: the last one stored, then a fresh one; or the camera live, with what
// moves in it marked. The marks are this browser's estimate: it compares the live pictures by the
// node's own thresholds, but does not follow things over time as the node does.
"use strict";

const stage = document.getElementById("stage");
const image = stage.querySelector("img"), place = document.getElementById("live");
const canvas = stage.querySelector("canvas");
const state = document.getElementById("picture-state"), reasons = document.getElementById("reasons");
const fresh = document.getElementById("fresh"), live = document.getElementById("live-toggle");
const { polygon: polygonUrl, document: first } = document.getElementById("settings").dataset;
const [{ LiveView }, polygon] = await Promise.all([import(stage.dataset.live), import(polygonUrl)]);

// edge/motion/needs.py: what a pixel must change by, at a sensitivity.
const FLOOR = 3.5, NOISE_FACTOR = 4, NOISE_FACTOR_STEP = 0.25, STEPS_PER_DOUBLING = 3, MIDDLE = 5;
const WIDTH = 160, HEIGHT = 90, EVERY_MS = 200, LEARN = 0.06, COLUMNS = 32, ROWS = 18;
const MIN_SHARE = 0.2;  // of a cell's pixels that changed

let motion = JSON.parse(first).motion, shown = "", view = null, timer = 0;
stage.addEventListener("motion", ({ detail }) => { motion = detail; });

function tell(word, detail = "") {
  state.textContent = `${state.dataset[word] || ""}${detail ? ` ${detail}` : ""}`;
  state.dataset.state = word;
}

async function load(isStored) {
  const answer = await fetch(`${stage.dataset.picture}${isStored ? "?stored=true" : ""}`, { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Error(reasons.dataset[told.error] || told.message || answer.statusText);
  }
  const address = URL.createObjectURL(await answer.blob());
  image.src = address;
  await image.decode();
  if (shown) URL.revokeObjectURL(shown);
  shown = address;
  image.hidden = false;
  stage.classList.remove("blank");
  const taken = new Date(answer.headers.get("x-camwatch-taken"));
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  return taken.toLocaleString(language, { timeZone: stage.dataset.zone });
}

async function refresh() {
  fresh.disabled = true;
  tell("asking");
  try {
    tell("fresh", await load(false));
  } catch (err) {
    const why = err.message;
    try {
      tell("stored", `${await load(true)}. ${why}`);
    } catch (other) {
      tell("none", why);
    }
  } finally {
    fresh.disabled = false;
  }
}

fresh.addEventListener("click", refresh);
live.addEventListener("click", () => (view ? stop() : start()));
addEventListener("pagehide", () => { if (view) view.stop(); });

function start() {
  live.setAttribute("aria-pressed", "true");
  place.hidden = false;
  view = new LiveView(place, stage.dataset.liveUrl, { size: "small", alt: image.alt });
  view.start();
  const mover = new Mover();
  timer = setInterval(() => mover.look(place.querySelector("video, img")), EVERY_MS);
}

function stop() {
  clearInterval(timer);
  view.stop();
  view = null;
  place.hidden = true;
  place.replaceChildren();
  canvas.hidden = true;
  live.setAttribute("aria-pressed", "false");
  refresh();
}

place.addEventListener("live", ({ detail }) => {
  if (detail.state === "playing") { stage.classList.remove("blank"); tell("live"); }
  else if (detail.state === "refused") { const why = reasons.dataset[detail.error] || detail.message; stop(); tell("none", why); }
  else if (detail.state !== "stopped") tell("liveWaiting");
});

// What differs from the picture's slow mean by more than its noise, cell by cell.
class Mover {
  constructor() {
    this.pen = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT }).getContext("2d", { willReadFrequently: true });
    this.mean = null;
    this.noise = new Float32Array(WIDTH * HEIGHT).fill(2);
    this.frames = 0;
  }

  look(source) {
    if (!source || !(source.videoWidth || source.naturalWidth) || document.hidden) return;
    this.pen.drawImage(source, 0, 0, WIDTH, HEIGHT);
    const { data } = this.pen.getImageData(0, 0, WIDTH, HEIGHT);
    const luma = new Float32Array(WIDTH * HEIGHT);
    for (let at = 0; at < luma.length; at += 1) luma[at] = 0.299 * data[at * 4] + 0.587 * data[at * 4 + 1] + 0.114 * data[at * 4 + 2];
    this.mean ??= luma.slice();
    this.frames += 1;
    const counts = new Uint16Array(COLUMNS * ROWS), needs = cellNeeds();
    for (let at = 0; at < luma.length; at += 1) {
      const x = at % WIDTH, y = (at - x) / WIDTH;
      const cell = Math.floor(y * ROWS / HEIGHT) * COLUMNS + Math.floor(x * COLUMNS / WIDTH);
      const change = Math.abs(luma[at] - this.mean[at]);
      const need = needs[cell];
      if (need && change > need.floor + need.factor * this.noise[at]) counts[cell] += 1;
      else this.noise[at] += (change - this.noise[at]) * LEARN;
      this.mean[at] += (luma[at] - this.mean[at]) * (this.frames < 5 ? 0.5 : LEARN);
    }
    if (this.frames >= 5) this.draw(counts);
  }

  draw(counts) {
    const least = WIDTH * HEIGHT / (COLUMNS * ROWS) * MIN_SHARE;
    const moving = [...counts.keys()].filter((cell) => counts[cell] >= least);
    canvas.hidden = false;
    canvas.width = COLUMNS * 10;
    canvas.height = ROWS * 10;
    const pen = canvas.getContext("2d");
    pen.fillStyle = "rgba(255, 212, 0, .45)";
    for (const cell of moving) pen.fillRect(cell % COLUMNS * 10, Math.floor(cell / COLUMNS) * 10, 10, 10);
    canvas.dataset.cells = moving.length;
  }
}

// What a pixel of each cell needs; null where nothing is watched.
function cellNeeds() {
  const found = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const at = [(column + 0.5) / COLUMNS, (row + 0.5) / ROWS];
      const zones = motion.zones.filter((zone) => polygon.isInside(zone.points, at));
      const isOut = motion.masks.some((mask) => polygon.isInside(mask.points, at)) || (motion.zones.length && !zones.length);
      const numbers = zones.length ? zones.map((zone) => zone.sensitivity ?? motion.sensitivity) : [motion.sensitivity];
      found.push(isOut ? null : needsOf(Math.max(...numbers)));
    }
  }
  return found;
}

function needsOf(sensitivity) {
  const steps = MIDDLE - sensitivity;
  return { floor: FLOOR * 2 ** (steps / STEPS_PER_DOUBLING), factor: NOISE_FACTOR + NOISE_FACTOR_STEP * steps };
}

if (stage.dataset.hasStored) load(true).catch(() => {}).then(refresh);
else refresh();
