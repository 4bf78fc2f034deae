"""The Train tab in a browser, on tiny models."""

import zipfile
from functools import partial

import gradio as gr
import pytest

from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.shared import threads
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.theme import css, theme
from mote_demo.ui.train import handlers as train_handlers
from mote_demo.ui.train.tab import build_train_tab

pytestmark = pytest.mark.browser

ANSWERS = (("cat", "old"), ("dog", "new"), ("car", "red"), ("road", "big"))
EVIL = "<img src=x onerror=window.hacked=1> ${window.hacked=2}"


@pytest.fixture(scope="module")
def sessions(open_shelf, tmp_path_factory):
    shelf = open_shelf(tmp_path_factory.mktemp("store"))
    return Sessions(partial(Session, shelf))


@pytest.fixture(scope="module")
def address(sessions):
    """Serve an app that has only this tab, where a training may take as long as it likes."""
    with Page() as demo, gr.Tab("Train"):
        build_train_tab(sessions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_handlers, "needs_timing", lambda *_: False)
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css=css())
        yield url
        demo.close()


def open_tab(page, address):
    page.goto(address)
    counted(page, "240 usable rows")


def counted(page, words):
    page.locator("#mote-train-counts").get_by_text(words).first.wait_for()


def change(page, label, value):
    field = page.get_by_label(label)
    if not field.is_visible():
        page.get_by_role("button", name="More settings").click()
        field.wait_for()
        # What is typed while Gradio still builds the field can be lost to its first value.
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    field.fill(str(value))
    field.blur()


def train(page, epochs=1):
    change(page, "Epochs", epochs)
    page.locator("#mote-train-start").click()
    page.locator("#mote-train-result table").first.wait_for()


def train_for_minutes(page):
    """Start a training that certainly runs until it is stopped: 45,000 steps."""
    change(page, "Epochs", 1000)
    change(page, "Rows in a batch", 4)
    page.locator("#mote-train-start").click()
    page.locator(".mote-curve").wait_for()


def upload(page, path):
    page.locator("#mote-train-upload input[type=file]").set_input_files(path)


def role_of(page, column):
    return page.get_by_label(f"Role of the column {column}", exact=True)


def own_routes(sessions):
    return [session.experts.names for session in sessions if session.experts]


@pytest.fixture(autouse=True)
def forget_visitors(sessions):
    yield
    sessions._visits.clear()
    # A training goes on for a while after its page was closed, and would be in the way of the next test.
    for thread, stop in list(threads._running.items()):
        stop.set()
        thread.join()


def test_the_sample_set_gives_an_expert_with_measurements_and_maps(page, address, sessions):
    open_tab(page, address)
    train(page)
    assert "60 held-out rows" in page.inner_text("#mote-train-result")
    page.locator("#mote-train-maps .maps-receipt code").first.wait_for()
    page.locator("#mote-train-experts").get_by_text("my-intent").wait_for()
    assert own_routes(sessions) == [["my-intent"]]


def test_another_visitor_does_not_see_the_expert(page, open_page, address):
    open_tab(page, address)
    train(page)
    other = open_page()
    open_tab(other, address)
    other.locator("#mote-train-experts").get_by_text("You have none yet").wait_for()
    assert other.locator("#mote-train-name input, #mote-train-name textarea").input_value() == "my-intent"


def test_a_bad_upload_is_explained_and_the_tab_goes_on_working(page, address, tmp_path):
    open_tab(page, address)
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 nothing")
    upload(page, bad)
    page.locator("#mote-train-data [role=alert]").get_by_text("bad.parquet").wait_for()
    page.get_by_text("The data below is still the sample set.").wait_for()
    train(page)


def test_an_upload_is_recognised_and_shown_as_text(page, address, sessions, tmp_path):
    open_tab(page, address)
    path = tmp_path / "mine.csv"
    lines = [f"{EVIL} a {animal} {number},animal{number % 2}" for number in range(20) for animal in ("cat",)]
    path.write_text("message,category\n" + "\n".join(lines))
    upload(page, path)
    counted(page, "20 usable rows")
    assert role_of(page, "category").input_value() == "Label"
    page.locator("#mote-train-texts").click()
    page.get_by_text("can be picked in Compare and Map").first.wait_for()
    train(page)
    assert page.evaluate("window.hacked") is None
    (session,) = (session for session in sessions if session.experts)
    assert [title for title, _ in session.texts_choices()][0] == "mine.csv"


def test_columns_that_do_not_fit_the_task_are_explained(page, address):
    open_tab(page, address)
    page.get_by_role("radio", name="Similarity").check()
    page.locator("#mote-train-counts [role=alert]").get_by_text("two columns of Text").wait_for()
    page.locator("#mote-train-start").click()
    page.locator("#mote-train-progress [role=alert]").get_by_text("two columns of Text").wait_for()
    page.get_by_role("radio", name="Classification").check()
    counted(page, "240 usable rows")
    train(page)


@pytest.mark.parametrize("decision", ["keep", "discard"])
def test_a_stopped_training_can_be_kept_or_discarded(page, address, sessions, decision):
    open_tab(page, address)
    train_for_minutes(page)
    page.locator("#mote-train-stop").click()
    page.locator("#mote-train-result table").first.wait_for()
    assert own_routes(sessions) == []
    page.locator(f"#mote-train-{decision}").click()
    page.locator(f"#mote-train-{decision}").wait_for(state="hidden")
    assert own_routes(sessions) == ([["my-intent"]] if decision == "keep" else [])


def test_a_second_training_waits_and_can_be_stopped_while_it_does(page, open_page, address, sessions, capfd):
    open_tab(page, address)
    train_for_minutes(page)
    other = open_page()
    open_tab(other, address)
    other.locator("#mote-train-start").click()
    other.get_by_text("Waiting for a free place").wait_for()
    other.locator("#mote-train-stop").click()
    page.locator("#mote-train-stop").click()
    other.get_by_text("Stopped before the first step").wait_for()
    other.locator("#mote-train-start:enabled").wait_for()
    page.locator("#mote-train-result table").first.wait_for()
    assert own_routes(sessions) == []
    assert "Traceback" not in capfd.readouterr().err


def test_a_setting_that_is_refused_before_the_training_leaves_nothing_turning(page, address):
    open_tab(page, address)
    change(page, "Epochs", -1)
    page.locator("#mote-train-start").click()
    page.get_by_test_id("toast-body").first.wait_for()
    page.locator("#mote-train-progress").get_by_text("Nothing is being trained").wait_for()
    page.locator("#mote-train-start:enabled").wait_for()
    change(page, "Epochs", 0)
    train(page)


def test_an_expert_can_be_downloaded_removed_and_plugged_in_again(page, address, sessions, tmp_path):
    open_tab(page, address)
    train(page)
    with page.expect_download() as download:
        page.locator("#mote-train-download").click()
    download.value.save_as(tmp_path / "expert.safetensors")
    page.locator("[data-mote-unsaved]").wait_for(state="detached")
    with page.expect_download() as model:
        page.get_by_role("button", name="Download as a model").click()
    with zipfile.ZipFile(model.value.path()) as packed:
        assert {"my-intent/model.safetensors", "my-intent/README.md"} <= set(packed.namelist())
    page.get_by_role("button", name="Download as a model").wait_for()
    page.locator("#mote-train-remove").click()
    page.get_by_text("You have none yet").wait_for()
    assert own_routes(sessions) == []
    page.locator("input[accept='.safetensors']").set_input_files(tmp_path / "expert.safetensors")
    page.locator("#mote-train-experts").get_by_text("my-intent").wait_for()
    assert own_routes(sessions) == [["my-intent"]]


def test_nothing_is_wider_than_a_phone(open_page, address):
    page = open_page(viewport={"width": 390, "height": 844})
    open_tab(page, address)
    train(page)
    page.locator("#mote-train-maps .maps-receipt code").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_another_label_column_counts_its_own_labels(page, address):
    open_tab(page, address)
    role_of(page, "mood").select_option("Label")
    page.locator("#mote-train-counts dt").get_by_text("cheerful").wait_for()
    assert role_of(page, "intent").input_value() == "Ignore"
    assert page.locator("#mote-train-name input, #mote-train-name textarea").input_value() == "my-mood"


def test_roles_are_changed_by_keyboard_and_the_task_follows(page, address, tmp_path):
    open_tab(page, address)
    path = tmp_path / "pairs.csv"
    rows = [f"where is my {n}th parcel,the parcel {n} is on its way,{n % 6}" for n in range(24)]
    path.write_text("sentence1,sentence2,score\n" + "\n".join(rows))
    upload(page, path)
    page.get_by_text("Rescaled the scores from 0..5 to 0..1.").wait_for()
    assert page.get_by_role("radio", name="Similarity").is_checked()
    role_of(page, "score").focus()
    page.keyboard.press("ArrowUp")
    page.locator("#mote-train-counts [role=alert]").wait_for()
    assert role_of(page, "score").evaluate("picker => picker === document.activeElement")
    role_of(page, "sentence1").select_option("Question")
    role_of(page, "sentence2").select_option("Answer")
    role_of(page, "score").select_option("Score")
    page.locator("#mote-train-counts").get_by_text("are no right answers").wait_for()
    page.get_by_role("radio", name="Retrieval").and_(page.locator(":checked")).wait_for()
    with page.expect_download() as saved:
        page.locator("#mote-train-problems").click()
    assert "is too low for a right answer" in saved.value.path().read_text()


def test_roles_fit_a_phone_in_the_dark(open_page, address):
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    open_tab(page, address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#mote-train-roles select").first.bounding_box()["height"] >= 24


def test_a_faq_is_advised_on_grown_beside_its_twin_and_repeated_by_a_command(page, address, sessions, tmp_path):
    open_tab(page, address)
    rows = [f"how is the {word} {number},the {word} is {kind}" for number in range(12) for word, kind in ANSWERS]
    path = tmp_path / "faq.csv"
    path.write_text("question,answer\n" + "\n".join(rows))
    upload(page, path)
    counted(page, "48 usable rows")
    page.locator("#mote-train-counts").get_by_text("Many questions share few answers").wait_for()
    # Of the sample set it is another route.
    advice = page.locator("#mote-train-advice")
    advice.get_by_text("'query' scores").wait_for()
    advice.get_by_text("by two timed steps").wait_for()
    twin = page.get_by_label("Do the same to the baseline")
    assert not twin.is_checked()
    twin.check()
    train(page)
    page.get_by_text("The baseline had the same training:").wait_for(timeout=120_000)
    result = page.locator("#mote-train-result")
    assert result.get_by_text("identical", exact=True).count() == 4
    result.get_by_text("routes of MoTE are the same, bit for bit").click()
    result.get_by_text("same as before").first.wait_for()
    result.get_by_text("Newly wrong").click()
    command = page.locator("#mote-train-command textarea").input_value()
    assert command.startswith("mote grow faq.csv --task retrieval --query question --positive answer")
    page.locator("#mote-train-maps .maps-receipt").get_by_text("pairs that were held out").first.wait_for()
    assert own_routes(sessions) == [["my-retrieval"]]


def test_texts_without_labels_are_trained_on_by_saying_so(page, address):
    open_tab(page, address)
    role_of(page, "intent").select_option("Ignore")
    page.locator("#mote-train-counts").get_by_text("Expect little").wait_for()
    page.locator("#mote-train-advice").get_by_text("Suggested").wait_for()
    page.get_by_label("Do the same to the baseline").uncheck()
    train(page)
    assert "--unlabelled" in page.locator("#mote-train-command textarea").input_value()


def test_rows_of_ones_own_are_measured_instead(page, address, tmp_path):
    open_tab(page, address)
    page.locator("#mote-train-advice").get_by_text("Suggested").wait_for()
    kinds = (("where is it", "question"), ("it is good", "praise"))
    rows = [f"{words} {number},{kind}" for number in range(5) for words, kind in kinds]
    path = tmp_path / "test.csv"
    path.write_text("text,intent\n" + "\n".join(rows))
    page.get_by_role("button", name="More settings").click()
    page.locator("#mote-train-test input[type=file]").set_input_files(path)
    counted(page, "10 of your test file")
