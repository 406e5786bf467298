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
  // the page's making and the stream's beginning ("first"), and after a break.
  const live = document.querySelector("[data-live]");
  if (live) {
    const tell = (name, detail) => document.body.dispatchEvent(new CustomEvent(`camwatch:${name}`, { detail }));
    const all = (detail) => { tell("event", detail); tell("picture", detail); tell("node", detail); };
    const source = new EventSource(live.dataset.live);
    let first = { first: true };
    source.addEventListener("begun", () => { all(first); first = null; });
    source.addEventListener("event", (message) => {
      const detail = JSON.parse(message.data);
      tell("event", detail);
      tell("picture", detail);
    });
    source.addEventListener("node", (message) => tell("node", JSON.parse(message.data)));
    source.addEventListener("missed", () => all(null));
    addEventListener("pagehide", () => source.close());
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
