// The page of one event: its clips one after another, a word where the browser cannot play them,
// the drawn overlays, and the keyboard.
"use strict";
(function () {
  const MIME = { h264: 'video/mp4; codecs="avc1.64001f"', hevc: 'video/mp4; codecs="hvc1.1.6.L93.B0"' };
  const player = document.getElementById("player");
  const warning = document.getElementById("unplayable");

  if (player) {
    const refuse = () => { warning.hidden = false; };
    if (player.dataset.codec === "hevc" && !player.canPlayType(MIME.hevc)) refuse();
    player.addEventListener("error", refuse);

    const parts = [...document.querySelectorAll("button.part")];
    const play = (part) => {
      parts.forEach((each) => each.removeAttribute("aria-current"));
      part.setAttribute("aria-current", "true");
      player.src = part.dataset.src;
      player.play().catch(() => { /* the browser wants a click first */ });
    };
    parts.forEach((part) => part.addEventListener("click", () => play(part)));
    player.addEventListener("ended", () => {
      const at = parts.findIndex((part) => part.hasAttribute("aria-current"));
      if (at >= 0 && at + 1 < parts.length) play(parts[at + 1]);
    });
  }

  for (const [id, drawn] of [["overlays", ".overlay"], ["zones", ".drawn .zones"]]) {
    const box = document.getElementById(id);
    if (!box) continue;
    box.addEventListener("change", () => {
      document.querySelectorAll(drawn).forEach((each) => each.toggleAttribute("hidden", !box.checked));
    });
  }

  const marks = { c: "confirmed", f: "false_alarm", s: "seen" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select, video")) return;
    const key = event.key.toLowerCase();
    const link = { j: "older", k: "newer" }[key];
    if (link && document.getElementById(link)) {
      document.getElementById(link).click();
    } else if (key === " " && player && event.target.closest("button, a, summary") === null) {
      event.preventDefault();
      if (player.paused) player.play().catch(() => { /* said by the error above */ });
      else player.pause();
    } else if (marks[key]) {
      const button = document.querySelector(`#remark button[value="${marks[key]}"]`);
      if (button) button.click();
    }
  });
})();
