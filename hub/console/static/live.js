// Shows a camera live: its own packets by Media Source Extensions, or a picture a second where the
// browser cannot play its codec. A module without dependencies; the page around it draws the words.
//
//   import { LiveView } from "{{ static('live.js') }}";
//   const view = new LiveView(element, "/api/v1/nodes/gate-3/cameras/gate/live", { size: "auto" });
//   element.addEventListener("live", (event) => console.log(event.detail));
//   view.start();                    // and view.stop(), or view.start() again with another size
//
// `element` gets one child, a <video> or an <img>; `alt` in the options is its text. `size` is
// "large", "small" (of the camera's two streams), or "auto": small on a phone or a metered line.
// The event "live" (it bubbles) has in its detail:
//   state    "connecting"  the node is asked, or asked again
//            "playing"     pictures come; form is "fmp4" or "jpeg"
//            "waiting"     nothing comes, but the camera may be back: the picture is old
//            "retrying"    it ended or failed, and is tried again in retryS seconds
//            "refused"     it will not be tried again: status 401 (log in), 403, 404 ...
//            "stopped"     by stop(), or because the page was hidden for a while
//   status, error, message   of a refusal or a failure: as in the API's problem document
// While the page is hidden for more than HIDDEN_S the stream is given up, and begun again after.
"use strict";

const HIDDEN_S = 20;
const LAG_S = 0.3;            // behind the newest picture when it begins, and after a jump
const MAX_LAG_S = 2.5;        // further behind, it jumps
const KEEP_S = 10;            // of what was shown stays in the buffer
const STILL_S = 4;            // without a new picture, it waits
const MAX_QUEUE_BYTES = 16 * 1024 * 1024;
const MAX_HEAD_BYTES = 4096;  // of a part's head
const MAX_PICTURE_BYTES = 1024 * 1024;
const RETRY_S = [1, 2, 4, 8, 15];
const FINAL = new Set([401, 403, 404, 409, 422]);
const Source = globalThis.ManagedMediaSource || globalThis.MediaSource;

export class LiveView {
  constructor(element, url, options = {}) {
    this.element = element;
    this.url = url;
    this.options = options;
    this.state = "stopped";
    this._abort = null;
    this._failures = 0;
    this._hiddenTimer = 0;
    this._onVisibility = () => this._visibilityChanged();
  }

  start(options = {}) {
    this.stop();
    Object.assign(this.options, options);
    this._isWanted = true;
    document.addEventListener("visibilitychange", this._onVisibility);
    this._run();
  }

  stop() {
    this._isWanted = false;
    document.removeEventListener("visibilitychange", this._onVisibility);
    this._end();
    if (this.state !== "stopped") this._say("stopped");
  }

  _end() {
    clearTimeout(this._hiddenTimer);
    if (this._abort) this._abort.abort();
    this._abort = null;
  }

  _visibilityChanged() {
    clearTimeout(this._hiddenTimer);
    if (document.hidden) {
      this._hiddenTimer = setTimeout(() => { this._end(); this._say("stopped"); }, HIDDEN_S * 1000);
    } else if (this._isWanted && !this._abort) {
      this._run();
    }
  }

  _say(state, more = {}) {
    this.state = state;
    this.element.dispatchEvent(
      new CustomEvent("live", { bubbles: true, detail: { state, ...more } }));
  }

  _size() {
    const wanted = this.options.size || "auto";
    if (wanted !== "auto") return wanted;
    const isMetered = navigator.connection && navigator.connection.saveData;
    return isMetered || matchMedia("(max-width: 640px)").matches ? "small" : "large";
  }

  // One stream after the other, until it is stopped or refused.
  async _run() {
    const abort = this._abort = new AbortController();
    this._failures = 0;
    let form = this.options.form || "auto";
    while (!abort.signal.aborted) {
      this._say("connecting");
      let problem = { message: "the stream ended" };
      try {
        problem = await this._once(form, abort.signal) || problem;
      } catch (err) {
        if (abort.signal.aborted) return;
        problem = { message: String(err.message || err) };
      }
      if (abort.signal.aborted) return;
      if (problem.form) { form = problem.form; continue; }
      if (FINAL.has(problem.status)) {
        this._abort = null;
        this._say("refused", problem);
        return;
      }
      const retryS = RETRY_S[Math.min(this._failures++, RETRY_S.length - 1)];
      this._say("retrying", { ...problem, retryS });
      await pause(retryS, abort.signal);
    }
  }

  // One stream; what went wrong, or {form: "jpeg"} where this browser cannot play it.
  async _once(form, outer) {
    const own = new AbortController();
    const end = () => own.abort();
    outer.addEventListener("abort", end, { once: true });
    try {
      const query = new URLSearchParams({ form, stream: this._size() });
      const answer = await fetch(`${this.url}?${query}`, {
        signal: own.signal, credentials: "same-origin", cache: "no-store",
      });
      if (!answer.ok) return await problemOf(answer);
      const type = answer.headers.get("content-type") || "";
      if (type.startsWith("multipart/")) return await this._showPictures(answer, own.signal);
      if (!Source || !Source.isTypeSupported(type)) return { form: "jpeg" };
      return await this._play(answer, type, own.signal);
    } finally {
      outer.removeEventListener("abort", end);
      own.abort();
    }
  }

  _isGoingOn(form) {
    this._failures = 0;
    if (this.state !== "playing") this._say("playing", { form });
  }

  async _play(answer, type, signal) {
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    if (this.options.alt) video.setAttribute("aria-label", this.options.alt);
    const source = new Source();
    const address = video.src = URL.createObjectURL(source);
    this.element.replaceChildren(video);
    let timer = 0;
    try {
      await once(source, "sourceopen", signal);
      const buffer = source.addSourceBuffer(type);
      const state = { time: -1, since: performance.now() };
      timer = setInterval(() => this._keepUp(video, buffer, state), 250);
      const failed = new Promise((_, fail) => video.addEventListener("error", () =>
        fail(new Error(video.error ? video.error.message || "it cannot be played" : "failed"))));
      await Promise.race([feed(answer.body.getReader(), buffer, video, signal), failed]);
      return null;
    } finally {
      clearInterval(timer);
      URL.revokeObjectURL(address);
    }
  }

  // Stay at the newest picture; over gaps, which a slow line leaves, too.
  _keepUp(video, buffer, state) {
    const ranges = buffer.buffered;
    if (!ranges.length) return;
    const newest = ranges.length - 1, end = ranges.end(newest);
    const isBehind = end - video.currentTime > MAX_LAG_S;
    if (isBehind || video.currentTime < ranges.start(newest)) {
      video.currentTime = Math.max(ranges.start(newest), end - LAG_S);
    }
    if (video.paused && !document.hidden) video.play().catch(() => {});
    const now = performance.now();
    if (video.currentTime !== state.time && video.readyState >= 2) {
      state.time = video.currentTime;
      state.since = now;
      this._isGoingOn("fmp4");
    } else if (now - state.since > STILL_S * 1000 && this.state === "playing") {
      this._say("waiting");
    }
  }

  async _showPictures(answer, signal) {
    const image = document.createElement("img");
    image.alt = this.options.alt || "";
    this.element.replaceChildren(image);
    let timer = 0, address = "";
    try {
      for await (const picture of parts(answer.body.getReader(), signal)) {
        const before = address;
        address = URL.createObjectURL(new Blob([picture], { type: "image/jpeg" }));
        image.src = address;
        await image.decode().catch(() => {});
        if (before) URL.revokeObjectURL(before);
        this._isGoingOn("jpeg");
        clearTimeout(timer);
        timer = setTimeout(() => this._say("waiting"), STILL_S * 1000);
      }
      return null;
    } finally {
      clearTimeout(timer);
      if (address) URL.revokeObjectURL(address);
    }
  }
}

// What comes goes into the buffer in its order; what was shown long ago goes out of it.
async function feed(reader, buffer, video, signal) {
  const queue = [];
  let waiting = 0, failure = null;
  const step = () => {
    if (buffer.updating || failure) return;
    try {
      const ranges = buffer.buffered;
      if (ranges.length && video.currentTime - ranges.start(0) > 2 * KEEP_S) {
        buffer.remove(0, video.currentTime - KEEP_S);
      } else if (queue.length) {
        const piece = queue.shift();
        waiting -= piece.byteLength;
        buffer.appendBuffer(piece);
      }
    } catch (err) {
      failure = err;
    }
  };
  buffer.addEventListener("updateend", step);
  buffer.addEventListener("error", () => { failure = failure || new Error("not playable"); });
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return;
    if (failure) throw failure;
    queue.push(value);
    waiting += value.byteLength;
    if (waiting > MAX_QUEUE_BYTES) throw new Error("this browser cannot keep up");
    step();
  }
}

// The bodies of a multipart answer whose parts tell their length.
async function* parts(reader, signal) {
  let held = new Uint8Array(0);
  const more = async () => {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return false;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    return true;
  };
  for (;;) {
    let headEnd;
    while ((headEnd = endOfHead(held)) < 0) {
      if (held.length > MAX_HEAD_BYTES) throw new Error("not a multipart answer");
      if (!await more()) return;
    }
    const head = new TextDecoder().decode(held.subarray(0, headEnd));
    const found = /content-length:\s*(\d+)/i.exec(head);
    const length = found ? Number(found[1]) : Infinity;
    if (length > MAX_PICTURE_BYTES) throw new Error("not a picture");
    while (held.length < headEnd + length) if (!await more()) return;
    yield held.slice(headEnd, headEnd + length);
    held = held.slice(headEnd + length);
  }
}

function endOfHead(data) {
  for (let at = 0; at + 3 < data.length; at += 1) {
    if (data[at] === 13 && data[at + 1] === 10 && data[at + 2] === 13 && data[at + 3] === 10) {
      return at + 4;
    }
  }
  return -1;
}

async function problemOf(answer) {
  let told = {};
  try { told = await answer.json(); } catch (err) { /* not of ours: a proxy's, perhaps */ }
  return { status: answer.status, error: told.error, message: told.message || answer.statusText };
}

function once(target, event, signal) {
  return new Promise((done, fail) => {
    target.addEventListener(event, done, { once: true });
    signal.addEventListener("abort", () => fail(new Error("stopped")), { once: true });
  });
}

function pause(seconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
  });
}
