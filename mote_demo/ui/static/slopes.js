// Draws a line from each text of the left list to the same text of the right one, and lights both ends of one.
const NAMESPACE = "http://www.w3.org/2000/svg";

function draw() {
  const drawing = element.querySelector(".mote-slopes");
  if (!drawing || !drawing.clientWidth) return; // on a phone one list holds both sides
  const box = drawing.getBoundingClientRect();
  const middle = (hit) => {
    const own = hit.getBoundingClientRect();
    return own.top + own.height / 2 - box.top;
  };
  const rights = new Map();
  for (const hit of element.querySelectorAll(".mote-side-right .mote-hit")) rights.set(hit.dataset.row, hit);
  drawing.replaceChildren();
  for (const left of element.querySelectorAll(".mote-side-left .mote-hit")) {
    const right = rights.get(left.dataset.row);
    if (!right) continue;
    const [from, to] = [middle(left), middle(right)];
    const half = box.width / 2;
    const path = document.createElementNS(NAMESPACE, "path");
    path.setAttribute("d", `M0 ${from} C${half} ${from} ${half} ${to} ${box.width} ${to}`);
    path.dataset.row = left.dataset.row;
    drawing.append(path);
  }
}

function light(event) {
  // Where the mouse is on no text, that of the keyboard stays lit.
  const row = [event.target, document.activeElement].map((at) => at.closest("[data-row]")?.dataset.row).find(Boolean);
  for (const one of element.querySelectorAll(".mote-answers [data-row]")) {
    one.classList.toggle("mote-lit", row !== undefined && one.dataset.row === row);
  }
}

for (const name of ["mouseover", "focusin"]) element.addEventListener(name, light);
element.addEventListener("mouseleave", light);
element.addEventListener("toggle", draw, true);
// What was typed and not yet asked is not what the answers belong to. Gradio's own event of typing may come after them.
document.addEventListener("input", (event) => {
  if (!event.target.closest?.("#compare-query")) return;
  const asked = element.querySelector(".mote-answers")?.dataset.query.trim() ?? event.target.value.trim();
  element.closest("#compare-answers").classList.toggle("mote-stale", asked !== event.target.value.trim());
});
new ResizeObserver(draw).observe(element);
new MutationObserver((changes) => {
  if (changes.every((change) => change.target.closest(".mote-slopes"))) return;
  element.closest(".mote-stale")?.classList.remove("mote-stale");
  draw();
}).observe(element, { childList: true, subtree: true });
draw();
