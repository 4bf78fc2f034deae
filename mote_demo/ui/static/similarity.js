// A cell, or a named pair, picks its two texts; arrow keys go from cell to cell, and Tab stops at each table once.
const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
const pairOf = (one) => one.dataset.pair.split(" ").map(Number);
const pick = (one) => trigger("select", { pair: pairOf(one) });

element.addEventListener("click", (event) => {
  const one = event.target.closest("[data-pair]");
  if (one) pick(one);
});

element.addEventListener("keydown", (event) => {
  const cell = event.target.closest("td[data-pair]");
  if (!cell) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    return pick(cell);
  }
  if (!(event.key in STEPS)) return;
  event.preventDefault();
  const [down, right] = STEPS[event.key];
  let [row, column] = [pairOf(cell)[0] + down, pairOf(cell)[1] + right];
  // No text is compared with itself: those cells are skipped.
  if (row === column) [row, column] = [row + down, column + right];
  const next = cell.closest("table").querySelector(`td[data-pair="${row} ${column}"]`);
  if (!next) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
