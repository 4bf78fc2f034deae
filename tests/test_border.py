import json
import logging
import math
import warnings
from dataclasses import replace
from functools import partial

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.tables import Table
from mote_demo.data.uploads import to_texts
from mote_demo.errors import UserError
from mote_demo.event_log import begin_log, note
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.app import build_app
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.map import handlers as map_handlers
from mote_demo.ui.shared.border import FAILED, Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.visitor import visitor_of
from mote_demo.ui.train import handlers as train_handlers
from reliability.calling import EVENTS, HALF, ODD, Caller, handlers_of, usual_values

FEW = [None, HALF, [], {}, -1]


@pytest.fixture(scope="module")
def demo(open_shelf, tmp_path_factory):
    demo = build_app(open_shelf(tmp_path_factory.mktemp("store")))
    yield demo
    demo.close()


@pytest.fixture
def log(caplog):
    logger = logging.getLogger("mote_demo")
    logger.propagate = True
    with caplog.at_level(logging.INFO, logger="mote_demo"):
        yield caplog


def _calls(function):
    """List (values, event) with odd values in all places at once, and in one place beside the values of a new page."""
    usual = usual_values(function)
    for odd in ODD:
        if usual:
            yield [odd] * len(usual), None
        for place in range(len(usual) if odd in FEW else 0):
            yield [*usual[:place], odd, *usual[place + 1 :]], None
        if function.collects_event_data:
            yield usual, dict.fromkeys(EVENTS, odd)
    yield usual, HALF


def _too_slow(*_):
    raise UserError("This takes seconds, and other tests do it.")


def test_no_value_makes_any_handler_fail(demo, log, capfd, monkeypatch):
    monkeypatch.setattr(map_handlers, "SECONDS_BEFORE_DRAWING", 0)
    monkeypatch.setattr(train_handlers, "suggest", _too_slow)
    monkeypatch.setattr(train_handlers, "estimate", _too_slow)
    visitor, failures, count = Caller(demo), [], 0
    for function in handlers_of(demo):
        for values, event in _calls(function):
            count += 1
            try:
                visitor.call(function, values, event, steps=2)
            except gr.Error as error:
                if FAILED in error.message or error.print_exception:
                    failures.append((function.name, values, event, log.messages[-1:], log.records[-1].facts))
            except Exception as error:  # noqa: BLE001 - anything else is what the test is for
                failures.append((function.name, values, event, repr(error)))
    assert count > 1000
    assert not failures, f"{len(failures)} of {count}, such as {failures[:: max(1, len(failures) // 25)]}"
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err


def page_of(handler, **options):
    """Return a page with one button for a handler of one text."""
    with Page() as page:
        box = gr.Textbox(label="Words")
        gr.Button().click(handler, [box], [gr.Textbox()], **options)
    return page


def only(page):
    return next(iter(page.fns.values()))


@pytest.mark.parametrize(("options", "escaped"), [({"api_visibility": "private"}, True), ({"api_name": "ask"}, False)])
@pytest.mark.parametrize("streams", [False, True])
def test_an_expected_failure_is_html_for_the_page_and_plain_for_programs(options, escaped, streams):
    def fail(words):
        raise UserError("No file 'a<img src=x>' & more.")

    def fail_later(words):
        yield "first"
        fail(words)

    page = page_of(fail_later if streams else fail, **options)
    with pytest.raises(gr.Error) as raised:
        Caller(page).call(only(page), ["x"])
    told = "No file 'a&lt;img src=x&gt;' &amp; more." if escaped else "No file 'a<img src=x>' & more."
    assert raised.value.message == told
    assert not raised.value.print_exception


@pytest.mark.parametrize("streams", [False, True])
def test_a_mistake_of_the_app_is_one_line_in_the_log_without_the_visitors_words(streams, log, capfd):
    def fail(words):
        raise KeyError(f"secret {words}")

    async def fail_in_turn(words):
        yield "first"
        fail(words)

    page = page_of(fail_in_turn if streams else fail)
    with pytest.raises(gr.Error, match="The app made a mistake") as raised:
        Caller(page).call(only(page), ["my own words"])
    assert not raised.value.print_exception
    facts = log.records[-1].facts
    assert facts["type"] == "KeyError"
    assert facts["place"].startswith("test_border.py:")
    assert facts["place"].endswith(" fail")
    assert "own words" not in str(facts) + "".join(log.messages) + "".join(capfd.readouterr())


def test_what_comes_in_is_cleaned_and_a_missing_text_is_empty():
    came = []
    page = page_of(lambda words: came.append(words))
    for value in (HALF, "a\0b", None):
        Caller(page).call(only(page), [value])
    assert came == ["half an emoji ", "ab", ""]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-3, "Epochs: -3 is less than 0, which is the least"),
        (1e9, "Epochs: 1e\\+09 is more than 100"),
        ("three", "Epochs must be a number"),
        (math.nan, "Epochs must be a number"),
        ([1], "Epochs must be a number"),
    ],
)
def test_a_refused_number_is_named_by_its_label(value, words):
    with Page() as page:
        number = gr.Number(label="Epochs", minimum=0, maximum=100)
        gr.Button().click(lambda epochs: str(epochs), [number], [gr.Textbox()])
    with pytest.raises(gr.Error, match=words):
        Caller(page).call(only(page), [value])
    assert Caller(page).call(only(page), [7])["data"] == ["7"]


@pytest.mark.parametrize("path", ["https://example.org/rows.csv", "http://10.0.0.1/latest", "\0http://10.0.0.1/latest"])
def test_nobody_makes_the_app_fetch_a_file(path, monkeypatch):
    async def fetch(self, path):
        raise AssertionError("it fetches")

    monkeypatch.setattr(gr.File, "async_move_resource_to_block_cache", fetch)
    with Page() as page:
        file = gr.File(label="Texts")
        gr.Button().click(lambda path: str(path), [file], [gr.Textbox()])
    with pytest.raises(gr.Error, match="A file must be uploaded"):
        Caller(page).call(only(page), [{"path": path, "meta": {"_type": "gradio.FileData"}}])


def test_a_refused_value_is_not_repeated_however_long_it_is(capfd):
    with Page() as page:
        choice = gr.Radio(["a", "b"], label="Which")
        gr.Button().click(lambda chosen: chosen, [choice], [gr.Textbox()])
    for value in ("x" * 200_000, ["x" * 200_000]):
        with pytest.raises(gr.Error) as raised:
            Caller(page).call(only(page), [value])
        assert len(raised.value.message) < 300
        assert not raised.value.print_exception
    assert "xxx" not in "".join(capfd.readouterr())


def test_a_first_visit_whose_newest_texts_are_an_upload_without_queries_opens(demo, open_shelf, tmp_path):
    table = Table(pd.DataFrame({"text": ["a cat", "a dog"]}), (), "mine.csv")
    with Page() as page:
        sessions = Sessions(partial(Session, open_shelf(tmp_path)))
        with gr.Tab("Compare") as tab:
            compare = build_compare_tab(sessions)
        compare.bind(tab, Opening(page, sessions))
    visitor = Caller(page)
    texts = replace(to_texts(table, text="text"), queries=())
    sessions.of(visitor_of(visitor.request)).add_texts(texts)
    begin = next(each for each in page.fns.values() if each.name == "begin")
    assert visitor.call(begin, [""])["data"]


def test_the_log_is_words_or_json_and_no_other(capsys, monkeypatch):
    logger = logging.getLogger("mote_demo")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))
    begin_log("json")
    note("trained", steps=3, task="sts")
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["level"], told["steps"], told["task"]) == ("trained", "info", 3, "sts")
    begin_log("words")
    note("trained", steps=3)
    assert capsys.readouterr().err.rstrip().endswith("info trained steps=3")
    with pytest.raises(UserError, match="MOTE_LOG must be 'words' or 'json', not 'xml'"):
        begin_log("xml")


def test_no_warning_of_gradio_repeats_what_a_visitor_sent(monkeypatch):
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logging.getLogger("mote_demo"), name, getattr(logging.getLogger("mote_demo"), name))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin_log()
        warnings.warn_explicit(
            "The value 'my own words' is no choice", UserWarning, "x.py", 1, "gradio.components.radio"
        )
        warnings.warn_explicit("of the app", UserWarning, "y.py", 1, "mote_demo.x")
    assert [str(each.message) for each in caught] == ["of the app"]
