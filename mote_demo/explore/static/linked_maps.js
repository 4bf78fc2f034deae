// Draws two maps of the same texts that move, zoom, fade and light up as one. It runs once an element and is given
// `element` (linked_maps.html inside), `props` (points, texts and colours as JSON; marked, spots, selected, stale),
// `watch` and `trigger`. Points are painted into pixels here: 20,000 of them move smoothly without a graphics card.
const find = (selector) => element.querySelector(selector);
const root = find(".maps");
const spoken = find(".maps-spoken");
const slider = find(".maps-morph input");
const filter = find(".maps-filter input");
const legend = find(".maps-legend");
const SIDES = [0, 1];
const [HIDDEN, FADED, STRONG] = [0, 1, 2];
const FADE = 28; // of 256
const PAD = 24; // pixels beyond each edge, so that no sign has to be cut
const SIGNS = {
  circle: (u, v) => u * u + v * v <= 1,
  diamond: (u, v) => Math.abs(u) + Math.abs(v) <= 1.15,
  square: (u, v) => Math.max(Math.abs(u), Math.abs(v)) <= 0.85,
  "triangle-up": (u, v) => v <= 0.75 && Math.abs(u) <= (v + 1) * 0.6,
};

let points = null; // {view, sides: [{title, receipt, x, y}], churn, trail, faint, pairs}
let texts = { texts: [], longest: 0 };
let colours = null; // {title, groups, codes, shown, values?, clusters}
let order = []; // of drawing: random and repeatable, so that no group always lies on top
let ink = []; // colour of each point as a number
let faint = new Set();
let selected = new Set();
let hidden = new Set(); // names of groups
let lit = null; // a group of the legend that is pointed at
let hovered = null;
let tool = "pan";
let morph = 0;
let view = { x: 0, y: 0, zoom: 1 };
let fit = { x: 0, y: 0, width: 1, height: 1 };
let path = null; // of a box or lasso: {side, places}
let pending = 0;

// ---------------------------------------------------------------- pixels

class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.masks = new Map();
  }

  resize(width, height) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === wide && this.canvas.height === high && this.ratio === ratio) return;
    Object.assign(this, { ratio, stride: wide + 2 * PAD, rows: high + 2 * PAD });
    Object.assign(this.canvas, { width: wide, height: high });
    this.image = new ImageData(this.stride, this.rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.masks.clear();
  }

  // How much of each pixel around a point a sign covers, of 256.
  mask(sign, radius) {
    const size = Math.max(1, Math.round(radius * this.ratio * 4) / 4);
    const key = `${sign}/${size}`;
    if (this.masks.has(key)) return this.masks.get(key);
    const [reach, steps, offsets, cover] = [Math.min(PAD - 1, Math.ceil(size)), 4, [], []];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        let inside = 0;
        for (let i = 0; i < steps * steps; i++) {
          const [dx, dy] = [((i % steps) + 0.5) / steps - 0.5, (Math.floor(i / steps) + 0.5) / steps - 0.5];
          inside += SIGNS[sign]((x + dx) / size, (y + dy) / size);
        }
        if (inside) offsets.push(y * this.stride + x) && cover.push((256 * inside) / (steps * steps));
      }
    }
    const made = { offsets: Int32Array.from(offsets), cover: Int32Array.from(cover) };
    this.masks.set(key, made);
    return made;
  }

  blend(at, colour, share) {
    const under = this.pixels[at];
    const [redBlue, green] = [under & 0xff00ff, under & 0xff00];
    this.pixels[at] =
      0xff000000 |
      ((redBlue + (Math.imul((colour & 0xff00ff) - redBlue, share) >>> 8)) & 0xff00ff) |
      ((green + (Math.imul((colour & 0xff00) - green, share) >>> 8)) & 0xff00);
  }

  stamp(x, y, mask, colour, strength) {
    const left = Math.round(x * this.ratio) + PAD;
    const top = Math.round(y * this.ratio) + PAD;
    if (left < PAD / 2 || top < PAD / 2 || left >= this.stride - PAD / 2 || top >= this.rows - PAD / 2) return;
    const at = top * this.stride + left;
    const { offsets, cover } = mask;
    for (let i = 0; i < offsets.length; i++) this.blend(at + offsets[i], colour, (cover[i] * strength) >> 8);
  }

  line(x0, y0, x1, y1, colour, strength) {
    [x0, y0, x1, y1] = [x0, y0, x1, y1].map((value) => value * this.ratio + PAD);
    const steps = Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0)));
    // Only what is within the picture: far into a zoom most of a line lies outside.
    let [from, to] = [0, steps];
    for (const [start, end, most] of [[x0, x1, this.stride - 1], [y0, y1, this.rows - 1]]) {
      const slope = (end - start) / steps;
      if (Math.abs(slope) < 1e-9) {
        if (start < 0 || start > most) return;
        continue;
      }
      const [enter, leave] = slope > 0 ? [-start / slope, (most - start) / slope] : [(most - start) / slope, -start / slope];
      [from, to] = [Math.max(from, Math.ceil(enter)), Math.min(to, Math.floor(leave))];
    }
    for (let step = from; step <= to; step++) {
      const x = Math.floor(x0 + ((x1 - x0) * step) / steps);
      const y = Math.floor(y0 + ((y1 - y0) * step) / steps);
      this.blend(y * this.stride + x, colour, strength);
    }
  }

  show() {
    this.canvas.getContext("2d").putImageData(this.image, -PAD, -PAD);
  }
}

// ---------------------------------------------------------------- colours

const packed = ([red, green, blue]) => (blue << 16) | (green << 8) | red;
const unpacked = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const isDark = () => { const [r, g, b] = background(); return r + g + b < 384; };
const background = () => getComputedStyle(maps[0].plot).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number);
const text = () => getComputedStyle(root).color;

// On a dark page dark colours are lightened.
function themed(rgb) {
  return isDark() ? rgb.map((part) => Math.round(part + (255 - part) * 0.22)) : rgb;
}

function ramp(stops, share) {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const [low, high] = [unpacked(stops[Math.floor(at)]), unpacked(stops[Math.ceil(at)])];
  return low.map((part, i) => Math.round(part + (high[i] - part) * (at - Math.floor(at))));
}

function paint() {
  const { low, high, values, scale, groups, codes } = colours;
  const flat = groups.map((group) => (group.colour ? packed(themed(unpacked(group.colour))) : 0));
  const steps = values && Array.from({ length: 65 }, (_, i) => packed(themed(ramp(scale, i / 64))));
  ink = codes.map((code, row) =>
    values && values[row] !== null ? steps[Math.round((64 * (values[row] - low)) / (high - low || 1))] : flat[code]
  );
}

// ---------------------------------------------------------------- the two maps

const maps = [...element.querySelectorAll(".maps-plot")].map((plot, side) => ({
  side,
  plot,
  raster: new Raster(plot.querySelector(".maps-points")),
  marks: plot.querySelector(".maps-marks"),
  words: plot.querySelector(".maps-words"),
  tip: plot.querySelector(".maps-tip"),
  figure: plot.closest("figure"),
  x: new Float32Array(0), // on the screen
  shown: new Uint8Array(0),
  y: new Float32Array(0),
  width: 0,
  height: 0,
}));

const scale = (map) => view.zoom * Math.min(map.width / fit.width, map.height / fit.height);
const toScreen = (map, x, y) => [(x - view.x) * scale(map) + map.width / 2, (view.y - y) * scale(map) + map.height / 2];

// Where a text is: the left map moves towards the right one.
function place(side, row) {
  const [from, to] = points.sides;
  if (side === 1 || morph === 1) return [to.x[row], to.y[row]];
  return [from.x[row] + morph * (to.x[row] - from.x[row]), from.y[row] + morph * (to.y[row] - from.y[row])];
}

function fitAll() {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points.sides) {
    for (let row = 0; row < x.length; row++) {
      [left, right] = [Math.min(left, x[row]), Math.max(right, x[row])];
      [bottom, top] = [Math.min(bottom, y[row]), Math.max(top, y[row])];
    }
  }
  const margin = 0.06 * Math.max(right - left, top - bottom) || 1;
  fit = { x: (left + right) / 2, y: (bottom + top) / 2, width: right - left + 2 * margin, height: top - bottom + 2 * margin };
  view = { x: fit.x, y: fit.y, zoom: 1 };
}

function shuffled(count) {
  const rows = Uint32Array.from({ length: count }, (_, row) => row);
  let seed = 1;
  for (let i = count - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  return rows;
}

// Which points are hidden by the legend, and which fade behind what is filtered, marked, selected or pointed at.
function sift() {
  const wanted = filter.value.trim().toLowerCase();
  const focus = SIDES.map((side) =>
    props.marked?.[side]?.length ? new Set(props.marked[side]) : selected.size ? selected : null
  );
  let found = 0;
  colours.codes.forEach((code, row) => {
    const matches = !wanted || (texts.texts[row] ?? "").toLowerCase().includes(wanted);
    found += matches;
    for (const { side, shown } of maps) {
      const strong = matches && (!focus[side] || focus[side].has(row)) && (lit === null || code === lit);
      shown[row] = hidden.has(colours.groups[code].name) ? HIDDEN : strong ? STRONG : FADED;
    }
  });
  const limit = texts.longest ? ` (their first ${texts.longest} characters)` : "";
  const total = colours.codes.length.toLocaleString("en");
  find(".maps-count").textContent = wanted ? `${found.toLocaleString("en")} of ${total} texts${limit}` : "";
}

// ---------------------------------------------------------------- drawing

function redraw() {
  if (!pending) pending = requestAnimationFrame(draw);
}

function draw() {
  pending = 0;
  if (!points || !colours || !maps[0].plot.offsetWidth) return;
  const paper = packed(background()) | 0xff000000;
  for (const map of maps) {
    [map.width, map.height] = [map.plot.clientWidth, map.plot.clientHeight];
    drawPoints(map, paper);
    drawMarks(map);
    placeWords(map);
  }
}

function drawPoints(map, paper) {
  const { raster } = map;
  raster.resize(map.width, map.height);
  raster.pixels.fill(paper);
  const factor = scale(map);
  for (let row = 0; row < order.length; row++) {
    const [x, y] = place(map.side, row);
    map.x[row] = (x - view.x) * factor + map.width / 2;
    map.y[row] = (view.y - y) * factor + map.height / 2;
  }
  drawPairs(map);
  if (map.side === 0 && morph > 0) drawTrails(map);
  const size = radius();
  const masks = colours.groups.map((group) => raster.mask(group.symbol, size * (group.symbol === "circle" ? 1 : 1.1)));
  for (const pass of [FADED, STRONG]) {
    for (const row of order) {
      if (map.shown[row] !== pass) continue;
      const strength = pass === FADED ? FADE : faint.has(row) ? 90 : 225;
      raster.stamp(map.x[row], map.y[row], masks[colours.codes[row]], ink[row], strength);
    }
  }
  raster.show();
}

function radius() {
  const base = order.length < 500 ? 4.5 : order.length < 3000 ? 3.4 : order.length < 10000 ? 2.6 : 2;
  return Math.min(base * view.zoom ** 0.3, 9);
}

function drawPairs(map) {
  for (const [one, other] of points.pairs) {
    const shown = Math.min(map.shown[one], map.shown[other]);
    if (shown === HIDDEN) continue;
    map.raster.line(map.x[one], map.y[one], map.x[other], map.y[other], 0x808080, shown === STRONG ? 130 : FADE);
  }
}

function drawTrails(map) {
  const stops = Array.from({ length: 33 }, (_, i) => packed(ramp(points.trail, i / 32)));
  for (const row of order) {
    if (map.shown[row] === HIDDEN) continue;
    const [x, y] = toScreen(map, points.sides[0].x[row], points.sides[0].y[row]);
    const colour = stops[Math.round(32 * (points.churn[row] ?? 0))];
    map.raster.line(x, y, map.x[row], map.y[row], colour, map.shown[row] === STRONG ? 170 : 12);
  }
}

function drawMarks(map) {
  const { marks, raster } = map;
  if (marks.width !== raster.canvas.width || marks.height !== raster.canvas.height) {
    Object.assign(marks, { width: raster.canvas.width, height: raster.canvas.height });
  }
  const pen = marks.getContext("2d");
  pen.setTransform(raster.ratio, 0, 0, raster.ratio, 0, 0);
  pen.clearRect(0, 0, map.width, map.height);
  pen.strokeStyle = text();
  const ring = (row, width, gap) => {
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(map.x[row], map.y[row], radius() + gap, 0, 2 * Math.PI);
    pen.stroke();
  };
  for (const row of props.marked?.[map.side] ?? []) if (map.shown[row]) ring(row, 1.2, 1.5);
  const spot = props.spots?.[map.side];
  if (spot?.row !== undefined) ring(spot.row, 2.5, 5);
  if (spot?.place) star(pen, ...toScreen(map, ...spot.place));
  if (hovered !== null && map.shown[hovered]) ring(hovered, 2.5, 4);
  if (path?.side === map.side && path.places.length > 1) {
    pen.beginPath();
    outline().forEach(([x, y]) => pen.lineTo(x, y));
    pen.closePath();
    pen.setLineDash([5, 4]);
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.setLineDash([]);
  }
}

function star(pen, x, y) {
  pen.beginPath();
  for (let i = 0; i < 10; i++) {
    const [far, turn] = [i % 2 ? 4.5 : 11, (i * Math.PI) / 5 - Math.PI / 2];
    pen.lineTo(x + far * Math.cos(turn), y + far * Math.sin(turn));
  }
  pen.closePath();
  pen.fillStyle = "#F2B705";
  pen.fill();
  pen.lineWidth = 1.5;
  pen.stroke();
}

// ---------------------------------------------------------------- words of the groups

function listWords() {
  for (const map of maps) {
    const clusters = colours.clusters[map.side] ?? colours.clusters[0];
    map.labels = [];
    map.words.replaceChildren();
    if (!clusters) continue;
    const rows = clusters.names.map(() => []);
    clusters.codes.forEach((code, row) => code >= 0 && rows[code].push(row));
    rows.forEach((members, code) => {
      if (!members.length || !(clusters.names[code] || clusters.words[code])) return;
      const words = document.createElement("span");
      if (clusters.names[code]) words.append(Object.assign(document.createElement("b"), { textContent: label(clusters.names[code]) }));
      words.append(Object.assign(document.createElement("i"), { textContent: clusters.words[code] }));
      map.labels.push({ label: words, members, name: clusters.names[code] });
    });
    map.labels.sort((one, other) => other.members.length - one.members.length);
    map.words.append(...map.labels.map(({ label }) => label));
  }
}

// Large groups come first; a label that would lie on another one moves up or down, or waits for a closer look.
function placeWords(map) {
  const taken = [];
  for (const each of map.labels ?? []) {
    each.width ||= Math.ceil(each.label.getBoundingClientRect().width);
    each.height ||= Math.ceil(each.label.getBoundingClientRect().height);
    const { width, height, members, name } = each;
    const middle = (along) => members.reduce((sum, row) => sum + along[row], 0) / members.length;
    const [x, y] = [middle(map.x), middle(map.y)];
    const visible = !hidden.has(name) && x > 0 && x < map.width && y > 0 && y < map.height;
    const left = Math.min(Math.max(x - width / 2, 2), map.width - width - 2);
    const boxes = [0, -1, 1, -2, 2].map((step) => [left, y - height / 2 + step * height * 0.8]);
    const free = ([at, top]) =>
      top >= 0 && top + height <= map.height &&
      taken.every(([l, t, w, h]) => at + width < l || l + w < at || top + height < t || t + h < top);
    const box = visible && boxes.find(free);
    each.label.style.visibility = box ? "visible" : "hidden";
    if (!box) continue;
    taken.push([...box, width, height]);
    each.label.style.transform = `translate(${box[0]}px, ${box[1]}px)`;
  }
}

// ---------------------------------------------------------------- legend, titles and lists

const SHAPES = {
  circle: '<circle cx="6" cy="6" r="5"/>',
  diamond: '<path d="M6 0 12 6 6 12 0 6z"/>',
  square: '<path d="M1 1h10v10H1z"/>',
  "triangle-up": '<path d="M6 0 12 11H0z"/>',
};

function drawLegend() {
  const counts = colours.groups.map(() => 0);
  colours.codes.forEach((code) => counts[code]++);
  legend.replaceChildren();
  if (colours.title) legend.append(Object.assign(document.createElement("b"), { textContent: label(colours.title) }));
  colours.groups.forEach((group, code) => legend.append(group.colour ? entry(group, code, counts[code]) : scaleBar()));
}

function entry(group, code, count) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = group.name;
  button.setAttribute("aria-pressed", String(!hidden.has(group.name)));
  button.innerHTML = `<svg viewBox="0 0 12 12" aria-hidden="true">${SHAPES[group.symbol]}</svg><span></span><small></small>`;
  button.querySelector("svg").style.fill = `rgb(${themed(unpacked(group.colour)).join()})`;
  button.querySelector("span").textContent = label(group.name);
  button.querySelector("small").textContent = count.toLocaleString("en");
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && light(code));
  button.addEventListener("pointerleave", () => light(null));
  button.addEventListener("focus", () => button.matches(":focus-visible") && light(code));
  button.addEventListener("blur", () => light(null));
  button.addEventListener("click", () => toggle(group.name, button));
  button.addEventListener("dblclick", () => alone(group.name));
  return button;
}

function scaleBar() {
  const bar = Object.assign(document.createElement("span"), { className: "maps-scale" });
  const end = (value) => Object.assign(document.createElement("span"), { textContent: +value.toPrecision(3) });
  const ramp = document.createElement("i");
  ramp.style.background = `linear-gradient(to right, ${colours.scale.join()})`;
  bar.append(end(colours.low), ramp, end(colours.high));
  return bar;
}

function light(code) {
  if (lit === code || !colours) return;
  lit = code;
  sift();
  redraw();
}

function toggle(name, button) {
  if (!hidden.delete(name)) hidden.add(name);
  button.setAttribute("aria-pressed", String(!hidden.has(name)));
  lit = null;
  sift();
  redraw();
}

// A second click on a group leaves it alone; on the last one that is left, it brings all back.
function alone(name) {
  const others = colours.groups.map((group) => group.name).filter((each) => each !== name);
  hidden = new Set(others.every((each) => hidden.has(each)) ? [] : others);
  drawLegend();
  sift();
  redraw();
}

// A map that moves towards the other one is neither of both.
function drawHeading(map) {
  const moved = map.side === 0 && morph > 0 ? ` → ${points.sides[1].title}, ${Math.round(100 * morph)}\u00a0%` : "";
  map.figure.querySelector("h3").textContent = points.sides[map.side].title + moved;
}

function drawTitles() {
  for (const map of maps) {
    const { title, receipt } = points.sides[map.side];
    drawHeading(map);
    const parts = receipt.flatMap(([what, value], i) => [
      `${i ? " · " : ""}${what} `,
      ...(value ? [Object.assign(document.createElement("code"), { textContent: value })] : []),
    ]);
    map.figure.querySelector(".maps-receipt").replaceChildren(...parts);
    const groups = colours?.groups.length ?? 0;
    map.plot.setAttribute(
      "aria-label",
      `Map of ${title}: ${points.sides[map.side].x.length} texts${groups > 1 ? ` in ${groups} groups` : ""}. ` +
        "Arrow keys move from text to text, Enter selects one, plus and minus zoom both maps."
    );
  }
  find(".maps-path").textContent = `${points.sides[0].title} → ${points.sides[1].title}`;
  find(".maps-morph").hidden = !points.sides[0].x.length;
}

// ---------------------------------------------------------------- pointing

function nearest(map, x, y, reach) {
  let [best, least] = [null, reach * reach];
  for (let row = 0; row < order.length; row++) {
    if (map.shown[row] === HIDDEN) continue;
    const far = (map.x[row] - x) ** 2 + (map.y[row] - y) ** 2 + (map.shown[row] === FADED ? 16 : 0);
    if (far < least) [best, least] = [row, far];
  }
  return best;
}

// Long names are told in short; a button of the legend has the whole one as its title.
const label = (name) => colours.shown?.[name] ?? name;

const named = (row) => {
  const group = colours.groups[colours.codes[row]];
  const value = colours.values?.[row] ?? (group.colour && colours.groups.length > 1 ? label(group.name) : null);
  return value === null ? "" : `${label(colours.title)}: ${value}`;
};

function hover(row, map) {
  if (row === hovered && map?.tip.hidden === (row === null)) return;
  hovered = row;
  for (const each of maps) each.tip.hidden = each !== map || row === null;
  if (row !== null && map) {
    map.tip.textContent = texts.texts[row] ?? "";
    if (named(row)) map.tip.append(Object.assign(document.createElement("small"), { textContent: named(row) }));
    const [x, y] = [map.x[row], map.y[row]];
    const wide = Math.min(map.tip.offsetWidth, map.width);
    map.tip.style.left = `${Math.min(Math.max(x - wide / 2, 4), Math.max(map.width - wide - 4, 4))}px`;
    map.tip.style.top = y > map.height / 2 ? `${Math.max(y - map.tip.offsetHeight - 12, 4)}px` : `${y + 14}px`;
  }
  maps.forEach(drawMarks);
}

function pick(row) {
  if (row !== null) trigger("select", { row });
}

// The next point is the nearest one within 45 degrees of the arrow's direction.
function step(map, dx, dy) {
  const seen = [...order.keys()].filter((row) => map.shown[row] === STRONG);
  if (hovered === null) return seen[0] ?? null;
  let [best, least] = [hovered, Infinity];
  for (const row of seen) {
    const [right, down] = [map.x[row] - map.x[hovered], map.y[row] - map.y[hovered]];
    const [ahead, aside] = [right * dx + down * dy, Math.abs(right * dy) + Math.abs(down * dx)];
    if (ahead > 0 && aside <= ahead && ahead + aside < least) [best, least] = [row, ahead + aside];
  }
  return best;
}

function onKey(event, map) {
  const arrows = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const zooms = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 };
  if (!points || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter") return pick(hovered);
  if (event.key === "Escape") return path ? endPath(false) : trigger("clear");
  if (event.key in zooms) return zoom(zooms[event.key]);
  if (!arrows[event.key]) return;
  event.preventDefault();
  hover(step(map, ...arrows[event.key]), map);
  spoken.textContent = hovered === null ? "" : `${texts.texts[hovered]} ${named(hovered)}`;
}

// ---------------------------------------------------------------- moving both maps

function zoom(factor, map = maps[0], x = map.width / 2, y = map.height / 2) {
  if (!points) return;
  if (!factor) view = { x: fit.x, y: fit.y, zoom: 1 };
  else {
    const before = scale(map);
    view.zoom = Math.min(Math.max(view.zoom * factor, 0.5), 200);
    const change = 1 / before - 1 / scale(map);
    view.x += (x - map.width / 2) * change;
    view.y -= (y - map.height / 2) * change;
  }
  hover(null);
  redraw();
}

function move(map, dx, dy) {
  view.x -= dx / scale(map);
  view.y += dy / scale(map);
  redraw();
}

const at = (map, event) => {
  const box = map.plot.getBoundingClientRect();
  return [event.clientX - box.x - map.plot.clientLeft, event.clientY - box.y - map.plot.clientTop];
};

// One pointer moves, draws a path or clicks; two pointers pinch.
function listen(map) {
  const down = new Map();
  let travelled = 0;
  map.plot.addEventListener("pointerdown", (event) => {
    if (!points || event.button) return;
    map.plot.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(map, event));
    travelled = 0;
    if (tool !== "pan" && down.size === 1) path = { side: map.side, places: [at(map, event)] };
  });
  map.plot.addEventListener("pointermove", (event) => {
    if (!points) return;
    const [x, y] = at(map, event);
    const before = down.get(event.pointerId);
    if (!before) return event.pointerType === "mouse" && hover(nearest(map, x, y, 12), map);
    travelled += Math.hypot(x - before[0], y - before[1]);
    down.set(event.pointerId, [x, y]);
    if (down.size === 2) {
      const [[otherX, otherY]] = [...down].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
      const far = ([a, b]) => Math.hypot(a - otherX, b - otherY) || 1;
      zoom(far([x, y]) / far(before), map, (x + otherX) / 2, (y + otherY) / 2);
      move(map, (x - before[0]) / 2, (y - before[1]) / 2);
    } else if (path) {
      path.places.push([x, y]);
      drawMarks(map);
    } else if (travelled > 4) move(map, x - before[0], y - before[1]);
  });
  const up = (event) => {
    const clicked = down.delete(event.pointerId) && travelled <= 4 && event.type === "pointerup";
    if (path) endPath(event.type === "pointerup" && travelled > 4);
    if (clicked) pick(nearest(map, ...at(map, event), event.pointerType === "touch" ? 22 : 12));
  };
  map.plot.addEventListener("pointerup", up);
  map.plot.addEventListener("pointercancel", up);
  map.plot.addEventListener("pointerleave", () => !down.size && hover(null));
  map.plot.addEventListener("keydown", (event) => onKey(event, map));
  map.plot.addEventListener(
    "wheel",
    (event) => {
      if (!points) return;
      event.preventDefault();
      zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 300) * 0.002), map, ...at(map, event));
    },
    { passive: false }
  );
}

// ---------------------------------------------------------------- selecting many

function outline() {
  const { places } = path;
  if (tool === "lasso") return places;
  const [[x0, y0], [x1, y1]] = [places[0], places.at(-1)];
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

function endPath(wanted) {
  const map = maps[path.side];
  const corners = outline();
  path = null;
  maps.forEach(drawMarks);
  if (!wanted) return;
  const rows = [...order.keys()].filter((row) => map.shown[row] && isMatch(row) && isInside(map.x[row], map.y[row], corners));
  choose(rows);
  spoken.textContent = `${rows.length} texts selected`;
  trigger("submit", { rows });
}

const isMatch = (row) => (texts.texts[row] ?? "").toLowerCase().includes(filter.value.trim().toLowerCase());

function isInside(x, y, corners) {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [[x0, y0], [x1, y1]] = [corners[i], corners[j]];
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside;
  }
  return inside;
}

function choose(rows) {
  selected = new Set(rows);
  if (!colours) return;
  sift();
  redraw();
}

function useTool(name) {
  tool = name;
  for (const button of root.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  root.dataset.tool = name;
}

// ---------------------------------------------------------------- from left to right

function setMorph(percent) {
  slider.value = percent;
  morph = percent / 100;
  find(".maps-morph output").textContent = `${Math.round(percent)} %`;
  if (points) drawHeading(maps[0]);
  const trails = find(".maps-trails");
  trails.hidden = !morph || !points?.churn.length;
  if (points) trails.querySelector("i").style.background = `linear-gradient(to right, ${points.trail.join()})`;
  redraw();
}

function play() {
  if (!points) return;
  const [start, begin] = [performance.now(), morph >= 1 ? 0 : morph];
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return setMorph(morph >= 1 ? 0 : 100);
  const turn = Symbol("turn");
  root.turn = turn;
  const frame = (now) => {
    if (root.turn !== turn) return;
    const done = Math.min((now - start) / 2500, 1);
    setMorph(100 * (begin + (1 - begin) * done));
    if (done < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

// ---------------------------------------------------------------- what the page is told

function onPoints() {
  const before = points;
  points = props.points ? JSON.parse(props.points) : null;
  find(".maps-empty").hidden = Boolean(points);
  if (!points) return element.querySelectorAll(".maps-receipt, h3").forEach((part) => part.replaceChildren());
  const count = points.sides[0].x.length;
  if (count !== order.length) order = shuffled(count);
  for (const map of maps) Object.assign(map, { x: new Float32Array(count), y: new Float32Array(count), shown: new Uint8Array(count) });
  faint = new Set(points.faint);
  if (before?.view !== points.view) {
    fitAll();
    setMorph(0);
    hovered = null;
  }
}

function onColours() {
  if (!props.colours) return;
  const title = colours?.title;
  colours = JSON.parse(props.colours);
  if (colours.title !== title) hidden = new Set();
  lit = null;
}

// Points, texts and colours of one drawing arrive together; until they fit each other the old picture stays.
function refresh() {
  onPoints();
  if (props.texts) texts = JSON.parse(props.texts);
  onColours();
  if (!points || !colours || colours.codes.length !== order.length) return;
  paint();
  listWords();
  drawLegend();
  drawTitles();
  sift();
  redraw();
}

function onStale() {
  const note = find(".maps-stale");
  note.hidden = !props.stale;
  note.textContent = props.stale || "";
  root.classList.toggle("maps-are-stale", Boolean(props.stale));
}

function savePicture() {
  const [gap, head] = [16, 34];
  const ratio = maps[0].raster.ratio;
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  Object.assign(canvas, { width: (2 * maps[0].width + gap) * ratio, height: (maps[0].height + head) * ratio });
  pen.fillStyle = `rgb(${background().join()})`;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.font = `${15 * ratio}px sans-serif`;
  pen.fillStyle = text();
  for (const map of maps) {
    const left = map.side * (map.width + gap) * ratio;
    pen.fillText(points.sides[map.side].title, left + 8 * ratio, 22 * ratio);
    for (const layer of [map.raster.canvas, map.marks]) pen.drawImage(layer, left, head * ratio);
  }
  const link = Object.assign(document.createElement("a"), { download: "mote-maps.png", href: canvas.toDataURL("image/png") });
  link.click();
}

maps.forEach(listen);
useTool("pan");
root.querySelectorAll("[data-tool]").forEach((button) => button.addEventListener("click", () => useTool(button.dataset.tool)));
root.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => zoom(+button.dataset.zoom)));
find(".maps-picture").addEventListener("click", () => points && savePicture());
find(".maps-play").addEventListener("click", play);
slider.addEventListener("input", () => {
  root.turn = null;
  setMorph(+slider.value);
});
filter.addEventListener("input", () => {
  if (!colours) return;
  sift();
  redraw();
});
watch(["points", "texts", "colours"], refresh);
watch(["marked", "spots"], () => {
  if (!colours) return;
  sift();
  redraw();
});
watch(["selected"], () => choose(props.selected ?? []));
watch(["stale"], onStale);
new ResizeObserver(redraw).observe(root);
new MutationObserver(() => colours && refresh()).observe(document.body, { attributeFilter: ["class"] });
// For whoever wants to know what is on the screen, as tests do.
root.asked = {
  place: (side, row) => {
    const box = maps[side].plot.getBoundingClientRect();
    return [box.x + maps[side].plot.clientLeft + maps[side].x[row], box.y + maps[side].plot.clientTop + maps[side].y[row]];
  },
  range: (side) => {
    const [half, high] = [maps[side].width / 2 / scale(maps[side]), maps[side].height / 2 / scale(maps[side])];
    return [view.x - half, view.x + half, view.y - high, view.y + high];
  },
  drawn: (side) => [...order.keys()].map((row) => place(side, row)),
  state: () => ({ shown: maps.map((map) => [...map.shown]), selected: [...selected], hovered, morph, order: [...order] }),
};
refresh();
choose(props.selected ?? []);
onStale();
