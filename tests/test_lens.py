"""A lens is named by one string, which is the same everywhere, and does what its name says."""

import numpy as np
import pytest

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens, ways_to_look
from mote_demo.explore.lens_name import LensName
from mote_demo.growing.training import copy_expert
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.folding import wave
from mote_demo.sentence_encoder import SentenceEncoder
from mote_demo.tasks import ROUTES, TASKS, Route
from tests.own_experts import copied_expert
from tests.sentence_models import save_sentence_model

MODELS = ("mote", "untouched", "owner/name", "/folder/of/mote")
TEXTS = ["a cat", "the old train is late"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, tiny_mote, tiny_tokenizer):
    """A folder of checkpoints that holds one model, ``mote``."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(tiny_mote, tiny_tokenizer, folder / "mote")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTE_CHECKPOINTS", str(folder))
        yield folder


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("mote/retrieval", LensName("mote", "retrieval")),
        ("mote/sts?instruction=off", LensName("mote", "sts", instruction=False)),
        ("mote/sts?expert=query", LensName("mote", "sts", expert="query")),
        ("mote/sts?expert=average&instruction=off", LensName("mote", "sts", instruction=False, expert="average")),
        ("untouched", LensName("untouched")),
        ("untouched?instruction=off", LensName("untouched", instruction=False)),
        ("mote/query+document", LensName("mote", "query+document")),
        ("owner/name", LensName("owner/name")),
        ("owner/name/clustering", LensName("owner/name", "clustering")),
        ("/folder/of/mote/my-expert?instruction=off", LensName("/folder/of/mote", "my-expert", instruction=False)),
    ],
)
def test_a_name_says_model_task_and_instruction_and_is_printed_as_it_was_read(name, parsed):
    assert LensName.parse(f" {name} ", MODELS.__contains__) == parsed
    assert str(parsed) == name


def test_an_instruction_that_is_on_need_not_be_said():
    assert str(LensName.parse("mote/sts?instruction=on", MODELS.__contains__)) == "mote/sts"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "names no lens. Write MODEL/TASK"),
        ("?instruction=off", "names no lens"),
        ("mote/sts?instruction=maybe", "unknown option 'instruction=maybe'. Use \\?instruction=off"),
        ("mote/sts?depth=2", "unknown option 'depth=2'"),
        ("mote/sts?", "unknown option ''"),
    ],
)
def test_a_name_that_cannot_be_read_says_how_to_write_one(name, words):
    with pytest.raises(UserError, match=words):
        LensName.parse(name, MODELS.__contains__)


@pytest.mark.parametrize("task", TASKS.values(), ids=str)
def test_a_task_is_its_routes_and_the_name_of_the_lens_finds_it_again(tiny_encoder, task):
    lens = Lens.of(tiny_encoder, task.name, model="mote")
    assert (lens.query, lens.document, lens.task) == (task.query_route, task.document_route, task)
    assert lens.title == f"tiny MoTE · {task.title}"
    assert Lens.of(tiny_encoder, lens.name.look, model="mote") == lens
    assert repr(lens) == f"Lens('{lens}')"


@pytest.mark.parametrize(
    ("look", "routes", "name"),
    [
        ("query+document", ("query", "document"), "mote/retrieval"),
        ("query+sts", ("query", "sts"), "mote/query+sts"),
        ("query", ("query", "query"), "mote/query"),
        ("sts+sts", ("sts", "sts"), "mote/sts"),
    ],
)
def test_routes_may_be_named_one_by_one(tiny_encoder, look, routes, name):
    lens = Lens.of(tiny_encoder, look, model="mote")
    assert (lens.query, lens.document) == routes
    assert str(lens) == name


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ("", "No task or route of tiny MoTE was given. Choose one of: 'retrieval', 'classification'"),
        ("bogus", "Unknown task or route of tiny MoTE 'bogus'.*'similarity', 'query', 'document', 'sts'"),
        ("query+bogus", "'query\\+bogus'.*'retrieval'"),
        ("+", "Choose one of"),
    ],
)
def test_a_lens_without_a_known_task_or_route_lists_them(tiny_encoder, look, words):
    with pytest.raises(UserError, match=words):
        Lens.of(tiny_encoder, look)


def test_a_task_that_needs_a_route_which_the_model_lacks_is_refused(tiny_backbone_path, tmp_path):
    model = save_sentence_model(tiny_backbone_path, tmp_path / "model", {"clustering": "group: ", "sts": "same: "})
    encoder = SentenceEncoder.from_pretrained(model, "theirs")
    assert ways_to_look(encoder) == ["clustering", "similarity"]
    with pytest.raises(UserError, match="'retrieval'. Choose one of: 'clustering', 'similarity', 'sts'"):
        Lens.of(encoder, "retrieval")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bogus/retrieval", "There is no model 'bogus'. Use one of mote, untouched, a folder, or OWNER/NAME"),
        ("bogus", "There is no model 'bogus'"),
        ("/no/such/folder/sts", "There is no model '/no/such/folder'"),
        ("owner/name/sts", "owner/name is no folder, and cannot be read from the Hub"),
        ("mote", "No task or route of mote was given"),
        ("mote/bogus", "task or route of mote 'bogus'"),
    ],
)
@pytest.mark.usefixtures("checkpoints")
def test_a_lens_that_cannot_be_loaded_lists_what_there_is(name, words):
    with pytest.raises(UserError, match=words):
        Lens.load(name)


def test_a_lens_is_loaded_by_the_name_of_a_checkpoint_or_by_its_folder(checkpoints, tiny_encoder):
    named, found = Lens.load("mote/sts"), Lens.load(f"{checkpoints}/mote/sts?instruction=off")
    assert (str(named), str(found)) == ("mote/sts", f"{checkpoints}/mote/sts?instruction=off")
    expected = tiny_encoder.encode(TEXTS, route="sts")
    np.testing.assert_allclose(named.encode_query(TEXTS), expected, atol=5e-3)
    assert not np.allclose(found.encode_query(TEXTS), expected, atol=5e-3)


@pytest.mark.parametrize("route", ROUTES)
def test_an_instruction_that_is_off_is_left_out(tiny_encoder, route):
    on, off = (Lens.of(tiny_encoder, route, instruction=each) for each in (True, False))
    bare = tiny_encoder.with_route("bare", Route("bare", ""), copy_expert(tiny_encoder, route))
    np.testing.assert_allclose(off.encode_query(TEXTS), bare.encode(TEXTS, route="bare"), atol=1e-6)
    np.testing.assert_array_equal(off.encode_document(TEXTS), off.encode_query(TEXTS))
    assert not np.allclose(on.encode_query(TEXTS), off.encode_query(TEXTS), atol=1e-3)
    assert len({on.fingerprint, off.fingerprint, on.query_fingerprint, off.query_fingerprint}) == 4
    assert (on.receipt("a cat").text_sent, off.receipt("a cat").text_sent) == (
        f"{ROUTES[route].instruction}a cat",
        "a cat",
    )
    assert off.receipt("a cat").expert == on.receipt("a cat").expert == route
    assert off.receipt("a cat").tokens < on.receipt("a cat").tokens
    assert off.title.endswith(" · no instruction")
    assert str(off).endswith("?instruction=off")


@pytest.mark.parametrize("look", ["", *TASKS])
def test_a_model_whose_routes_are_all_alike_needs_no_task_and_does_not_mind_one(tiny_untouched_encoder, look):
    lens = Lens.of(tiny_untouched_encoder, look, model="untouched")
    assert str(lens) == "untouched"
    assert lens.title == "tiny untouched"
    np.testing.assert_array_equal(lens.encode_query(TEXTS), lens.encode_document(TEXTS))
    assert lens.receipt("a cat").text_sent == "a cat"


def test_a_model_whose_routes_are_all_alike_has_no_other_task(tiny_untouched_encoder):
    with pytest.raises(UserError, match="'bogus'. Choose one of: 'retrieval'"):
        Lens.of(tiny_untouched_encoder, "bogus")


@pytest.mark.parametrize(("task", "routes"), [("similarity", ("mine", "mine")), ("retrieval", ("mine", "document"))])
def test_an_expert_is_looked_through_for_its_task_and_the_lens_without_it_stays(tiny_encoder, task, routes):
    lens = Lens.of(tiny_encoder, task, model="mote", public=True)
    grown = lens.with_expert(copied_expert(tiny_encoder, task=task, instruction="mine: "))
    assert (grown.query, grown.document) == routes
    assert grown.task == TASKS[task]
    assert grown.receipt("a cat").text_sent == "mine: a cat"
    assert grown.receipt("a cat").expert == "mine"
    assert not grown.public
    assert lens.receipt("a cat").expert == TASKS[task].query_route
    assert "mine" not in tiny_encoder.routes


def test_an_expert_is_refused_by_a_model_that_it_was_not_grown_on(tiny_encoder, tiny_baseline_encoder):
    with pytest.raises(UserError, match="grown on"):
        Lens.of(tiny_baseline_encoder, "sts").with_expert(copied_expert(tiny_encoder))


def test_an_expert_is_refused_by_a_model_of_another_package(tiny_encoder, tiny_backbone_path, tmp_path):
    theirs = SentenceEncoder.from_pretrained(save_sentence_model(tiny_backbone_path, tmp_path / "model"), "theirs")
    with pytest.raises(UserError, match="theirs takes no experts. Use a MoTE checkpoint"):
        Lens.of(theirs).with_expert(copied_expert(tiny_encoder))


def test_a_notebook_shows_expert_and_instruction_of_both_sides_as_text(tiny_encoder):
    own = copied_expert(tiny_encoder, task="retrieval", instruction="<b>")
    page = Lens.of(tiny_encoder, "retrieval").with_expert(own)._repr_html_()
    assert "<td>mine</td><td>&lt;b&gt;</td>" in page
    assert "<td>document</td><td>document: </td>" in page


@pytest.fixture(params=["module", "tensors"])
def held(request, checkpoints, tiny_encoder):
    """The same model as a module, and as the tensors of its files."""
    return tiny_encoder if request.param == "module" else Encoder.from_pretrained(checkpoints / "mote", "tiny MoTE")


def test_another_expert_runs_on_the_text_of_the_own_instruction(held):
    own, swapped = Lens.of(held, "similarity"), Lens.of(held, "similarity", expert="clustering", model="mote")
    assert swapped.receipt("a cat").expert == "clustering"
    assert swapped.receipt("a cat").text_sent == own.receipt("a cat").text_sent
    assert str(swapped) == "mote/sts?expert=clustering"
    assert swapped.title == "tiny MoTE · Similarity · expert clustering"
    bare = held.encode([own.receipt(text).text_sent for text in TEXTS], route="clustering", instruction=False)
    assert np.allclose(swapped.encode_document(TEXTS), bare, atol=1e-5)
    assert not np.allclose(swapped.encode_document(TEXTS), own.encode_document(TEXTS), atol=1e-3)
    assert swapped.document_fingerprint != own.document_fingerprint
    assert own.receipt("a cat").expert == "sts"


def test_the_average_of_all_experts_is_the_model_whose_mlps_are_their_means(held):
    averaged = Lens.of(held, "clustering", expert="average")
    dense = held.with_network(wave(held.model))
    assert averaged.receipt("a cat").expert == "average"
    assert np.allclose(averaged.encode_document(TEXTS), dense.encode(TEXTS, route="clustering"), atol=1e-5)


def test_an_expert_that_is_not_there_is_an_error_that_lists_them(tiny_encoder, tiny_baseline_encoder):
    with pytest.raises(UserError, match="'query', .*'sts', 'average'"):
        Lens.of(tiny_encoder, "retrieval", expert="mood")
    with pytest.raises(UserError, match="dense model has no experts"):
        Lens.of(tiny_baseline_encoder, "retrieval", expert="clustering")
    with pytest.raises(UserError, match="stands for the mean"):
        tiny_encoder.config.check_new("mine", "average")
