// A plan: a click on it, or the two number fields, says where the chosen camera hangs.
"use strict";
(function () {
  const plan = document.getElementById("plan");
  const form = document.getElementById("put");
  const aim = document.getElementById("aim");
  if (!plan || !form) return;
  const { camera, x, y } = form.elements;

  // Where the camera is already, its own mark shows it.
  function show() {
    const known = camera.selectedOptions[0].dataset;
    const isGiven = x.value !== "" && y.value !== "" && x.validity.valid && y.validity.valid;
    const isNew = isGiven && !(x.value === known.x && y.value === known.y);
    aim.setAttribute("visibility", isNew ? "visible" : "hidden");
    if (!isNew) return;
    aim.setAttribute("x", `${x.value}%`);
    aim.setAttribute("y", `${y.value}%`);
  }

  function choose() {
    const known = camera.selectedOptions[0].dataset;
    x.value = known.x || "";
    y.value = known.y || "";
    show();
  }

  plan.classList.add("aimed");
  plan.addEventListener("click", (event) => {
    if (event.target.closest("a")) return;
    const box = plan.getBoundingClientRect();
    const percent = (part, whole) => String(Math.round(Math.min(1, Math.max(0, part / whole)) * 1000) / 10);
    x.value = percent(event.clientX - box.left, box.width);
    y.value = percent(event.clientY - box.top, box.height);
    show();
  });
  camera.addEventListener("change", choose);
  for (const field of [x, y]) field.addEventListener("input", show);
  if (x.value === "" && y.value === "") choose(); else show();
})();
