"""The page's address says what is shown: a link shows the same, Back goes back, a reload finds what is one's own."""

import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from mote_demo.ui.app import build_app, launch_options
from tests.walk import SIDES, open_tab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shelf(open_shelf, tmp_path_factory):
    return open_shelf(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def address(shelf):
    demo = build_app(shelf)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


def shown(page):
    """Return what the address says."""
    return {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}


def test_a_link_shows_a_colleague_the_same(page, open_page, address):
    page.goto(f"{address}?tab=compare&left=untouched&right=mote%2Fsts&texts=samples&q=the+cat&k=4&label=mood")
    page.locator(f"{SIDES[1]}[data-lens='mote/sts'] .mote-hit").nth(3).wait_for()
    page.wait_for_function("location.search.includes('label=mood')")
    assert page.locator(f"{SIDES[0]} .mote-hit").count() == 4
    assert page.get_by_label("Query", exact=True).input_value() == "the cat"
    assert page.locator("#compare-task").get_by_role("radio", name="Similarity").is_checked()
    page.get_by_label("Query", exact=True).fill("a dog")
    page.get_by_label("Query", exact=True).press("Enter")
    page.wait_for_function("location.search.includes('q=a+dog')")
    other = open_page()
    other.goto(page.url)
    other.locator(f"{SIDES[1]} .mote-hit").nth(3).wait_for()
    texts = [each.locator(".mote-answers .mote-hit").all_inner_texts() for each in (page, other)]
    assert texts[0] == texts[1]
    assert shown(other) == shown(page)


def test_a_link_that_cannot_be_followed_says_why_and_shows_the_first_comparison(page, address):
    page.goto(f"{address}?tab=compare&left=nope%2Fsts&right=mote%2Fsts&texts=gone&k=zero")
    page.get_by_test_id("toast-body").get_by_text("The link cannot be followed").wait_for()
    page.locator(f"{SIDES[1]}[data-lens='mote/retrieval'] .mote-hit").first.wait_for()


def test_back_opens_the_tab_before(page, address):
    page.goto(f"{address}?tab=compare")
    page.locator(f"{SIDES[1]} .mote-hit").first.wait_for()
    open_tab(page, "Experts")
    page.wait_for_function("location.search.includes('tab=experts')")
    open_tab(page, "About")
    page.wait_for_function("location.search.includes('tab=about')")
    page.go_back()
    page.wait_for_function("document.querySelector('[role=tab][aria-selected=true]')?.dataset.tabId == 'experts'")
    page.go_back()
    page.wait_for_function("document.querySelector('[role=tab][aria-selected=true]')?.dataset.tabId == 'compare'")
    assert shown(page)["tab"] == "compare"


def test_a_link_opens_the_map_with_its_colour(page, address):
    page.goto(f"{address}?tab=map&left=baseline%2Fsts&right=mote%2Fsts&texts=samples&colour=mood&neighbours=7")
    page.wait_for_function("document.querySelector('[role=tab][aria-selected=true]')?.dataset.tabId == 'map'")
    page.locator("#mote-map-summary").get_by_text("Neighbours").first.wait_for()
    assert shown(page)["colour"] == "mood"
    assert shown(page)["neighbours"] == "7"
    assert shown(page)["right"] == "mote/sts"


def test_a_reload_finds_the_visitors_own_texts_again_and_another_tab_does_not(page, open_page, address, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,topic\nmy own cat is here,a\nmy own dog is there,b\n", encoding="utf-8")
    page.goto(f"{address}?tab=compare")
    page.locator(f"{SIDES[1]} .mote-hit").first.wait_for()
    page.get_by_role("button", name="Add your own texts").first.click()
    page.locator("input[type=file]").first.set_input_files(path)
    page.locator(f"{SIDES[1]} .mote-hit", has_text="my own cat").wait_for()
    page.wait_for_function("location.search.includes('texts=upload')")
    page.reload()
    page.locator(f"{SIDES[1]} .mote-hit", has_text="my own cat").wait_for()
    stranger = open_page()
    stranger.goto(page.url)
    stranger.locator(f"{SIDES[1]} .mote-hit").first.wait_for()
    assert "my own cat" not in stranger.locator("#compare-answers").inner_text()


def test_the_same_in_python_runs_as_it_stands_and_answers_the_same(page, address, monkeypatch):
    page.goto(f"{address}?tab=compare&left=untouched&right=mote%2Fclustering&texts=samples&q=a+%22late%22+parcel&k=2")
    page.locator(f"{SIDES[1]}[data-lens='mote/clustering'] .mote-hit").nth(1).wait_for()
    page.get_by_text("The same in Python").first.click()
    lines = page.locator("#compare-code .cm-line").all_inner_texts()
    code = "\n".join(lines)
    assert "mote.Lens.load('mote/clustering')" in code
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    assert "mote/clustering" in run.stdout


def test_the_switch_of_the_theme_is_kept_in_this_browser(page, address):
    page.goto(f"{address}?tab=about")
    switch = page.get_by_role("button", name="Dark", exact=True)
    switch.click()
    assert page.locator("body.dark").count() == 1
    page.reload()
    page.locator(".mote-theme[aria-pressed=true]").wait_for()
    assert page.locator("body.dark").count() == 1
    switch.click()
    assert page.locator("body.dark").count() == 0


def test_tab_stops_once_at_a_group_of_radio_buttons_at_the_chosen_one(page, address):
    page.goto(f"{address}?tab=compare&left=baseline%2Fsts&right=mote%2Fsts")
    group = page.locator("#compare-task")
    chosen = group.get_by_role("radio", name="Similarity")
    page.locator(f"{SIDES[1]}[data-lens='mote/sts'] .mote-hit").first.wait_for()
    chosen.focus()
    page.keyboard.press("ArrowLeft")
    page.locator(f"{SIDES[1]}[data-lens='mote/clustering'] .mote-hit").first.wait_for()
    inside = "() => document.activeElement.closest('#compare-task') !== null"
    assert page.evaluate("document.activeElement.closest('label').innerText.trim()") == "Clustering"
    page.keyboard.press("Tab")
    assert not page.evaluate(inside)
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.closest('label').innerText.trim()") == "Clustering"
