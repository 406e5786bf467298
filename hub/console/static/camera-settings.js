// The page of one camera's settings: one document that fields, list and picture show and change, with
// undo; what it would have triggered, as it is changed; saving it as a new version.
"use strict";

const root = document.getElementById("settings");
const [polygon, { ShapeEditor }, { week }] = await Promise.all(
  [root.dataset.polygon, root.dataset.shapes, root.dataset.week].map((url) => import(url)));

const TRY_AFTER_MS = 700;
const texts = document.getElementById("texts").dataset;
const may = root.dataset.may, isReadOnly = may === "nothing";
const mayChange = (path) => may === "all" || (may === "motion" && path.startsWith("motion."));
const said = document.getElementById("said");
const stage = document.getElementById("stage");
const list = document.getElementById("shapes");
const rows = document.getElementById("schedules");

let saved = JSON.parse(root.dataset.document);
let version = Number(root.dataset.version);
let state = document.querySelector("#state .settings-state").dataset.state;
let document_ = structuredClone(saved);
let selected = -1;
let lastStep = "";
const past = [], future = [];

const text = (word, values = {}) => (texts[word] || word).replace(/%\((\w+)\)[sd]/g, (_, name) => values[name]);
const say = (word, values) => { said.textContent = text(word, values); };
const copyOf = (value) => structuredClone(value);
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// --- the document

function apply(next, step = "") {
  if (!step || step !== lastStep) {
    past.push(document_);
    if (past.length > 200) past.shift();
  }
  lastStep = step;
  future.length = 0;
  document_ = next;
  draw();
}

function undo(from, to, word) {
  if (!from.length) return;
  to.push(document_);
  document_ = from.pop();
  lastStep = "";
  draw();
  say(word);
}

function valueAt(path) {
  return path.split(".").reduce((value, key) => value?.[key], document_);
}

function withValue(path, value) {
  const next = copyOf(document_);
  const keys = path.split("."), last = keys.pop();
  keys.reduce((place, key) => (place[key] ??= {}), next)[last] = value;
  return next;
}

// Zones and masks as the picture has them, each with what is wrong with it.
function shapes() {
  const { zones, masks } = document_.motion;
  const found = [...zones.map((each) => ({ ...each, kind: "zone" })), ...masks.map((each) => ({ ...each, kind: "mask" }))];
  return found.map((each) => ({ ...each, fault: faultOf(each, zones) }));
}

function faultOf(shape, zones) {
  const found = polygon.fault(shape.points);
  if (found || shape.kind === "mask") return found;
  if (!new RegExp(`^(${root.dataset.zonePattern})$`).test(shape.name)) return "name";
  return zones.filter((each) => each.name === shape.name).length > 1 ? "twice" : "";
}

function withShapes(found) {
  const next = withNames(found);
  for (const zone of next.motion.zones) zone.name ||= freeName(next.motion.zones);
  return next;
}

function withNames(found) {
  const next = copyOf(document_);
  const bare = ({ kind, fault, ...rest }) => rest;
  next.motion.zones = found.filter((each) => each.kind === "zone").map(bare);
  next.motion.masks = found.filter((each) => each.kind === "mask").map(({ points }) => ({ points }));
  return next;
}

function freeName(zones) {
  for (let number = 1; ; number += 1) {
    const name = `${root.dataset.zoneName}-${number}`;
    if (!zones.some((each) => each.name === name)) return name;
  }
}

// --- the picture

const editor = new ShapeEditor(stage, {
  polygon, isReadOnly,
  say: (word, values) => say(word, values),
  label: (word, values) => text(`label${word[0].toUpperCase()}${word.slice(1)}`, values),
});

stage.addEventListener("shapes", ({ detail }) => {
  const kind = detail.selected >= 0 ? detail.shapes[detail.selected].kind : "";
  const added = detail.step === "add" ? detail.shapes.length - 1 : -1;
  selected = detail.selected;
  if (added >= 0 && kind === "zone") {  // zones come before masks
    selected = detail.shapes.filter((each) => each.kind === "zone").length - 1;
  }
  apply(withShapes(detail.shapes), detail.step === "add" || detail.step === "remove" ? "" : detail.step);
  if (added >= 0) {
    editor.focusShape(selected);
    say(kind === "zone" ? "zoneAdded" : "maskAdded");
  }
});
stage.addEventListener("selected", ({ detail }) => { selected = detail.at; draw(); });

for (const button of document.querySelectorAll("[data-add]")) {
  button.addEventListener("click", (event) => {
    if (document_.motion[`${button.dataset.add}s`].length >= Number(root.dataset.maxShapes)) say("tooMany");
    else if (event.detail === 0) editor.place(button.dataset.add);  // by the keyboard
    else { editor.begin(button.dataset.add); drawTools(); stage.scrollIntoView({ block: "nearest" }); }
  });
}
const tools = { done: () => editor.finish(), cancel: () => editor.cancel(), rectangle: () => editor.place(editor.drawing.kind) };
for (const [id, what] of Object.entries(tools)) {
  document.getElementById(id)?.addEventListener("click", () => { what(); drawTools(); });
}
stage.addEventListener("click", () => drawTools());
stage.addEventListener("keyup", () => drawTools());
document.getElementById("undo")?.addEventListener("click", () => undo(past, future, "undone"));
document.getElementById("redo")?.addEventListener("click", () => undo(future, past, "redone"));
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || isReadOnly || event.target.matches("textarea")) return;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) undo(past, future, "undone");
  else if (key === "y" || (key === "z" && event.shiftKey)) undo(future, past, "redone");
  else return;
  event.preventDefault();
});

// --- the list of shapes, which says the same in words and numbers

function drawList(found) {
  const kinds = found.map((each) => `${each.kind}${each.points.length}`).join();
  if (list.dataset.kinds !== kinds) {
    list.dataset.kinds = kinds;
    const opened = [...list.querySelectorAll("details")].map((each) => each.open);
    list.replaceChildren(...found.map((each, at) => newItem(each, at, opened[at])));
  }
  found.forEach((each, at) => fillItem(list.children[at], each, at, found));
  document.getElementById("no-shapes").hidden = found.length > 0;
}

function newItem(shape, at, isOpen) {
  const item = document.getElementById(`${shape.kind}-item`).content.firstElementChild.cloneNode(true);
  const body = item.querySelector("tbody"), row = document.getElementById("point-row");
  body.append(...shape.points.map(() => row.content.firstElementChild.cloneNode(true)));
  item.querySelector("details").open = Boolean(isOpen);
  return item;
}

function fillItem(item, shape, at, found) {
  const number = found.slice(0, at + 1).filter((each) => each.kind === shape.kind).length;
  item.dataset.at = at;
  item.classList.toggle("selected", at === selected);
  for (const each of item.querySelectorAll("[data-title]")) each.textContent = text(`title${shape.kind}`, { number, name: shape.name });
  for (const input of item.querySelectorAll("[data-key]")) {
    fill(input, shape[input.dataset.key]);
    input.disabled = isReadOnly;
    input.setAttribute("aria-label", `${text(`title${shape.kind}`, { number, name: shape.name })}: ${input.dataset.name}`);
  }
  [...item.querySelectorAll("tbody tr")].forEach((row, point) => {
    row.querySelector("th").textContent = point + 1;
    row.querySelectorAll("input").forEach((input, axis) => {
      fill(input, shape.points[point][axis]);
      input.disabled = isReadOnly;
      input.setAttribute("aria-label", text("labelNumber", { at: point + 1, axis: input.dataset.name }));
    });
    for (const button of row.querySelectorAll("button")) {
      button.hidden = isReadOnly;
      button.setAttribute("aria-label", `${button.title}, ${point + 1}`);
    }
  });
  const wrong = item.querySelector(".wrong");
  wrong.textContent = shape.fault ? text(`fault${shape.fault}`) : "";
  wrong.hidden = !shape.fault;
  const name = item.querySelector("[data-key=name]");
  if (name) name.setAttribute("aria-invalid", String(["name", "twice"].includes(shape.fault)));
}

list.addEventListener("input", ({ target }) => {
  if (target.dataset.key !== "name") return;
  const found = shapes(), at = Number(target.closest("li").dataset.at);
  found[at] = { ...found[at], name: target.value.trim() };
  apply(withNames(found), `name-${at}`);
});
list.addEventListener("change", ({ target }) => {
  if (target.dataset.key === "name") { draw(); return; }
  const item = target.closest("li"), found = shapes(), at = Number(item.dataset.at);
  if (target.dataset.key) found[at] = { ...found[at], [target.dataset.key]: read(target) };
  else if (target.dataset.axis) {
    const row = [...item.querySelectorAll("tbody tr")].indexOf(target.closest("tr"));
    const value = Number(target.value) / 100;
    found[at].points = found[at].points.map((p, number) => (number === row ? p.with(Number(target.dataset.axis), value) : p));
  } else return;
  selected = at;
  apply(withShapes(found));
});
list.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-do]");
  if (!button) return;
  const item = button.closest("li"), found = shapes(), at = Number(item.dataset.at), points = found[at].points;
  const row = [...item.querySelectorAll("tbody tr")].indexOf(button.closest("tr"));
  if (button.dataset.do === "remove") {
    selected = -1;
    apply(withShapes(found.filter((_, number) => number !== at)));
    say("removed");
    return;
  }
  if (button.dataset.do === "remove-point" && points.length <= polygon.MIN_POINTS) { say("few"); return; }
  if (button.dataset.do === "add-point" && points.length >= polygon.MAX_POINTS) { say("many"); return; }
  found[at].points = button.dataset.do === "add-point" ? polygon.split(points, row) : points.filter((_, number) => number !== row);
  selected = at;
  apply(withShapes(found));
});
list.addEventListener("focusin", ({ target }) => {
  const at = Number(target.closest("li")?.dataset.at ?? -1);
  if (at !== selected && at >= 0) { selected = at; draw(); }
});

// --- fields: each is bound to a place in the document by its data-path

function fill(input, value) {
  if (input === document.activeElement && input.type !== "checkbox" && input.type !== "range") return;
  if (input.type === "checkbox") { input.checked = Boolean(value); return; }
  const scale = Number(input.dataset.scale || 1);
  const shown = value === null || value === undefined ? "" : typeof value === "number" ? String(Math.round(value * scale * 1e6) / 1e6) : String(value);
  if (input.value !== shown) input.value = shown;
}

function read(input) {
  if (input.type === "checkbox") return input.checked;
  if (input.dataset.kind === "boolean") return input.value === "true";
  if (input.value.trim() === "") return input.dataset.kind === "string" ? "" : null;
  if (input.type === "number" || input.type === "range" || input.dataset.kind === "number") return Number(input.value) / Number(input.dataset.scale || 1);
  return input.value.trim();
}

const fields = [...root.querySelectorAll("[data-path]")];
for (const input of fields) {
  input.disabled = !mayChange(input.dataset.path);
  const isLive = input.type === "range" || input.type === "checkbox";
  input.addEventListener(isLive ? "input" : "change", () => {
    if (!input.checkValidity()) { input.reportValidity(); return; }
    let next = withValue(input.dataset.path, read(input));
    if (input.dataset.path === "armed" && next.armed) next = { ...next, disarmed_by: null };
    apply(next, isLive ? `field-${input.dataset.path}` : "");
  });
}

function drawFields() {
  for (const input of fields) fill(input, input.dataset.kind === "boolean" ? String(valueAt(input.dataset.path)) : valueAt(input.dataset.path));
  for (const shown of root.querySelectorAll("output[data-of]")) shown.textContent = valueAt(shown.dataset.of);
  document.getElementById("why").hidden = document_.armed;
}

// --- the week

function drawSchedules() {
  const found = document_.schedules;
  if (rows.children.length !== found.length) {
    const row = document.getElementById("schedule-row").content.firstElementChild;
    rows.replaceChildren(...found.map(() => row.cloneNode(true)));
  }
  found.forEach((each, at) => fillSchedule(rows.children[at], each, at));
  document.getElementById("no-schedules").hidden = found.length > 0;
  drawWeek();
}

// The whole week as bars; the rules above say the same in words.
function drawWeek() {
  const table = document.getElementById("week");
  table.hidden = !document_.schedules.length;
  week(document_).forEach((stretches, day) => {
    const bars = table.querySelectorAll("svg")[day];
    bars.replaceChildren(...stretches.map(({ from, to, armed, sensitivity }) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const isOther = sensitivity !== document_.motion.sensitivity;
      for (const [name, value] of Object.entries({ x: from, y: 0, width: to - from, height: 10 })) bar.setAttribute(name, value);
      bar.setAttribute("class", !armed ? "off" : isOther ? "other" : "on");
      return bar;
    }));
  });
}

function fillSchedule(row, schedule, at) {
  row.dataset.at = at;
  row.querySelector("legend").textContent = text("titleschedule", { number: at + 1 });
  for (const input of row.querySelectorAll("input, select")) {
    input.disabled = !mayChange("schedules");
    if (input.name === "day") input.checked = !schedule.days.length || schedule.days.includes(input.value);
    else if (input.name === "what") fill(input, schedule.armed === null || schedule.armed === undefined ? "sensitivity" : schedule.armed ? "armed" : "disarmed");
    else if (input.name === "ends") fill(input, schedule.ends === "24:00" ? "00:00" : schedule.ends);
    else fill(input, schedule[input.name]);
  }
  row.querySelector("[name=sensitivity]").closest("label").hidden = row.querySelector("[name=what]").value === "disarmed";
  row.querySelector(".next-day").hidden = schedule.ends > schedule.starts || schedule.ends === "00:00";
}

rows.addEventListener("change", ({ target }) => {
  const row = target.closest("[data-at]"), at = Number(row.dataset.at);
  const days = [...row.querySelectorAll("[name=day]:checked")].map((each) => each.value);
  if (!days.length) { say("noDay"); drawSchedules(); return; }
  const of = (name) => row.querySelector(`[name=${name}]`).value;
  if (!of("starts") || !of("ends")) { say("noTime"); return; }
  const what = of("what"), number = of("sensitivity");
  const next = copyOf(document_);
  next.schedules[at] = {
    ...next.schedules[at], starts: of("starts"), ends: of("ends") === "00:00" ? "24:00" : of("ends"),
    days: days.length === 7 ? [] : days, armed: what === "sensitivity" ? null : what === "armed",
    sensitivity: what === "disarmed" || !number ? (what === "sensitivity" ? document_.motion.sensitivity : null) : Number(number),
    note: of("note").trim() || null,
  };
  apply(next);
});
rows.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-do=remove]")) return;
  const at = Number(target.closest("[data-at]").dataset.at), next = copyOf(document_);
  next.schedules.splice(at, 1);
  apply(next);
  say("removed");
});
document.getElementById("add-schedule")?.addEventListener("click", () => {
  const next = copyOf(document_);
  next.schedules.push({ starts: "07:00", ends: "17:00", days: ["mon", "tue", "wed", "thu", "fri"], armed: false, sensitivity: null, note: null });
  apply(next);
  rows.lastElementChild.querySelector("input").focus();
});

// --- what it would have triggered

const trial = document.getElementById("trial"), days = document.getElementById("days");
const boxes = stage.querySelector("svg.boxes"), showBoxes = document.getElementById("show-boxes");
let tried = JSON.stringify(saved.motion), asking = null, timer = 0;

function tryLater() {
  const wanted = JSON.stringify(document_.motion);
  if (!trial || wanted === tried) return;
  tried = wanted;
  clearTimeout(timer);
  asking?.abort();
  if (shapes().some((each) => each.fault)) { trial.replaceChildren(paragraph(text("tryFaulty"))); return; }
  trial.setAttribute("aria-busy", "true");
  timer = setTimeout(tryNow, TRY_AFTER_MS);
}

async function tryNow() {
  const own = asking = new AbortController();
  trial.setAttribute("aria-busy", "true");
  try {
    const answer = await send(`${location.pathname}/trial`, { motion: document_.motion, days: Number(days.value) }, own.signal);
    if (!answer.ok) throw new Error((await problemOf(answer)).message);
    for await (const line of lines(answer.body)) {
      trial.innerHTML = line.html;  // drawn and escaped by the hub
      drawBoxes(line.boxes || []);
    }
  } catch (err) {
    if (own.signal.aborted) return;
    trial.replaceChildren(paragraph(`${text("tryFailed")} ${err.message || ""}`));
  }
  if (asking === own) trial.removeAttribute("aria-busy");
}

function drawBoxes(found) {
  boxes.replaceChildren(...found.map(([outcome, [x, y, width, height]]) => {
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ x, y, width, height })) box.setAttribute(name, value * 1000);
    box.setAttribute("class", outcome);
    return box;
  }));
  boxes.toggleAttribute("hidden", !showBoxes.checked);
}

document.getElementById("try")?.addEventListener("click", () => { asking?.abort(); clearTimeout(timer); tried = JSON.stringify(document_.motion); tryNow(); });
days?.addEventListener("change", () => { asking?.abort(); clearTimeout(timer); tryNow(); });
showBoxes?.addEventListener("change", () => boxes.toggleAttribute("hidden", !showBoxes.checked));

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (held + value).split("\n");
    held = found.pop();
    for (const line of found) if (line) yield JSON.parse(line);
  }
}

function paragraph(words) {
  const made = document.createElement("p");
  made.textContent = words;
  return made;
}

function send(url, body, signal, method = "POST") {
  return fetch(url, {
    method, signal, credentials: "same-origin", body: body && JSON.stringify(body),
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": document.body.dataset.csrf },
  });
}

async function problemOf(answer) {
  try { return await answer.json(); } catch (err) { return { message: answer.statusText }; }
}

// --- saving: by the API, over what the hub sets of the node already

const bar = document.getElementById("save-bar"), note = document.getElementById("note");
const failed = document.getElementById("failed"), api = root.dataset.api;
const prefix = `cameras.${root.dataset.camera}.`;

document.getElementById("save")?.addEventListener("click", async ({ currentTarget: button }) => {
  const faulty = shapes().findIndex((each) => each.fault);
  if (faulty >= 0) {
    selected = faulty;
    draw();
    say("saveFaulty");
    list.children[faulty].querySelector("input, summary").focus();
    return;
  }
  button.disabled = true;
  clearProblems();
  const sent = document_;
  await attempt(async () => {
    const told = await call("GET", api);
    if ((told.newest?.version ?? 0) !== version) throw newer(told.newest?.version ?? 0);
    const settings = told.newest?.settings ?? {};
    const part = ((settings.cameras ??= {})[root.dataset.camera] ??= {});
    putChanges(saved, sent, part);
    const made = await call("PUT", api, { settings, note: note.value.trim() || null, based_on: version });
    saved = copyOf(sent);
    version = made.version;
    note.value = "";
    draw();
    say("saved", { version });
    document.body.dispatchEvent(new CustomEvent("camwatch:settings"));
  });
  button.disabled = false;
});

// Each value that differs, into what the hub sets; lists as a whole.
function putChanges(before, after, part) {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const old = before[key], now = after[key] ?? null;
    if (isSame(old ?? null, now)) continue;
    const isSection = [old, now].every((each) => each && typeof each === "object" && !Array.isArray(each));
    if (isSection) putChanges(old, now, part[key] ??= {});
    else part[key] = now;
  }
}

document.getElementById("revert")?.addEventListener("click", () => { selected = -1; apply(copyOf(saved)); say("reverted"); });

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-undo]");
  if (!button) return;
  attempt(async () => {
    const made = await call("POST", `${api}/undo`, { to: Number(button.dataset.undo) });
    saved = document_;  // what was not saved goes with it
    sessionStorage.setItem("camwatch-said", text("broughtBack", { version: made.version }));
    location.reload();
  });
});

async function attempt(work) {
  try {
    await work();
  } catch (err) {
    fail(err.told ?? { message: `${text("notReached")} (${err.message})` });
  }
}

async function call(method, url, body) {
  const answer = await send(url, body, undefined, method);
  const told = await problemOf(answer);
  if (!answer.ok) throw Object.assign(new Error(told.message), { told });
  return told;
}

function newer(number) {
  return Object.assign(new Error("newer"), { told: { error: "conflict", message: text("newer", { version: number }) } });
}

function fail(told) {
  failed.hidden = false;
  failed.querySelector("p").textContent = told.message;
  failed.querySelector("ul").replaceChildren();
  failed.querySelector("a").hidden = told.error !== "conflict";
  for (const { field, message } of told.fields || []) problemAt(field.replace("body.settings.", ""), message);
  failed.scrollIntoView({ block: "nearest" });
}

// What is wrong, at its field where it is on this page, else in the list above the button.
function problemAt(path, message) {
  const inner = path.replace(prefix, "");
  const input = fields.find((each) => inner.startsWith(each.dataset.path));
  const shape = /^motion\.(zone|mask)s\[(\d+)\]/.exec(inner);
  const item = shape && [...list.children].filter((each) => each.classList.contains(shape[1]))[Number(shape[2])];
  const place = input ? input.closest("label") : item;
  const element = document.createElement(place ? "span" : "li");
  element.className = "wrong";
  element.dataset.problem = "";
  element.textContent = place ? message : `${inner}: ${message}`;
  if (input) input.setAttribute("aria-invalid", "true");
  (place || failed.querySelector("ul")).append(element);
}

function clearProblems() {
  failed.hidden = true;
  for (const each of root.querySelectorAll("[data-problem]")) each.remove();
  for (const each of fields) each.removeAttribute("aria-invalid");
}

// What came with the state above: the node's own refusal, and that somebody else saved.
function look() {
  const shown = document.querySelector("#state .settings-state");
  for (const each of root.querySelectorAll("span[data-problem]")) each.remove();
  for (const each of shown.querySelectorAll("[data-field]")) {
    const inner = each.dataset.field.replace(prefix, "");
    if (fields.some((field) => inner.startsWith(field.dataset.path)) || inner.startsWith("motion.")) problemAt(each.dataset.field, each.dataset.message);
  }
  const now = Number(shown.dataset.version), isNewer = now > version;
  if (shown.dataset.state !== state) {
    state = shown.dataset.state;
    document.body.dispatchEvent(new CustomEvent("camwatch:versions"));
  }
  if (!isSame(document_, saved)) {
    if (isNewer && failed) fail(newer(now).told);
    return;
  }
  const told = JSON.parse(shown.dataset.document);
  if (told && !isSame(told, saved)) {  // nothing of one's own would be lost
    saved = document_ = told;
    past.length = future.length = 0;
    tried = JSON.stringify(told.motion);
    draw();
  }
  version = now;
  if (isNewer) document.body.dispatchEvent(new CustomEvent("camwatch:settings"));
}
document.body.addEventListener("htmx:afterSwap", ({ target }) => { if (target.id === "state") look(); });

addEventListener("beforeunload", (event) => { if (!isSame(document_, saved)) event.preventDefault(); });

// --- all of it

function drawTools() {
  const isDrawing = Boolean(editor.drawing);
  for (const each of document.querySelectorAll("[data-when=drawing]")) each.hidden = !isDrawing;
  for (const each of document.querySelectorAll("[data-when=resting]")) each.hidden = isDrawing;
}

function draw() {
  const found = shapes();
  if (selected >= found.length) selected = -1;
  editor.show(found, selected);
  drawList(found);
  drawFields();
  drawSchedules();
  drawTools();
  if (!isReadOnly) {
    document.getElementById("undo").disabled = !past.length;
    document.getElementById("redo").disabled = !future.length;
    bar.hidden = isSame(document_, saved);
  }
  stage.dispatchEvent(new CustomEvent("motion", { detail: document_.motion }));
  tryLater();
}

draw();
look();
said.textContent = sessionStorage.getItem("camwatch-said") || "";
sessionStorage.removeItem("camwatch-said");
root.dataset.ready = "true";
