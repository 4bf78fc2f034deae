"""The whole app on the real checkpoints, on a large and a small screen; it leaves screenshots to look at."""

from pathlib import Path

import pytest

from mote_demo.evaluation.report import load_report
from mote_demo.serving.shelf import Shelf
from mote_demo.settings import checkpoints_folder, report_file, shipped_experts_file, spaces_file, summary_file
from mote_demo.study.results import load_results, read_shipped
from mote_demo.ui.app import build_app, launch_options
from tests.accessibility import faults_of
from tests.instrument import Instrument
from tests.walk import SIDES, VIEWPORTS, pick_preset, walk

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    shelf = Shelf.open(checkpoints_folder(), tmp_path_factory.mktemp("cache"))
    report = load_report(report_file()) if report_file().is_file() else None
    demo = build_app(shelf, report, load_results(spaces_file(), summary_file()), read_shipped(shipped_experts_file()))
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield address
    demo.close()


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_a_visitor_compares_maps_and_trains(open_page, address, screen):
    SCREENSHOTS.mkdir(exist_ok=True)
    page = open_page(**VIEWPORTS[screen])
    page.goto(address)
    for step in walk(page):
        page.screenshot(path=SCREENSHOTS / f"{step}-{screen}.png", animations="disabled")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{step} is wider than the screen"
        assert faults_of(page) == []
        check = CHECKS.get(step)
        if check is not None:
            check(page)


def _both_sides_answer_with_receipts(page):
    for side, expert in zip(SIDES, ("no expert of its own", "expert “query”"), strict=True):
        assert page.locator(f"{side} .mote-hit").count() == 10
        assert expert in page.locator(f"{side} .mote-receipt summary").inner_text()
        assert "query: " in page.locator(f"{side} .mote-receipt summary").inner_text()


def _every_text_is_on_both_maps(page):
    maps = Instrument(page, "#mote-map-maps")
    for side in (0, 1):
        assert len(maps.drawn(side)) == 240
        assert min(maps.shown(side)) > 0


def _whoever_leaves_an_expert_that_exists_nowhere_else_is_asked_and_can_stay(page):
    page.evaluate("window.sameVisit = true")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    assert not page.is_closed()
    pick_preset(page, "compare", "models")
    page.locator(f"{SIDES[0]} .mote-receipt").get_by_text("no expert of its own").first.wait_for()
    pick_preset(page, "compare", "training")
    page.locator(f"{SIDES[1]} .mote-receipt").get_by_text("intent").first.wait_for()
    assert page.evaluate("window.sameVisit"), "the page began anew"


CHECKS = {
    "compare": _both_sides_answer_with_receipts,
    "map": _every_text_is_on_both_maps,
    "own-expert": _whoever_leaves_an_expert_that_exists_nowhere_else_is_asked_and_can_stay,
}
