// The page of one live camera: starts the view, says how it goes, stops and starts it again.
"use strict";

const place = document.getElementById("live");
const state = document.getElementById("live-state");
const stop = document.getElementById("stop");
const again = document.getElementById("again");
const size = document.getElementById("size");

const { LiveView } = await import(place.dataset.module);
const view = new LiveView(place, place.dataset.url, { size: "auto", alt: place.dataset.alt });

place.addEventListener("live", (event) => {
  const said = event.detail;
  const word = said.state === "playing" && said.form === "jpeg" ? "jpeg" : said.state;
  const detail = said.state === "refused" && said.message ? ` ${said.message}` : "";
  state.textContent = (state.dataset[word] || said.state) + detail;
  state.dataset.state = said.state;
  const isOver = said.state === "stopped" || said.state === "refused";
  stop.hidden = isOver;
  again.hidden = !isOver;
});
stop.addEventListener("click", () => { view.stop(); again.hidden = false; again.focus(); });
again.addEventListener("click", () => { view.start({ size: size.value }); stop.hidden = false; again.hidden = true; });
size.addEventListener("change", () => view.start({ size: size.value }));
addEventListener("pagehide", () => view.stop());
view.start();
