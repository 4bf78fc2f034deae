"""Take the pictures of the app that README.md and docs/tour.md show, and write docs/tour.md.

Usage: python scripts/screenshots.py [FOLDER]   (default: docs/images; docs/tour.md lies beside it)
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mote_demo.files import replacing
from mote_demo.settings import ROOT
from mote_demo.ui.app import launch_options, open_app
from reliability.browser import find_chromium, launched
from tests.walk import SIDES, VIEWPORTS, open_tab, pick_preset

_PATIENCE = 240_000


@dataclass(frozen=True)
class View:
    """Describe a picture: its file, its heading, what it shows, and how a visitor gets there from the view before."""

    name: str
    title: str
    words: str
    go: Callable[[Any], None]
    part: str = ""
    screen: str = "desktop"


def _start(page):
    page.locator("#mote-start-message .mote-meaning").last.wait_for()


def _loss(page):
    page.locator("#mote-start-tour").get_by_role("radio", name="A loss").check()
    page.wait_for_timeout(3000)


def _compare(page):
    open_tab(page, "Compare")
    page.get_by_label("Query", exact=True).fill("I was charged twice for the same order")
    page.get_by_label("Query", exact=True).press("Enter")
    page.get_by_text("query: I was charged twice").first.wait_for()
    page.locator("#compare-matrix table").wait_for()
    page.locator("#compare-answers").evaluate("part => part.scrollIntoView()")


def _matrix(page):
    page.locator("#compare-matrix table").wait_for()


def _lab(page):
    page.get_by_text("Instruction or expert? Take them apart").click()
    page.locator("#compare-lab-run").click()
    page.locator("#compare-lab-lists .mote-lab").wait_for()


def _disagree(page):
    page.locator("#mote-queries > button").click()
    page.locator("#mote-queries").get_by_role("button", name="Ask all").click()
    page.locator("#mote-queries-rows table, #mote-queries-rows li").first.wait_for()


def _similarity(page):
    page.locator("#mote-similarity > button").click()
    page.locator("#mote-similarity").get_by_role("button", name="Show similarities").click()
    page.locator("#mote-similarity table").first.wait_for()


def _map(page):
    open_tab(page, "Map")
    page.get_by_text("The right map is aligned").wait_for()
    page.get_by_role("button", name="Where is my parcel?").last.click()
    page.locator("#mote-map-panel ol").first.wait_for()
    page.locator("#mote-map-status").evaluate("part => part.scrollIntoView()")


def _two_tasks(page):
    pick_preset(page, "mote-map", "tasks")
    page.wait_for_timeout(2000)
    page.get_by_text("The right map is aligned").wait_for()
    page.locator("#mote-map-status").evaluate("part => part.scrollIntoView()")


def _classes(page):
    open_tab(page, "Classes")
    page.locator("#mote-classes-overview .mote-classes-headline").wait_for()
    page.locator("#mote-classes-overview [data-side=right]").nth(1).click()
    page.locator("#mote-classes-cell li").first.wait_for()
    page.locator("#mote-classes-status").evaluate("part => part.scrollIntoView()")


def _train(page):
    open_tab(page, "Train")
    page.locator("#mote-train-counts").get_by_text("240").first.wait_for()


def _trained(page):
    page.locator("#mote-train-start").click()
    page.locator("#mote-train-result table").first.wait_for()
    page.get_by_text("The baseline had the same training:").wait_for()
    page.locator("#mote-train-result").evaluate("part => part.scrollIntoView()")


def _own(page):
    open_tab(page, "Compare")
    pick_preset(page, "compare", "training")
    page.locator(f"{SIDES[1]} .mote-receipt").get_by_text("intent").first.wait_for()
    page.locator("#compare-answers").evaluate("part => part.scrollIntoView()")


def _experts(page):
    open_tab(page, "Experts")
    page.get_by_role("heading", name="Do the experts make different spaces?").wait_for()


def _about(page):
    open_tab(page, "About")
    page.get_by_role("heading", name="What MoTE is").wait_for()


VIEWS = (
    View("start", "One message, three meanings of near", "The page opens with an answer.", _start),
    View("loss", "A loss is shown too", "The tour's messages are chosen by rules, one of them for a loss.", _loss),
    View(
        "compare", "Two lenses, one query", "Lines join what both found; one badge says how far a text moved.", _compare
    ),
    View("matrix", "Every task", "The same query under every task of both models.", _matrix, "#compare-matrix"),
    View("lab", "Instruction or expert", "Which of the two does what, for one query.", _lab, "#compare-lab"),
    View("disagree", "Where they disagree", "Many queries, sorted by disagreement.", _disagree, "#mote-queries"),
    View("similarity", "A few texts", "Cosines of each two texts, in both lenses.", _similarity, "#mote-similarity"),
    View("map", "Two maps, one instrument", "A query, and the texts nearest to it in both spaces.", _map),
    View("tasks", "Two tasks of one model", "The same texts by topic and by class.", _two_tasks),
    View("classes", "Classes", "What each lens confuses, with the texts behind a cell.", _classes),
    View("train", "Rows of one's own", "What each column is for, why, and what the rows hold.", _train),
    View("trained", "An expert, and what was forgotten", "Scores with intervals, beside a dense twin.", _trained),
    View("own", "The expert at work", "Before and after one's own training.", _own),
    View("experts", "The experts", "How far they moved, and how alike the routes' spaces are.", _experts),
    View("about", "About", "What MoTE is, and what was measured.", _about),
    View("start-phone", "On a phone", "The first screen, 390 points wide.", _start, screen="phone"),
    View("compare-phone", "One list on a phone", "Both ranks stand beside each text.", _compare, screen="phone"),
    View("compare-dark", "In the dark", "The theme follows the system's.", _compare, screen="dark"),
)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    chromium = find_chromium()
    if chromium is None:
        sys.exit("The pictures need Chromium or Chrome; none was found.")
    demo = open_app()
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    with launched(chromium) as browser:
        for screen in dict.fromkeys(view.screen for view in VIEWS):
            page = browser.new_context(**VIEWPORTS[screen]).new_page()
            page.set_default_timeout(_PATIENCE)
            page.goto(address)
            for view in (view for view in VIEWS if view.screen == screen):
                _take(page, view, folder / f"{view.name}.png")
    with replacing(folder.parent / "tour.md") as temporary:
        temporary.write_text(_tour(folder.name), encoding="utf-8")
    demo.close()


def _take(page, view, path):
    view.go(page)
    page.wait_for_timeout(700)
    shown = page.locator(view.part) if view.part else page
    shown.screenshot(path=path, animations="disabled")
    print(path.name, flush=True)


def _tour(images):
    parts = [f"## {view.title}\n\n{view.words}\n\n![{view.title}]({images}/{view.name}.png)\n" for view in VIEWS]
    head = "# A tour of the app\n\nWritten with its pictures by `make screenshots`; edit nothing here by hand.\n"
    return "\n".join([head, *parts])


if __name__ == "__main__":
    main()
