// The grid of events: the keyboard goes from picture to picture, plays a clip in its place, and
// marks; a word tells when new events have come.
"use strict";
(function () {
  const links = () => [...document.querySelectorAll("#grid .picture")];
  const marks = { c: "confirmed", f: "false_alarm", s: "seen" };
  const current = () => {
    const card = document.activeElement && document.activeElement.closest("#grid .card");
    return card ? card.querySelector(".picture") : null;
  };

  function go(step) {
    const all = links();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = at < 0 ? 0 : at + step;
    if (next >= 0 && next < all.length) {
      all[next].focus();
      all[next].scrollIntoView({ block: "nearest" });
    } else {
      const beyond = document.querySelector(`.pager a[rel="${step > 0 ? "next" : "prev"}"]`);
      if (beyond) beyond.click();
    }
  }

  function play(link) {
    const playing = link.querySelector("video");
    if (playing) {
      playing.remove();
      link.querySelectorAll("img, span").forEach((each) => { each.hidden = false; });
      return;
    }
    if (!link.dataset.clip) return;
    const video = document.createElement("video");
    Object.assign(video, { src: link.dataset.clip, muted: true, playsInline: true, autoplay: true, loop: true });
    link.querySelectorAll("img, span").forEach((each) => { each.hidden = true; });
    link.append(video);
    video.addEventListener("error", () => play(link));
  }

  async function mark(link, word) {
    const template = document.getElementById("marks");
    if (!template) return;
    const card = link.closest(".card");
    const failed = document.getElementById("failed");
    try {
      const answer = await fetch(`/api/v1/events/${card.dataset.event}/remarks`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
        body: JSON.stringify({ mark: word }),
      });
      failed.hidden = answer.ok;
      if (!answer.ok) return;
      const shown = template.content.querySelector(`[data-word="${word}"]`).cloneNode(true);
      card.querySelector("[data-mark]").replaceWith(shown);
      go(1);
    } catch (err) {
      failed.hidden = false;
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    const link = current();
    if (key === "j") go(1);
    else if (key === "k") go(-1);
    else if (key === "p" && link) play(link);
    else if (marks[key] && link) mark(link, marks[key]);
  });

  const known = new Set([...document.querySelectorAll("#grid .card")].map((card) => card.dataset.event));
  document.body.addEventListener("camwatch:event", (event) => {
    if (event.detail && (event.detail.first || known.has(event.detail.id))) return;
    document.getElementById("news").hidden = false;
  });
})();
