"""What a visitor's experts make of the shared model, for this visitor alone."""

import pytest

from mote_demo.errors import UserError
from mote_demo.limits import MAX_EXPERTS
from mote_demo.serving.experts import VisitorExperts
from tests.own_experts import copied_expert

TEXTS = ["a red cat"]


@pytest.fixture
def experts(tiny_encoder):
    return VisitorExperts(tiny_encoder)


def add(experts, name, task="similarity", **options):
    experts.add(copied_expert(experts.encoder, name, task, **options))


def test_an_expert_is_plugged_into_the_visitors_model_and_not_into_the_shared_one(experts, tiny_encoder):
    add(experts, "mine")
    assert experts.names == ["mine"]
    assert "mine" in experts.encoder.routes
    assert "mine" not in tiny_encoder.routes


def test_removing_an_expert_leaves_the_others_as_they_are(experts):
    for name in ("first", "second", "third"):
        add(experts, name, instruction=name)
    before = {name: experts.encoder.encode(TEXTS, route=name) for name in ("first", "third", "sts")}
    experts.remove("second")
    assert experts.names == ["first", "third"]
    assert "second" not in experts.encoder.routes
    assert all((experts.encoder.encode(TEXTS, route=name) == vectors).all() for name, vectors in before.items())
    with pytest.raises(UserError, match="'first', 'third'"):
        experts.remove("second")


def test_there_is_room_for_a_few(experts):
    for number in range(MAX_EXPERTS):
        add(experts, f"mine-{number}")
    with pytest.raises(UserError, match=f"{MAX_EXPERTS} trained experts.*remove one"):
        add(experts, "one-more")
    assert len(experts) == MAX_EXPERTS


def test_an_expert_cannot_take_a_name_that_is_there(experts):
    with pytest.raises(UserError, match="'sts'"):
        add(experts, "sts")
    assert not experts


def test_a_saved_expert_plugs_into_another_visitors_model(experts, tiny_encoder, tmp_path):
    add(experts, "mine", layers_of="query")
    path, other = tmp_path / "mine.safetensors", VisitorExperts(tiny_encoder)
    experts["mine"].save(path)
    assert other.add_file(path).route == experts["mine"].route
    assert experts.encoder.encode(TEXTS, route="mine") == pytest.approx(
        other.encoder.encode(TEXTS, route="mine"), abs=1e-2
    )
    with pytest.raises(UserError, match="already. Please remove it first"):
        other.add_file(path)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("my-Topic!", "my-topic"),
        ("sts", "sts-2"),
        ("数", "my-expert"),
        ("Type", "type-2"),
        ("retrieval", "retrieval-2"),
    ],
)
def test_names_are_made_usable_and_unique(experts, wanted, name):
    assert experts.free_name(wanted) == name


def test_what_exists_nowhere_else_is_known_until_it_is_saved_or_removed(experts, tmp_path):
    for name in ("first", "second", "third"):
        add(experts, name)
    experts.save("first", tmp_path / "first.safetensors")
    experts.remove("second")
    assert experts.unsaved == {"third"}
    experts.remove("first")
    experts.add_file(tmp_path / "first.safetensors")
    assert experts.unsaved == {"third"}
