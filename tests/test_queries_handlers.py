"""What the panels below the answers do without a browser: sources of queries, waiting, failures, exports."""

import csv

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare.queries_panel import build_queries_panel
from mote_demo.ui.compare.similarity_panel import build_similarity_panel
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.visitor import visitor_of
from tests.handlers import VISITOR, TabHandlers

LENSES = ("baseline/similarity", "mote/similarity")
EVIL = "=HYPERLINK(1) <b>"


@pytest.fixture
def sessions(shelf):
    return Sessions(lambda: Session(shelf))


@pytest.fixture
def session(sessions):
    return sessions.of(visitor_of(VISITOR))


def names():
    return [gr.Textbox(), gr.Textbox()]


@pytest.fixture
def panel(sessions):
    with Page() as demo:
        build_queries_panel(sessions, names(), gr.Dropdown(), gr.Textbox())
    return TabHandlers(demo)


@pytest.fixture
def components(panel):
    return panel.components_of("run")


def run(panel, texts="samples", source="own", pasted=None, query=None, answer=None):
    """Return what each component is in the end."""
    updates = {}
    for step in panel("run", *LENSES, texts, source, pasted, query, answer):
        updates |= step
    return updates


def faq(session):
    frame = pd.DataFrame({"title": "", "text": ["a cat", "a dog", "a bird"]})
    return session.add_texts(Texts("faq", "FAQ", frame, questions=("the cat?", EVIL, ""))).name


def test_questions_of_the_texts_are_asked_with_their_answers_and_can_be_filtered(panel, components, session):
    updates = run(panel, faq(session))
    assert "2 queries to FAQ" in updates[components.headline]
    assert "by Student’s t" in updates[components.headline]
    assert updates[components.outcome]["visible"]
    counts = [label for label, _ in updates[components.outcome]["choices"]]
    assert counts[0] == "all (2)"
    parts = [panel("filter", outcome)[components.rows].count("<tr>") for outcome in ("won", "lost", "tied")]
    assert sum(max(0, rows - 1) for rows in parts) == 2


def test_sample_queries_have_no_scores_to_filter_by(panel, components):
    updates = run(panel)
    assert "nDCG" not in updates[components.headline]
    assert not updates[components.outcome]["visible"]
    assert updates[components.rows].count("data-query") == 6


def test_no_spreadsheet_takes_a_query_for_a_formula_and_pages_get_it_escaped(panel, components, session):
    updates = run(panel, faq(session))
    assert "<b>" not in updates[components.rows]
    with open(panel("save")[components.export], encoding="utf-8-sig", newline="") as file:
        assert {row["query"] for row in csv.DictReader(file)} == {"the cat?", f"'{EVIL}"}


@pytest.mark.parametrize(("source", "words"), [("pasted", "paste some"), ("file", "no file of queries")])
def test_a_source_without_queries_is_explained_and_the_button_is_back(panel, components, source, words):
    steps = panel("run", *LENSES, "samples", source, " \n", None, None)
    updates = {**next(steps), **next(steps)}
    with pytest.raises(UserError, match=words):
        next(steps)
    assert updates[components.run]["interactive"]
    assert words in updates[components.status]
    with pytest.raises(UserError, match="nothing to export"):
        panel("save")


def test_a_file_offers_its_columns_and_its_answers_can_be_left_out(panel, components, tmp_path):
    path = tmp_path / "queries.csv"
    pd.DataFrame({"question": ["a cat", "a dog"], "row": [3, 4]}).to_csv(path, index=False)
    offered = panel("read_file", str(path))
    assert offered[components.query]["value"] == "question"
    assert offered[components.answer]["value"] == "row"
    assert "hit@1" in run(panel, source="file", query="question", answer="row")[components.headline]
    assert "hit@1" not in run(panel, source="file", query="question", answer="(none)")[components.headline]
    assert not panel("read_file", None)[components.columns]["visible"]


def test_a_list_says_when_it_is_for_other_lenses_or_texts(panel, components):
    assert not panel("tell_age", *LENSES, "samples")[components.age]["visible"]
    run(panel)
    assert not panel("tell_age", *LENSES, "samples")[components.age]["visible"]
    assert panel("tell_age", *LENSES, "python-docs")[components.age]["visible"]
    assert panel("tell_age", *LENSES[::-1], "samples")[components.age]["visible"]


@pytest.fixture
def similarity(sessions):
    with Page() as demo:
        build_similarity_panel(sessions, names())
    return TabHandlers(demo)


def test_a_list_is_compared_and_again_through_other_lenses(similarity):
    components = similarity.components_of("show")
    shown = similarity("show", *LENSES, "the cat\n\n a dog \nthe bird <b>")
    assert shown[components.heat].count('data-pair="0 1"') >= 2
    assert "<b>bird" not in shown[components.heat]
    assert "&lt;b&gt;" in shown[components.heat]
    assert [label for label, _ in shown[components.first]["choices"]] == ["1. the cat", "2. a dog", "3. the bird <b>"]
    again = similarity("show_again", "baseline/clustering", "mote/clustering")
    assert again[components.heat] != shown[components.heat]


def test_cosines_of_a_pair_come_before_where_they_stand(similarity):
    components = similarity.components_of("show")
    assert not similarity("show", *LENSES, "the cat\na dog")[components.pickers]["visible"]
    pages = [step[components.pair] for step in similarity("compare", *LENSES, 0, 1) if components.pair in step]
    assert len(pages) == 2
    assert "%" not in pages[0].replace("width: ", "").split("<tbody>")[1].split("</tbody>")[0]
    assert pages[1].count(" %") >= 8


def test_nothing_is_compared_before_texts_are_given(similarity):
    components = similarity.components_of("show")
    assert components.pair not in next(similarity("compare", *LENSES, None, None))
    assert "__type__" in str(similarity("show_again", *LENSES)[components.heat])
    with pytest.raises(UserError, match="2 to 50"):
        similarity("show", *LENSES, "alone")
