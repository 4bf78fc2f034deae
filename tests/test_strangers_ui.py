"""A stranger's file, from upload to an expert that is used, taken along and plugged in again, on two screens."""

import pandas as pd
import pytest

from mote_demo.ui.app import build_app, launch_options
from tests.walk import SIDES, VIEWPORTS, open_tab, pick_preset

pytestmark = pytest.mark.browser

ANIMALS, ROADS = ("cat", "dog", "bird", "fish"), ("road", "train", "car", "plane")
SCORES = ("0", "1", "2,5", "4", "5")


@pytest.fixture(scope="module")
def address(open_shelf, tmp_path_factory):
    demo = build_app(open_shelf(tmp_path_factory.mktemp("store")))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


def workbook(folder):
    """Tickets as a team exports them: an id, who labelled, and the label last."""
    rows = [
        (7000 + number, ("ann", "bob")[number % 2], f"the {word} number {number} is {state} again", topic)
        for number in range(6)
        for state in ("late", "lost")
        for topic, words in (("animals", ANIMALS), ("traffic", ROADS))
        for word in words[:2]
    ]
    pd.DataFrame(rows, columns=["id", "annotator", "Body", "Topic"]).to_excel(folder / "tickets.xlsx", index=False)
    return folder / "tickets.xlsx"


def scored_pairs(folder):
    """Pairs with decimal commas and semicolons, as a European spreadsheet writes them."""
    lines = [
        f"the {ANIMALS[number % 4]} {number} is {state} today;my {ANIMALS[number % 3]} {number} was {state};{score}"
        for number in range(10)
        for state, score in zip(("late", "lost", "big", "old", "new"), SCORES, strict=True)
    ]
    (folder / "pairs.csv").write_text("first;second;similarity\n" + "\n".join(lines), "utf-8-sig")
    return folder / "pairs.csv"


def faq(folder):
    answers = (("cat", "old"), ("dog", "new"), ("car", "red"), ("road", "big"))
    lines = [f"how is the {word} {number},the {word} is {kind}" for number in range(12) for word, kind in answers]
    (folder / "faq.csv").write_text("question,answer\n" + "\n".join(lines), "utf-8")
    return folder / "faq.csv"


FILES = {
    "a workbook of labelled tickets": (workbook, "Classification", {"Body": "Text", "Topic": "Label", "id": "Ignore"}),
    "scored pairs": (scored_pairs, "Similarity", {"first": "Text", "second": "Text", "similarity": "Score"}),
    "an FAQ": (faq, "Retrieval", {"question": "Question", "answer": "Answer"}),
}


@pytest.mark.parametrize(
    ("file", "screen"),
    [("a workbook of labelled tickets", "phone"), ("scored pairs", "desktop"), ("an FAQ", "phone")],
)
def test_a_file_becomes_an_expert_that_is_used_taken_along_and_plugged_in_again(
    open_page, address, tmp_path, file, screen
):
    write, task, roles = FILES[file]
    page = open_page(**VIEWPORTS[screen])
    page.set_default_timeout(120_000)
    page.goto(address)
    open_tab(page, "Train")
    page.locator("#mote-train-counts").get_by_text("240 usable rows").first.wait_for()
    page.locator("#mote-train-upload input[type=file]").set_input_files(write(tmp_path))
    page.get_by_role("radio", name=task).and_(page.locator(":checked")).wait_for()
    for column, role in roles.items():
        assert page.get_by_label(f"Role of the column {column}", exact=True).input_value() == role
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    name = page.locator("#mote-train-name input, #mote-train-name textarea").input_value()
    page.locator("#mote-train-start").click()
    page.locator("#mote-train-result table").first.wait_for()

    open_tab(page, "Compare")
    pick_preset(page, "compare", "training")
    page.locator(f"{SIDES[1]} .mote-receipt").get_by_text(f"expert “{name}”").first.wait_for()

    open_tab(page, "Train")
    with page.expect_download() as download:
        page.locator("#mote-train-download").click()
    download.value.save_as(tmp_path / "mine.safetensors")
    page.locator("#mote-train-remove").click()
    page.get_by_text("You have none yet").wait_for()
    page.locator("input[accept='.safetensors']").set_input_files(tmp_path / "mine.safetensors")
    page.locator("#mote-train-experts").get_by_text(name).wait_for()
    open_tab(page, "Compare")
    pick_preset(page, "compare", "models")
    pick_preset(page, "compare", "training")
    page.locator(f"{SIDES[1]} .mote-receipt").get_by_text(f"expert “{name}”").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
