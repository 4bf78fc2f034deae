import pandas as pd
import pytest

from mote_demo.data.tables import Table
from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.limits import MAX_UPLOADS, SECONDS_CLOSED
from mote_demo.serving import sessions as module
from mote_demo.serving import shelf as shelf_module
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.serving.shelf import BUILT_IN
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert


@pytest.fixture
def sessions(shelf):
    return Sessions(lambda: Session(shelf))


def upload(title="Mine", words=("cat", "dog")):
    return Texts("upload", title, pd.DataFrame({"title": "", "text": list(words)}))


def grow(session, name, task):
    session.experts.add(copied_expert(session.shelf.growing, name, task))


def grow_one(session):
    grow(session, "mine", "similarity")


# --- visitors


def test_a_visitor_comes_back_to_the_same_session_and_others_get_their_own(sessions):
    assert sessions.of("a") is sessions.of("a")
    assert sessions.of("a") is not sessions.of("b")


def test_visitors_without_an_id_share_nothing(sessions):
    sessions.of(None).add_texts(upload())
    assert not sessions.of(None).uploads


def test_uploads_of_one_visitor_are_invisible_to_another(sessions):
    mine = sessions.of("a").add_texts(upload())
    assert sessions.of("a").texts(mine.name) is mine
    assert mine.name not in dict(map(reversed, sessions.of("b").texts_choices()))
    with pytest.raises(UserError, match=mine.name):
        sessions.of("b").texts(mine.name)


def test_two_visitors_may_upload_under_one_name(sessions):
    mine, theirs = (sessions.of(visitor).add_texts(upload(visitor)) for visitor in "ab")
    assert mine.name == theirs.name
    assert sessions.of("a").texts(mine.name).title == "a"
    assert sessions.of("b").texts(mine.name).title == "b"


def test_trained_experts_of_one_visitor_are_invisible_to_another(sessions):
    grow(sessions.of("a"), "mine", "similarity")
    assert "mine" in sessions.of("a").mote.routes
    for other in (sessions.of("b"), sessions.of("c")):
        assert "mine" not in other.mote.routes
        assert other.looks("mote") == list(TASKS)
    assert "mine" not in sessions.of("b").shelf.growing.routes


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def few_sessions(shelf, clock, monkeypatch):
    """Room for two visitors, and a clock that goes on by a second whenever it is read."""
    monkeypatch.setattr(module, "MAX_SESSIONS", 2)
    return Sessions(lambda: Session(shelf), clock)


def test_the_longest_unused_session_makes_room(few_sessions):
    first, second = few_sessions.of("a"), few_sessions.of("b")
    assert few_sessions.of("a") is first
    few_sessions.of("c")
    assert few_sessions.of("a") is first
    assert few_sessions.of("b") is not second


@pytest.mark.parametrize("own", [lambda session: session.add_texts(upload()), grow_one])
def test_what_holds_nothing_of_a_visitors_own_makes_room_first(few_sessions, own):
    kept = few_sessions.of("a")
    own(kept)
    for number in range(5):
        few_sessions.of(f"passing-{number}")
    assert few_sessions.of("a") is kept


def test_of_visitors_with_uploads_one_whose_page_is_closed_makes_room_first(few_sessions):
    for visitor in "ab":
        few_sessions.of(visitor).add_texts(upload())
    few_sessions.close("b")
    few_sessions.of("c")
    assert few_sessions.of("a").uploads
    assert not few_sessions.of("b").uploads


def test_a_page_that_lost_its_connection_for_a_while_comes_back_to_what_is_its_own(shelf, clock):
    sessions = Sessions(lambda: Session(shelf), clock)
    sessions.of("a").add_texts(upload())
    sessions.close("a")
    clock.now += module.SECONDS_CLOSED - 60
    assert sessions.of("a").uploads
    clock.now += 2 * module.SECONDS_CLOSED
    sessions.of("b")
    assert sessions.of("a").uploads


def test_a_closed_session_is_forgotten_when_it_did_not_come_back_in_time(shelf, clock):
    sessions = Sessions(lambda: Session(shelf), clock)
    sessions.of("a").add_texts(upload())
    sessions.close("a")
    sessions.close("never seen")
    clock.now += module.SECONDS_CLOSED + 60
    sessions.of("b")
    assert not sessions.of("a").uploads


# --- texts


def test_built_in_texts_are_there_for_everybody_and_are_read_once(sessions):
    assert sessions.of("a").texts("samples") is sessions.of("b").texts("samples")
    assert [name for _, name in sessions.of("a").texts_choices()] == list(BUILT_IN)


def test_the_newest_upload_is_listed_first(sessions):
    session = sessions.of("a")
    session.add_texts(upload("Old"))
    session.add_texts(upload("New"))
    assert [title for title, _ in session.texts_choices()][:2] == ["New", "Old"]


def test_the_oldest_upload_makes_room(sessions):
    session = sessions.of("a")
    names = [session.add_texts(upload(str(number))).name for number in range(MAX_UPLOADS + 2)]
    assert len(set(names)) == len(names)
    assert list(session.uploads) == names[2:]
    with pytest.raises(UserError, match=f"Unknown set of texts '{names[0]}'"):
        session.texts(names[0])


def test_the_note_of_an_upload_tells_which_one_made_room(sessions):
    session = sessions.of("a")
    kept = [session.add_texts(upload(f"{number}.csv")) for number in range(MAX_UPLOADS + 1)]
    assert [texts.notes for texts in kept[:-1]] == [()] * MAX_UPLOADS
    assert "0.csv made room" in kept[-1].notes[0]


def test_an_upload_can_take_the_place_of_an_earlier_one(sessions):
    session = sessions.of("a")
    names = [session.add_texts(upload(f"{number}.csv")).name for number in range(MAX_UPLOADS)]
    kept = session.add_texts(upload("2.csv", ("fish",)), instead_of=names[2])
    assert kept.title == "2.csv"
    assert list(session.uploads) == [*names[:2], *names[3:], kept.name]
    # The pickers of the screen notice other texts by their name.
    assert kept.name not in names


def test_uploads_of_one_title_are_told_apart(sessions):
    session = sessions.of("a")
    assert [session.add_texts(upload("a.csv")).title for _ in range(3)] == ["a.csv", "a.csv (2)", "a.csv (3)"]
    assert session.add_texts(upload(BUILT_IN["samples"][0])).title.endswith("(2)")


def test_an_upload_called_like_built_in_texts_does_not_take_their_place(sessions):
    session = sessions.of("a")
    kept = session.add_texts(Texts("samples", "Mine", pd.DataFrame({"title": "", "text": ["cat"]})))
    assert kept.name not in BUILT_IN
    assert len(session.texts("samples")) > 1


@pytest.mark.parametrize("name", [None, "bogus"])
def test_missing_or_unknown_texts_list_the_choices(sessions, name):
    with pytest.raises(UserError, match="set of texts.*'samples', 'python-docs'"):
        sessions.of("a").texts(name)


def test_vectors_of_uploads_and_of_trained_experts_are_never_written_to_disk(sessions, shelf, monkeypatch):
    few = Texts("samples", "Few", pd.DataFrame({"title": "", "text": ["a cat", "a dog"]}), public=True)
    monkeypatch.setattr(shelf_module, "BUILT_IN", {"samples": ("Few", lambda _: few)})
    session = sessions.of("a")
    mine = session.add_texts(upload())
    grow(session, "mine", "similarity")
    for texts, lens in ((mine, "mote/sts"), (mine, "baseline/sts"), (few, "mote/mine"), (mine, "mote/mine")):
        session.lens(lens).vectors(texts, shelf.store)
    assert not list(shelf.store.folder.glob("*"))
    session.lens("mote/sts").vectors(session.texts("samples"), shelf.store)
    assert len(list(shelf.store.folder.glob("*"))) == 1


# --- lenses


@pytest.mark.parametrize("task", TASKS)
def test_the_first_comparison_is_of_both_models_on_the_routes_of_the_task(sessions, task):
    session = sessions.of("a")
    pair = session.pair(*session.both(task))
    assert [lens.model for lens in pair.lenses] == ["baseline", "mote"]
    for lens in pair.lenses:
        assert (lens.query, lens.document) == (TASKS[task].query_route, TASKS[task].document_route)


def test_a_trained_symmetric_expert_encodes_both_sides_and_the_other_model_has_none(sessions):
    session = sessions.of("a")
    grow(session, "mine", "clustering")
    assert session.looks("mote") == [*TASKS, "mine"]
    lens = session.lens("mote/mine")
    assert (lens.query, lens.document, lens.task) == ("mine", "mine", TASKS["clustering"])
    assert session.looks("baseline") == list(TASKS)
    with pytest.raises(UserError, match="task or route of tiny baseline 'mine'.*'clustering'"):
        session.lens("baseline/mine")


@pytest.mark.parametrize("name", ["mote/mine", "mote/mine+document"])
def test_a_trained_retrieval_expert_asks_the_documents_as_they_are(sessions, name):
    session = sessions.of("a")
    grow(session, "mine", "retrieval")
    lens = session.lens(name)
    assert (lens.query, lens.document) == ("mine", "document")
    assert session.lens(str(lens)) == lens


def test_a_lens_with_a_trained_expert_on_one_side_is_private_and_for_no_task(sessions, shelf, monkeypatch):
    few = Texts("samples", "Few", pd.DataFrame({"title": "", "text": ["a cat", "a dog"]}), public=True)
    session = sessions.of("a")
    grow(session, "mine", "similarity")
    lens = session.lens("mote/sts+mine")
    assert (lens.query, lens.document, lens.task, lens.public) == ("sts", "mine", None, False)
    lens.vectors(few, shelf.store)
    assert not list(shelf.store.folder.glob("*"))
    with pytest.raises(UserError, match="'mine\\+bogus'. Choose one of"):
        session.lens("mote/mine+bogus")


def test_a_lens_of_a_visitor_may_leave_the_instruction_out(sessions):
    session = sessions.of("a")
    session.experts.add(copied_expert(session.mote, instruction="mine: "))
    assert session.lens("mote/mine").receipt("a cat").text_sent == "mine: a cat"
    assert session.lens("mote/mine?instruction=off").receipt("a cat").text_sent == "a cat"


@pytest.mark.parametrize(
    ("use", "choices"),
    [
        (lambda session: session.lens("left/sts"), "model 'left'.*'untouched', 'baseline', 'mote'"),
        (lambda session: session.lens("mote/sorting"), "task or route of tiny MoTE 'sorting'.*'retrieval'"),
        (lambda session: session.lens("mote"), "No task or route of tiny MoTE was given.*'retrieval'"),
        (lambda session: session.lens("mote/trained-by-somebody-else"), "Choose one of"),
        (lambda session: session.looks(None), "No model was given.*'untouched', 'baseline', 'mote'"),
        (lambda session: session.both("sorting"), "Unknown task 'sorting'.*'retrieval'"),
    ],
)
def test_an_unknown_model_task_or_expert_lists_the_choices(sessions, use, choices):
    with pytest.raises(UserError, match=choices):
        use(sessions.of("a"))


KEY = "0" * 32


def test_a_reload_within_the_time_finds_the_session_again_and_later_it_is_gone(shelf):
    now = [0.0]
    sessions = Sessions(lambda: Session(shelf), clock=lambda: now[0])
    sessions.recognise("first page", KEY)
    own = sessions.of("first page")
    sessions.close("first page")
    now[0] += SECONDS_CLOSED - 1
    sessions.recognise("second page", KEY)
    assert sessions.of("second page") is own
    sessions.close("second page")
    now[0] += SECONDS_CLOSED + 1
    sessions.recognise("third page", KEY)
    assert sessions.of("third page") is not own


def test_a_session_is_open_as_long_as_one_of_its_pages_is(shelf):
    now = [0.0]
    sessions = Sessions(lambda: Session(shelf), clock=lambda: now[0])
    for page in ("one", "two"):
        sessions.recognise(page, KEY)
    own = sessions.of("one")
    sessions.close("one")
    now[0] += SECONDS_CLOSED + 1
    sessions.of("somebody else")
    assert sessions.of("two") is own


def test_no_key_finds_another_visitors_session(shelf):
    sessions = Sessions(lambda: Session(shelf))
    sessions.recognise("one", KEY)
    sessions.recognise("two", "1" * 32)
    assert sessions.of("one") is not sessions.of("two")
    assert sessions.of(KEY[:-1] + "2") is not sessions.of("one")


# --- how much is kept


def table(*words):
    return Table(pd.DataFrame({"text": list(words)}), (), "rows.csv")


@pytest.fixture
def few_letters(monkeypatch, shelf):
    """Return sessions of visitors who may have 10 letters each, and 15 together."""
    monkeypatch.setattr(module, "MAX_OWN_TEXT", 10)
    monkeypatch.setattr(module, "MAX_ALL_TEXT", 15)
    sessions = Sessions(lambda: Session(shelf, lambda: sum(each.count_letters() for each in sessions)))
    return sessions


def test_a_table_that_a_tab_works_on_counts_until_it_has_another_or_none(few_letters):
    session = few_letters.of("a")
    session.hold("train", table("12345", "6789"))
    with pytest.raises(UserError, match="which is the limit"):
        session.hold("queries", table("12"))
    assert session.count_letters() == 9
    session.hold("train", table("1234"))
    session.hold("queries", table("12"))
    assert session.count_letters() == 6
    session.hold("train", None)
    assert session.count_letters() == 2


def test_a_table_that_finds_no_room_leaves_the_one_before(few_letters):
    session = few_letters.of("a")
    session.hold("train", table("123"))
    with pytest.raises(UserError, match="which is the limit"):
        session.hold("train", table("12345678901"))
    assert session.count_letters() == 3


def test_all_visitors_together_have_a_limit_and_what_goes_makes_room(few_letters):
    few_letters.of("a").hold("train", table("123456789"))
    with pytest.raises(UserError, match="holds as many texts as it can"):
        few_letters.of("b").hold("train", table("1234567"))
    with pytest.raises(UserError, match="holds as many texts as it can"):
        few_letters.of("b").add_texts(upload("b", ("1234", "567")))
    few_letters.of("a").hold("train", None)
    few_letters.of("b").hold("train", table("1234567"))


def test_texts_make_room_for_newer_ones_beside_a_table(few_letters):
    session = few_letters.of("a")
    old = session.add_texts(upload("Old", ("1234",)))
    session.hold("train", table("123"))
    new = session.add_texts(upload("New", ("56789",)))
    assert old.name not in session.uploads
    assert new.name in session.uploads
