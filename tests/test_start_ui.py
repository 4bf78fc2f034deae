"""The Start tab answers before anybody asks, says where it loses, and leads on to training."""

import threading

import pytest

from mote_demo.errors import UserError
from mote_demo.serving import meanings
from mote_demo.serving.meanings import view_message
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.serving.shelf import Shelf
from mote_demo.serving.tour import RULES, read_tour
from mote_demo.settings import checkpoints_folder, shipped_experts_file
from mote_demo.study.results import read_shipped
from mote_demo.ui.app import build_app, launch_options
from mote_demo.ui.shared.border import Page
from mote_demo.ui.start import html as start_html
from mote_demo.ui.start.tab import build_start_tab
from tests.handlers import TabHandlers
from tests.walk import VIEWPORTS

MESSAGE = "#mote-start-message"
SIDES = ("baseline", "mote")


# --- handlers


@pytest.fixture
def tab(shelf):
    sessions = Sessions(lambda: Session(shelf))
    with Page() as demo:
        build_start_tab(sessions).bind(demo)
    return TabHandlers(demo)


def test_each_stop_of_the_tour_shows_its_message_after_statuses(tab, shelf):
    components = tab.components_of("show")
    texts = shelf.texts("samples")
    for rule, row in read_tour(texts).items():
        *statuses, last = tab("show", rule)
        assert statuses
        assert all(set(update) == {components.status} for update in statuses)
        assert f'data-row="{row}"' in last[components.message]
        assert RULES[rule].words in last[components.message]
        assert last[components.status] == ""
        assert "do not lie beside this checkpoint" in last[components.measured]


@pytest.mark.parametrize("rule", [None, "best"])
def test_an_unknown_stop_lists_the_choices(tab, rule):
    with pytest.raises(UserError, match="message of the tour.*'most', 'intent', 'mood', 'middle', 'loss'"):
        list(tab("show", rule))


def test_a_failure_is_told_and_the_status_goes(tab, monkeypatch):
    def fail(*_, **__):
        raise UserError("The texts are gone.")

    monkeypatch.setattr("mote_demo.ui.start.handlers.view_message", fail)
    updates = []
    with pytest.raises(UserError, match="The texts are gone"):
        updates.extend(tab("show", "most"))
    assert updates[-1] == {tab.components_of("show").status: ""}


# --- what the page says


@pytest.fixture
def message(shelf):
    return view_message(Session(shelf), 3)


def shipped_of(message, share):
    """Return results in which each lens has a share of right neighbours that is ``share`` of what it has."""

    def estimate(mean):
        return {"mean": mean, "interval": [mean - 0.03, mean + 0.03]}

    def result(side):
        parts = {name: estimate(0.5) for name in ("over_first", "few_shot", "probe")}
        return {"lens": str(side.lens), "neighbours": estimate(share * side.share), **parts}

    labels = [
        {"label": each.label, "chance": 0.25, "lenses": dict(zip(SIDES, map(result, each.sides), strict=True))}
        for each in message.meanings
    ]
    grown = {"variant": "", "command": "mote grow <rows>", "learnt_from": 360, "held_out": 120}
    about = {"texts": "samples", "count": 240, "rows": 480, "neighbours": 10, "trials": []}
    return {**about, "grown": {"intent": grown, "mood": grown}, "labels": labels}


def test_intervals_are_shown_where_they_are_of_the_same_checkpoint(message):
    side = message.meanings[0].sides[0]
    rule = RULES["most"]
    own = start_html.message(message, rule, shipped_of(message, 1.0))
    low, high = (f"{100 * (side.share + shift):.0f}" for shift in (-0.03, 0.03))
    assert f"{100 * side.share:.0f} % ({low} to {high})" in own
    for page in (start_html.message(message, rule, shipped_of(message, 0.5)), start_html.message(message, rule, None)):
        assert f"{100 * side.share:.0f} %" in page
        assert " % (" not in page


def test_what_was_measured_is_said_with_its_numbers_and_stays_text(message):
    page = start_html.measured(shipped_of(message, 1.0), ["intent", "mood"])
    assert "480 other messages" in page
    assert "measured on these 240" in page
    assert "360 to learn from, 120 held out" in page
    assert "mote grow &lt;rows&gt;" in page
    assert "do not lie" not in page
    assert "do not lie beside this checkpoint" in start_html.measured(None, [])


# --- in a browser, with the real checkpoints


@pytest.fixture(scope="module")
def shelf_of_checkpoints(tmp_path_factory):
    return Shelf.open(checkpoints_folder(), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def address(shelf_of_checkpoints):
    demo = build_app(shelf_of_checkpoints, shipped=read_shipped(shipped_experts_file()))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


@pytest.fixture(scope="module")
def session(shelf_of_checkpoints):
    return Session(shelf_of_checkpoints)


def open_start(page, address):
    page.set_default_timeout(180_000)
    page.goto(address)
    page.locator(f"{MESSAGE} blockquote").wait_for()


def check_message(page, message):
    """Compare what the page says with the message: hits, labels, shares and verdicts."""
    page.locator(f"{MESSAGE} [data-row='{message.row}']").wait_for()
    assert page.locator(f"{MESSAGE} blockquote").inner_text() == message.text
    for meaning in message.meanings:
        section = page.locator(f"{MESSAGE} section[data-label='{meaning.label}']")
        assert section.locator("h3").inner_text() == f"By {meaning.label}: {meaning.value}"
        verdict = section.locator(".mote-verdict").inner_text()
        if meaning.gain < 0:
            assert verdict == f"A loss: MoTE finds {-meaning.gain} fewer"
        else:
            assert verdict == (f"MoTE finds {meaning.gain} more" if meaning.gain else "Both find as many")
        assert f"by chance {10 * meaning.chance:.1f}." in section.locator(".mote-chance").inner_text()
        for name, side in zip(SIDES, meaning.sides, strict=True):
            share = section.locator(f".mote-share-{name}")
            assert share.locator("strong").inner_text() == f"{side.right} of 10"
            assert f"over all 240: {100 * side.share:.0f} % (" in share.inner_text()
            near = section.locator(f".mote-nearest-{name}")
            assert near.get_attribute("data-lens") == str(side.lens)
            assert near.locator("li b").all_text_contents() == [each.label for each in side.neighbours]
            signs = near.locator(".mote-near-sign").all_text_contents()
            assert signs == ["✓" if each.right else "✗" for each in side.neighbours]
            said = near.locator("li > span:last-child").all_text_contents()
            assert said == [f"{each.text} {each.label}" for each in side.neighbours]


@pytest.mark.browser
def test_the_page_opens_with_an_answer_by_topic_intent_and_mood(page, address, session):
    open_start(page, address)
    message = view_message(session, read_tour(session.texts("samples"))["most"])
    assert [str(meaning.sides[1].lens) for meaning in message.meanings] == [
        "mote/clustering",
        "mote/intent",
        "mote/mood",
    ]
    check_message(page, message)
    measured = page.locator("#mote-start-measured")
    assert "480 other messages" in measured.inner_text()
    assert "measured on these 240" in measured.inner_text()
    assert not page.locator(".mote-start svg").is_visible()
    page.get_by_text("See it drawn").click()
    assert page.locator(".mote-start svg").is_visible()


@pytest.mark.browser
def test_the_tour_goes_on_by_arrow_keys_to_a_loss_that_is_called_one(page, address, session):
    open_start(page, address)
    rows = read_tour(session.texts("samples"))
    page.locator("#mote-start-tour input").first.focus()
    for rule in list(RULES)[1:]:
        page.keyboard.press("ArrowRight")
        message = view_message(session, rows[rule])
        check_message(page, message)
        assert page.locator(f"{MESSAGE} .mote-start-message p").inner_text() == RULES[rule].words
    assert page.locator(f"{MESSAGE} .mote-verdict-loss").first.inner_text().startswith("A loss: MoTE finds")


@pytest.mark.browser
def test_one_button_leads_to_training_on_the_sample_set(page, address):
    open_start(page, address)
    page.get_by_role("button", name="Grow your own in a minute").click()
    page.locator("#mote-train-start").wait_for()
    assert page.get_by_role("tab", name="Train").get_attribute("aria-selected") == "true"
    assert page.evaluate("scrollY") == 0
    page.locator("#mote-train-counts").get_by_text("240").first.wait_for()
    assert page.locator("#mote-train-name textarea, #mote-train-name input").first.input_value() == "my-intent"


@pytest.mark.browser
def test_a_phone_shows_it_without_sideways_scrolling(open_page, address):
    page = open_page(**VIEWPORTS["phone"])
    open_start(page, address)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.browser
def test_the_page_is_there_while_the_messages_are_still_read(page, open_shelf, tmp_path, monkeypatch):
    go_on, prepare = threading.Event(), meanings.prepare
    monkeypatch.setattr(meanings, "prepare", lambda *_, **__: go_on.wait(60) and prepare(*_, **__))
    demo = build_app(open_shelf(tmp_path / "store"))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    try:
        page.goto(url)
        page.get_by_text("Reading the messages").wait_for()
        assert page.get_by_role("heading", name="One message, three meanings").is_visible()
        go_on.set()
        page.locator(f"{MESSAGE} blockquote").wait_for()
        assert page.locator("#mote-start-status").inner_text().strip() == ""
    finally:
        go_on.set()
        demo.close()
