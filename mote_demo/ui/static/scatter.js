// Draws one map with plotly.js. gr.HTML runs this once a component and provides
// `element`, `props` (value, marked, spot, heading, plotly_js), `watch` and `trigger`.
const plot = element.querySelector(".mote-scatter-plot");
const note = element.querySelector(".mote-scatter-note");
const spoken = element.querySelector(".mote-scatter-spoken");
const touch = window.matchMedia("(pointer: coarse)").matches;
const config = {
  responsive: true,
  scrollZoom: !touch,
  showSendToCloud: false,
  displaylogo: false,
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]],
  toImageButtonOptions: { format: "png", scale: 2, filename: `mote-map-${props.heading.toLowerCase()}` },
};
let drawn = "";
let cursor = null;
let queue = Promise.resolve();

// plotly.js is 4 MB: the first map to appear loads it for all of them.
function loadPlotly() {
  window.motePlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${window.gradio_config?.root ?? ""}/gradio_api/file=${props.plotly_js}`;
    script.onload = resolve;
    script.onerror = () => reject(new Error("The plot library could not be loaded. Please reload the page."));
    document.head.appendChild(script);
  });
  return window.motePlotly;
}

function themed(layout) {
  const color = (name) => getComputedStyle(element).getPropertyValue(name).trim();
  const legend = { ...layout.legend, font: { size: 11 } };
  // A narrow legend has columns of equal width and no title, or plotly cuts it off.
  if (plot.offsetWidth < 480) Object.assign(legend, { title: { text: "" }, entrywidth: 0.3, entrywidthmode: "fraction" });
  return {
    ...layout,
    legend,
    dragmode: touch ? false : "pan",
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...layout.font, color: color("--body-text-color"), family: getComputedStyle(element).fontFamily },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: color("--body-text-color-subdued"), activecolor: color("--mote-right") },
    hoverlabel: {
      bgcolor: color("--background-fill-primary"),
      bordercolor: color("--border-color-primary"),
      font: { color: color("--body-text-color"), size: 12 },
      align: "left",
    },
  };
}

// The place of the clicked text or of the query is one more trace on top of the others.
function spotTrace() {
  const { x, y, kind } = props.spot;
  const color = getComputedStyle(element).getPropertyValue("--body-text-color").trim();
  const marker = kind === "query"
    ? { symbol: "star", size: 18, color: "#F2B705", line: { width: 1.5, color } }
    : { symbol: "circle-open", size: 18, color, line: { width: 2.5 } };
  return { type: "scatter", mode: "markers", x: [x], y: [y], marker, hoverinfo: "skip", showlegend: false, name: "spot" };
}

function markedTraces(traces) {
  const rows = props.marked?.length ? new Set(props.marked) : null;
  return traces.map((trace) => ({
    ...trace,
    selected: { marker: { opacity: 1, size: trace.marker.size + 4 } },
    unselected: { marker: { opacity: 0.25 } },
    selectedpoints: rows ? trace.customdata.flatMap((row, i) => (rows.has(row) ? [i] : [])) : null,
  }));
}

async function draw() {
  if (!props.value) return;
  try {
    await loadPlotly();
    const figure = JSON.parse(props.value);
    const traces = markedTraces(figure.data);
    if (props.spot.kind) traces.push(spotTrace());
    const sameView = plot.layout?.uirevision === figure.layout.uirevision;
    drawn = props.value;
    if (sameView) await Plotly.react(plot, traces, zoomed(themed(figure.layout)), config);
    else await drawAnew(traces, themed(figure.layout));
    describe(figure);
    note.hidden = true;
  } catch (error) {
    note.hidden = false;
    note.textContent = error.message;
  }
}

// Only a new plot forgets the ranges that "reset axes" goes back to; it forgets its listeners as well.
async function drawAnew(traces, layout) {
  cursor = null;
  await Plotly.newPlot(plot, traces, layout, config);
  plot.on("plotly_click", (event) => select({ row: event.points[0].customdata }));
}

// plotly's own uirevision gives up where two axes are tied to one scale.
function zoomed(layout) {
  const keep = (axis) => ({ ...layout[axis], range: plot.layout[axis].range });
  return { ...layout, xaxis: keep("xaxis"), yaxis: keep("yaxis") };
}

// Marks change often and must keep the zoom: only the selection and the spot are touched.
async function mark() {
  const spot = plot.data.findIndex((trace) => trace.name === "spot");
  if (spot >= 0) await Plotly.deleteTraces(plot, spot);
  await Plotly.restyle(plot, { selectedpoints: markedTraces(plot.data).map((trace) => trace.selectedpoints) });
  if (props.spot.kind) await Plotly.addTraces(plot, spotTrace());
}

function describe(figure) {
  const texts = figure.data.reduce((sum, trace) => sum + trace.x.length, 0);
  const groups = figure.data.filter((trace) => trace.showlegend !== false).length;
  plot.setAttribute(
    "aria-label",
    `${props.heading} map of ${texts} texts${groups > 1 ? ` in ${groups} groups` : ""}. ` +
      "Arrow keys move from text to text, Enter selects one."
  );
}

function select(point) {
  if (point && point.row !== undefined) trigger("select", { row: point.row });
}

function points() {
  return plot.data.flatMap((trace, curve) =>
    trace.customdata && trace.visible !== "legendonly"
      ? trace.customdata.map((row, i) => ({ row, curve, i, x: trace.x[i], y: trace.y[i], text: trace.hovertext?.[i] ?? "" }))
      : []
  );
}

// The next point is the nearest one within 45 degrees of the arrow's direction.
function step(dx, dy) {
  const all = points();
  if (!cursor) return all[0];
  let best = cursor;
  let least = Infinity;
  for (const point of all) {
    const ahead = (point.x - cursor.x) * dx + (point.y - cursor.y) * dy;
    const aside = Math.abs((point.x - cursor.x) * dy) + Math.abs((point.y - cursor.y) * dx);
    if (ahead > 0 && aside <= ahead && ahead + aside < least) [best, least] = [point, ahead + aside];
  }
  return best;
}

function onKey(event) {
  if (!drawn) return;
  const arrows = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (event.key === "Enter" && cursor) select(cursor);
  if (!arrows[event.key]) return;
  event.preventDefault();
  cursor = step(...arrows[event.key]);
  Plotly.Fx.hover(plot, [{ curveNumber: cursor.curve, pointNumber: cursor.i }]);
  // A parsed document is inert: nothing in it loads or runs.
  const parsed = new DOMParser().parseFromString(cursor.text.replaceAll("<br>", " "), "text/html");
  spoken.textContent = parsed.body.textContent;
}

// Steps wait for each other: plotly must not be changed while it draws.
function enqueue(work) {
  queue = queue.then(work).catch((error) => console.error(error));
}

function update() {
  enqueue(() => (props.value !== drawn ? draw() : drawn && mark()));
}

// A map drawn in a hidden tab has no size yet; a theme switch changes the colours.
new ResizeObserver(() => drawn && plot.offsetWidth && Plotly.Plots.resize(plot)).observe(plot);
new MutationObserver(() => enqueue(() => drawn && draw())).observe(document.body, { attributeFilter: ["class"] });
plot.addEventListener("keydown", onKey);
watch(Object.keys(props), update);
update();
