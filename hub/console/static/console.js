// What all pages share: the theme's button, the CSRF token on htmx's requests, live updates.
"use strict";
(function () {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  }

  const button = document.getElementById("theme");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("camwatch-theme", root.dataset.theme); } catch (err) { /* not kept */ }
    });
  }

  // News of the hub becomes DOM events on the body, which elements name in hx-trigger:
  // camwatch:event, camwatch:picture, camwatch:node; all of them for what may have happened between
  // the page's making and the stream's beginning ("first"), and after a break. An element with
  // data-lull="event node" is told of these by camwatch:due, see below.
  const live = document.querySelector("[data-live]");
  if (live) {
    const tell = (name, detail) => document.body.dispatchEvent(new CustomEvent(`camwatch:${name}`, { detail }));
    const all = (detail) => { tell("event", detail); tell("picture", detail); tell("node", detail); };
    let source = null;
    let first = { first: true };
    const open = () => {
      source = new EventSource(live.dataset.live);
      source.addEventListener("begun", () => { all(first); first = null; });
      source.addEventListener("event", (message) => {
        const detail = JSON.parse(message.data);
        tell("event", detail);
        tell("picture", detail);
      });
      source.addEventListener("node", (message) => tell("node", JSON.parse(message.data)));
      source.addEventListener("missed", () => all(null));
    };
    const close = () => { source?.close(); source = null; };
    // Over HTTP/1.1 a browser has six connections to the hub for all its tabs: one that nobody
    // looks at must not hold one of them. What it missed is loaded when it is shown ("begun").
    const follow = () => { if (document.hidden) close(); else if (!source) open(); };
    document.addEventListener("visibilitychange", follow);
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
    follow();
  }

  // A list that is costly to draw is loaded again at once, and then at most once in a lull, which
  // grows with it; what comes during a lull is told at its end, so that nothing is left out.
  const LEAST_LULL_MS = 2000, LULL_OF_EACH_MS = 20;
  for (const list of document.querySelectorAll("[data-lull]")) {
    let isResting = false, isDue = false;
    const lull_ms = () => Math.max(LEAST_LULL_MS, LULL_OF_EACH_MS * list.querySelectorAll("li").length);
    const load = () => {
      isDue = false;
      list.dispatchEvent(new CustomEvent("camwatch:due"));
      setTimeout(() => { if (isDue) load(); else isResting = false; }, lull_ms());
    };
    const ask = () => {
      isDue = true;
      if (!isResting) setTimeout(load);  // once for all that is told together
      isResting = true;
    };
    for (const name of list.dataset.lull.split(" ")) document.body.addEventListener(`camwatch:${name}`, ask);
  }

  // A list that is loaded again after the session ended would swallow the log-in page.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 401 || event.detail.xhr.responseURL.includes("/login")) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const csrf = document.body.dataset.csrf;
    if (csrf) event.detail.headers["X-CSRF-Token"] = csrf;
  });
})();
