"""What the Classes tab answers, and when."""

import gradio as gr
import numpy as np
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.classes import html as classes_html
from mote_demo.ui.classes.tab import build_classes_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.visitor import visitor_of
from tests.handlers import VISITOR, TabHandlers, all_values, values
from tests.test_classes import compare

EVIL = "the <img src=x onerror=window.hacked=1> ${window.hacked=2} cat"
LENSES = ("baseline/classification", "mote/classification")
WORDS = [EVIL, "the dog", "the bird", "the fish", "the car", "the train", "the plane", "the road"]


@pytest.fixture
def sessions(shelf):
    sessions = Sessions(lambda: Session(shelf))
    session = sessions.of(visitor_of(VISITOR))
    frame = pd.DataFrame({"title": "", "text": WORDS, "kind": [EVIL] * 4 + ["thing"] * 4, "none": ""})
    session.add_texts(Texts("upload", "Things", frame, labels=("kind", "none")))
    session.add_texts(Texts("upload", "Plain", frame[["title", "text"]]))
    return sessions


@pytest.fixture
def tab(sessions):
    with Page() as demo, gr.Tab("Classes") as tab:
        build_classes_tab(sessions).bind(tab, Opening(demo, sessions))
    return TabHandlers(demo)


def measure(tab, texts="upload-1", label="kind", k=3, lenses=LENSES):
    return all_values(tab("measure", *lenses, texts, label, k))


def opened(tab, **cell):
    return values(tab.handlers["open_cell"](gr.EventData(None, cell), VISITOR))["mote-classes-cell"]


def test_the_page_opens_with_the_task_that_tells_classes(tab):
    begun = values(tab("begin", ""))
    assert begun["mote-classes-right-look"]["value"] == "classification"
    choices = values(tab("describe_texts", "samples", None))["mote-classes-label"]["choices"]
    assert [name for _, name in choices] == ["topic", "intent", "mood"]


def test_both_lenses_are_measured_and_nothing_of_a_text_becomes_html(tab):
    shown = measure(tab)
    overview, details = (shown[f"mote-classes-{part}"]["value"] for part in ("overview", "details"))
    assert "The 3 nearest texts tell the kind of" in overview
    assert overview.count("<figure") == 2
    assert "lens <code>baseline/classification</code>" in overview
    assert "8 texts from Things in 2 classes of “kind”" in shown["mote-classes-status"]
    assert "<img" not in overview + details
    assert "Only" in details


def test_a_cell_opens_its_texts_with_what_both_lenses_say(tab):
    measure(tab)
    panel = opened(tab, side="right", actual=0, predicted=0) + opened(tab, side="right", actual=0, predicted=1)
    assert "tells right" in panel
    assert panel.count("the dog") == 1
    assert "<img" not in panel


def test_what_is_shown_already_is_not_measured_again_and_what_is_old_is_pale(tab):
    assert measure(tab)["mote-classes-overview"]["elem_classes"] == []
    again = list(tab("measure", *LENSES, "upload-1", "kind", 3))
    assert len(again) == 1
    assert "value" not in values(again[0])["mote-classes-overview"]
    other = tab("measure", *LENSES, "upload-1", "kind", 2)
    assert values(next(other))["mote-classes-overview"]["elem_classes"] == ["mote-stale"]
    stopped = values(tab("stop"))
    assert "What is shown belongs to tiny baseline · Classification and tiny MoTE" in stopped["mote-classes-status"]


@pytest.mark.parametrize(
    ("texts", "label", "words"),
    [
        ("upload-1", "none", "No text of Things has a none"),
        ("upload-2", None, "Plain has no column of labels"),
        ("upload-9", "kind", "upload-9"),
    ],
)
def test_what_cannot_be_measured_is_said_in_the_status_line_too(tab, texts, label, words):
    steps = []
    with pytest.raises(UserError, match=words):
        steps.extend(map(values, tab("measure", *LENSES, texts, label, 3)))
    shown = steps[-1]
    assert words in str(shown["mote-classes-status"])
    assert shown["mote-classes-measure"]["interactive"]


def test_files_hold_every_text_and_every_class(tab):
    with pytest.raises(UserError, match="Nothing was measured yet"):
        tab("save_texts")
    measure(tab)
    texts = pd.read_csv(values(tab("save_texts"))["mote-classes-file"])
    assert texts["text"].tolist() == WORDS
    assert {"baseline/classification margin", "mote/classification predicted"} <= set(texts)
    assert len(pd.read_csv(values(tab("save_classes"))["mote-classes-file"])) == 2


def test_of_many_classes_the_most_confused_have_rows_and_the_rest_is_one():
    labels = [f"class {number:02}" for number in range(30) for _ in range(3)]
    places = np.arange(90) * 2.0
    places[:60] = np.random.default_rng(0).permutation(places[:60])
    classes = compare(labels, places, k=2)
    matrix = classes_html.Matrix.of(classes, 0)
    assert matrix.counts.sum() == 90
    assert len(matrix.shown) == 21
    assert matrix.shown[-1] == classes_html.OTHERS
    for row, actual in enumerate(matrix.shown):
        for column, predicted in enumerate(matrix.shown):
            assert len(classes_html.positions_of(classes, 0, actual, predicted)) == matrix.counts[row, column]


def test_the_headline_follows_from_the_numbers():
    labels, apart = ["a"] * 10 + ["b"] * 10, [*range(10), *range(90, 100)]
    mixed = [*range(0, 20, 2), *range(1, 20, 2)]
    told = classes_html.headline(compare(labels, mixed, apart, k=3))
    assert "100 % of the texts in model/right" in told
    assert "model/right is" in told
    assert "more than chance" in told
    assert "Both tell equally many right." in classes_html.headline(compare(labels, apart, k=3))
