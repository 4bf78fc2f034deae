// The Classes tab: cells of a matrix open their texts, arrows go from cell to cell, headings sort their table.
const rowsOf = (part) => [...part.closest("table").tBodies[0].rows];

// Tab enters a matrix once; the arrows go on from there.
const enter = (matrix, chosen) => {
  for (const each of matrix.querySelectorAll("[data-actual]")) each.tabIndex = each === chosen ? 0 : -1;
};

const prepare = () => {
  for (const matrix of element.querySelectorAll(".mote-classes-matrix")) {
    enter(matrix, matrix.querySelector("[data-actual]"));
  }
  element.querySelector("[data-open]")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
};

const neighbour = (cell, down, right) => {
  const rows = rowsOf(cell);
  let row = rows.indexOf(cell.closest("tr"));
  let column = cell.closest("td").cellIndex;
  for (;;) {
    row += down;
    column += right;
    const there = rows[row]?.cells[column];
    if (!there) return null;
    const button = there.querySelector("button");
    if (button) return button;
  }
};

const valueOf = (row, column, kind) => {
  const cell = row.cells[column];
  if (kind === "text") return cell.textContent;
  const value = Number(cell.dataset.value);
  return Number.isNaN(value) ? -Infinity : value;
};

const sortBy = (heading) => {
  const head = heading.closest("th");
  const kind = heading.dataset.sort;
  // Names go up at first, numbers down.
  const up = head.ariaSort ? head.ariaSort === "descending" : kind === "text";
  for (const each of head.parentElement.cells) each.ariaSort = null;
  head.ariaSort = up ? "ascending" : "descending";
  const order = (a, b) => {
    const [first, second] = [a, b].map((row) => valueOf(row, head.cellIndex, kind));
    return kind === "text" ? first.localeCompare(second) : first - second || 0;
  };
  const rows = rowsOf(heading).sort((a, b) => (up ? order(a, b) : order(b, a)));
  heading.closest("table").tBodies[0].append(...rows);
};

element.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-actual]");
  const heading = event.target.closest("[data-sort]");
  if (heading) sortBy(heading);
  if (!cell) return;
  for (const each of element.querySelectorAll("[aria-pressed=true]")) each.ariaPressed = "false";
  cell.ariaPressed = "true";
  enter(cell.closest(".mote-classes-matrix"), cell);
  const { side, actual, predicted } = cell.dataset;
  trigger("select", { side, actual: Number(actual), predicted: Number(predicted) });
});

element.addEventListener("keydown", (event) => {
  const cell = event.target.closest("[data-actual]");
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const next = cell && step && neighbour(cell, ...step);
  if (!cell || !step) return;
  event.preventDefault();
  if (!next) return;
  enter(next.closest(".mote-classes-matrix"), next);
  next.focus();
});

watch("value", () => requestAnimationFrame(prepare));
