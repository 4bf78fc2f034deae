"""Frames of both maps while they are moved, in a browser without a graphics card."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.rows import ALTERNATIONS, Row
from mote_demo.explore.cluster_words import clusters_of
from mote_demo.explore.colouring import Colouring
from mote_demo.explore.linked_maps import Side, colours_json, points_json, texts_json, write_page
from reliability.browser import find_chromium, launched

_TEXTS, _GROUPS = 20_000, 28
_LONGEST_MS = 60
_SCREEN = {"width": 1440, "height": 900}
_MOVE = """async () => {
  const plot = document.querySelector(".maps-plot"), box = plot.getBoundingClientRect();
  plot.setPointerCapture = () => {};
  const send = (type, x, y) => plot.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, pointerType: "mouse", clientX: box.x + x, clientY: box.y + y, bubbles: true }));
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  send("pointerdown", 200, 200);
  let before = await frame();
  for (let step = 0; step < 60; step++) {
    send("pointermove", 200 + 90 * Math.sin(step / 5), 200 + 90 * Math.cos(step / 7));
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  send("pointerup", 200, 200);
  return times;
}"""


def frames() -> Iterator[Row]:
    """Hold the frames of a move of two maps, and of a move halfway between them, against 60 ms each."""
    chromium = find_chromium()
    if chromium is None:
        raise RuntimeError("Frames are counted in Chromium or Chrome; none was found.")
    with tempfile.TemporaryDirectory() as folder, launched(chromium) as browser:
        path = Path(folder) / "maps.html"
        _write(path)
        page = browser.new_page(viewport=_SCREEN)
        page.goto(path.as_uri())
        for what, percent in (("moved", 0), ("moved halfway from left to right, with trails", 50)):
            page.locator(".maps-morph input").fill(str(percent))
            page.evaluate(_MOVE)
            times = np.array([page.evaluate(_MOVE) for _ in range(ALTERNATIONS)])
            ratios = tuple((np.median(times, axis=1) / _LONGEST_MS).tolist())
            note = f"median {np.median(times):.0f} ms, slowest of {times.size} {times.max():.0f} ms; no graphics card"
            yield Row(f"Frame of two maps of {_TEXTS:,} texts, {what}", "60 ms", ratios, 1, "lower", note)


def _write(path: Path) -> None:
    random = np.random.default_rng(0)
    groups = random.integers(0, _GROUPS, _TEXTS)
    left = random.normal(scale=5, size=(_GROUPS, 2))[groups] + random.normal(size=(_TEXTS, 2))
    right = left + random.normal(scale=0.7, size=left.shape)
    texts = [f"text {row} of group {group}" for row, group in enumerate(groups.tolist())]
    colouring = Colouring.of([f"group {group}" for group in groups.tolist()], _TEXTS, "group")
    told = {
        "points": points_json((Side("Left", left), Side("Right", right)), view="", churn=random.random(_TEXTS)),
        "texts": texts_json(texts),
        "colours": colours_json(colouring, clusters_of(texts, (left, right), colouring)),
    }
    write_page(path, told)
