"""A visitor's way through the whole app, for tests and for pictures."""

from collections.abc import Iterator

from mote_demo.serving.presets import PRESETS

VIEWPORTS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}
"""Playwright's options for each kind of screen."""

SIDES = ("#compare-answers .mote-side-left", "#compare-answers .mote-side-right")
COMPARISONS = {
    "gain": ("untouched", "mote/retrieval"),
    "parts": ("baseline/retrieval", "mote/retrieval?instruction=off"),
    "wrong": ("mote/retrieval", "mote/retrieval?expert=clustering"),
    "tasks": ("mote/clustering", "mote/classification"),
    "training": ("mote/sts", "mote/mine"),
    "models": ("baseline/retrieval", "mote/retrieval"),
}
"""The lenses of each preset for retrieval, and for an expert "mine" that was grown from "sts"."""
_PATIENCE = 180_000
"""Milliseconds; a first map compiles UMAP, which takes most of a minute on a slow machine."""


def walk(page) -> Iterator[str]:
    """Use every tab on the sample set; yield the name of each state that is worth a look."""
    page.set_default_timeout(_PATIENCE)
    yield from _start(page)
    yield from _compare(page)
    yield from _map(page)
    yield from _classes(page)
    yield from _train(page)
    yield from _experts(page)
    yield from _about(page)


def pick_preset(page, tab: str, preset: str) -> None:
    """Click a preset of a tab, "compare" or "mote-map"."""
    page.locator(f"#{tab}-preset").get_by_role("radio", name=PRESETS[preset].title, exact=True).check()


def open_tab(page, name: str) -> None:
    """Click a tab, which on a phone may be in a menu."""
    page.get_by_role("tab").first.wait_for()
    tab = page.get_by_role("tab", name=name, exact=True)
    if tab.count():
        tab.click()
    else:
        page.get_by_role("button", name="More tabs").click()
        page.locator(".overflow-dropdown button", has_text=name).click()


def _start(page) -> Iterator[str]:
    page.locator("#mote-start-message .mote-meaning").last.wait_for()
    yield "start"


def _compare(page) -> Iterator[str]:
    open_tab(page, "Compare")
    page.locator(SIDES[1]).wait_for()
    yield "compare"
    page.get_by_role("radio", name="Classification").check()
    page.locator(f"{SIDES[1]} .mote-votes").wait_for()
    yield "vote"


def _map(page) -> Iterator[str]:
    open_tab(page, "Map")
    page.get_by_text("The right map is aligned").wait_for()
    page.get_by_role("button", name="Where is my parcel?").last.click()
    page.locator("#mote-map-panel ol").first.wait_for()
    page.locator("#mote-map-status").evaluate("part => part.scrollIntoView()")
    yield "map"


def _classes(page) -> Iterator[str]:
    open_tab(page, "Classes")
    page.locator("#mote-classes-overview .mote-classes-headline").wait_for()
    page.locator("#mote-classes-overview [data-side=right]").nth(1).click()
    page.locator("#mote-classes-cell li").first.wait_for()
    page.locator("#mote-classes-status").evaluate("part => part.scrollIntoView()")
    yield "classes"


def _train(page) -> Iterator[str]:
    open_tab(page, "Train")
    page.locator("#mote-train-counts").get_by_text("240").first.wait_for()
    yield "train"
    page.locator("#mote-train-start").click()
    page.locator("#mote-train-result table").first.wait_for()
    page.locator("#mote-train-maps .maps-receipt code").first.wait_for()
    page.locator("#mote-train-progress").evaluate("part => part.scrollIntoView()")
    yield "trained"
    open_tab(page, "Compare")
    pick_preset(page, "compare", "training")
    page.locator(f"{SIDES[1]} .mote-receipt").get_by_text("intent").first.wait_for()
    yield "own-expert"


def _experts(page) -> Iterator[str]:
    open_tab(page, "Experts")
    page.get_by_role("heading", name="Do the experts make different spaces?").wait_for()
    yield "experts"


def _about(page) -> Iterator[str]:
    open_tab(page, "About")
    page.get_by_role("heading", name="What MoTE is").wait_for()
    yield "about"
