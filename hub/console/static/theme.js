// Sets the chosen theme before anything is drawn. Without a choice the system's applies.
"use strict";
(function () {
  try {
    const chosen = localStorage.getItem("camwatch-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (err) { /* storage is switched off: the system's theme it is */ }
})();
