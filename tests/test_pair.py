"""What two lenses say about the same texts: as it was recorded, and for lenses that have little in common."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.explore import maps as module
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.explore.projection import Projection
from mote_demo.sentence_encoder import SentenceEncoder
from mote_demo.store import VectorStore
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert
from tests.sentence_models import save_sentence_model

RECORDED = json.loads((Path(__file__).parent / "recorded" / "explore.json").read_text("utf-8"))
QUERY = "a small dog"
SAME_POINTS = 0.05
"""Layouts of UMAP that are nearer than this, on a map about 5 wide, are the same; libraries of a machine decide."""
TIE = 2e-5
"""Scores that are nearer than this may stand in any order: kernels of a machine round them otherwise."""


@pytest.fixture
def texts() -> Texts:
    nouns = {"cat": "animal", "dog": "animal", "bird": "animal", "fish": "animal", "car": "vehicle", "train": "vehicle"}
    rows = [
        {"title": "", "text": f"the {adjective} {noun}", "kind": kind}
        for adjective in ("good", "bad", "big", "small", "new", "old")
        for noun, kind in nouns.items()
    ]
    return Texts("things", "Things", pd.DataFrame(rows), labels=("kind",))


@pytest.fixture
def pair_of(tiny_baseline_encoder, tiny_encoder):
    """Build the pair that was recorded for a task."""
    models = {"baseline": tiny_baseline_encoder, "mote": tiny_encoder}
    return lambda task: Pair(*(Lens.of(encoder, task, model=name) for name, encoder in models.items()))


@pytest.fixture
def _quick_maps(monkeypatch):
    """Stand in for UMAP, whose kernels take long to compile."""
    monkeypatch.setattr(module, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))


# --- as recorded


@pytest.mark.parametrize("task", TASKS)
def test_rankings_scores_and_moves_are_those_recorded(pair_of, texts, task):
    pair = pair_of(task)
    answer = pair.ask(QUERY, texts, 8)
    for side, recorded in zip(answer.sides, RECORDED[f"search/{task}"], strict=True):
        scores = side.lens.vectors(texts, pair.store) @ side.lens.encode_query([QUERY])[0]
        np.testing.assert_allclose([hit.score for hit in side.hits], recorded["scores"], atol=1e-4)
        assert_ties([hit.row for hit in side.hits], recorded["rows"], scores)
        moved = {"up": 1, "down": -1, "same": 0}
        found = [moved[move.direction] * move.places for move in side.moves]
        expected = [moved[direction] * places for direction, places in recorded["moves"]]
        # Two texts that tie further down on the other side may have changed places.
        np.testing.assert_allclose(found, expected, atol=1)


@pytest.mark.parametrize("task", TASKS)
def test_neighbours_and_what_both_spaces_share_are_those_recorded(pair_of, texts, task):
    pair, recorded = pair_of(task), RECORDED[f"near/{task}"]
    maps = next(pair.draw(texts))
    for side, rows in zip(maps.sides, recorded["rows"], strict=True):
        vectors = side.lens.vectors(texts, pair.store)
        for text, similar in enumerate(vectors @ vectors.T):
            assert_ties(side.rows[text], rows[text], similar)
    np.testing.assert_allclose(maps.overlap, recorded["overlap"], atol=0.101)
    assert maps.overlap.mean() == pytest.approx(np.mean(recorded["overlap"]), abs=0.01)
    assert maps.agreement["kind"] == pytest.approx(recorded["agreement"]["kind"], abs=0.01)


@pytest.mark.parametrize("task", TASKS)
def test_maps_and_the_place_of_a_query_are_those_recorded(pair_of, texts, task):
    pair = pair_of(task)
    first, last = pair.draw(texts)
    assert (first.method, last.method) == ("PCA", "UMAP")
    for side, points in zip(first.sides, RECORDED[f"map/{task}/PCA"], strict=True):
        np.testing.assert_allclose(side.points, points, atol=2e-3)
    recorded = [np.array(points) for points in RECORDED[f"map/{task}/UMAP"]]
    if all(np.abs(side.points - points).max() < SAME_POINTS for side, points in zip(last.sides, recorded, strict=True)):
        for spot, place in zip(pair.place(QUERY, last).sides, RECORDED[f"place/{task}"], strict=True):
            np.testing.assert_allclose(spot.place, place, atol=2 * SAME_POINTS)
    else:
        for side, points in zip(last.sides, recorded, strict=True):
            assert shared_neighbours(side.points, points) > 0.6


def assert_ties(rows, recorded, scores):
    """Check that each rank holds the text that was recorded there, or one with the same score."""
    np.testing.assert_allclose(scores[list(rows)], scores[list(recorded)], atol=TIE)


def shared_neighbours(points, others, k=8):
    """Return the share of the nearest points that two maps have in common."""
    nearest = [
        np.linalg.norm(each[:, None] - each[None], axis=2).argsort(axis=1)[:, 1 : k + 1] for each in (points, others)
    ]
    return np.mean([len({*one} & {*other}) / k for one, other in zip(*nearest, strict=True)])


# --- any two lenses


@pytest.fixture
def narrow(tiny_backbone_path, tmp_path) -> Lens:
    """A lens of 16 dimensions, through a model of another library."""
    model = save_sentence_model(tiny_backbone_path, tmp_path / "narrow", width=16)
    return Lens.of(SentenceEncoder.from_pretrained(model, "narrow"))


@pytest.mark.usefixtures("_quick_maps")
def test_lenses_of_different_width_search_and_map_their_own_vectors(narrow, tiny_encoder, texts):
    pair = Pair(narrow, Lens.of(tiny_encoder, "sts"))
    widths = [lens.vectors(texts, pair.store).shape[1] for lens in pair.lenses]
    assert widths == [16, 32]
    answer = pair.ask("the small dog", texts, 5, second="the big dog")
    for side in answer.sides:
        assert side.hits[0].row == texts.passages.index("the small dog")
        assert side.hits[0].score == pytest.approx(1, abs=1e-5)
        assert -1 <= side.similarity < 1
    maps = pair.map(texts)
    assert maps.left.points.shape == maps.right.points.shape == (36, 2)
    assert pair.place("the small dog", maps).sides[0].near[0].row == answer.left.hits[0].row


def test_a_pair_of_one_lens_twice_finds_no_difference(tiny_encoder, texts):
    lens = Lens.of(tiny_encoder, "clustering")
    answer = Pair(lens, lens).ask(QUERY, texts, 5)
    assert answer.overlap.fraction == 1
    assert {move.direction for move in answer.right.moves} == {"same"}
    assert next(Pair(lens, lens).draw(texts)).overlap.tolist() == [1] * 36


def test_the_same_model_is_compared_with_and_without_its_instruction(tiny_encoder, texts):
    on, off = (Lens.of(tiny_encoder, "sts", instruction=each, model="mote") for each in (True, False))
    answer = Pair(on, off).ask(QUERY, texts, 8)
    assert [hit.score for hit in answer.left.hits] != [hit.score for hit in answer.right.hits]
    assert Pair(on, off).title == "tiny MoTE · Similarity | tiny MoTE · Similarity · no instruction"


# --- tables


def test_an_answer_is_a_table_with_a_row_a_hit(pair_of, texts):
    answer = pair_of("retrieval").ask(QUERY, texts, 3)
    frame = answer.to_frame()
    assert frame["lens"].tolist() == ["baseline/retrieval"] * 3 + ["mote/retrieval"] * 3
    assert frame["rank"].tolist() == [1, 2, 3] * 2
    assert frame["text"].tolist() == [texts.passages[row] for row in frame["row"]]
    assert frame["kind"].tolist() == texts.frame["kind"].iloc[frame["row"]].tolist()
    assert set(frame["text_sent"]) == {f"query: {QUERY}"}
    expected = [round(hit.score, 6) for side in answer.sides for hit in side.hits]
    assert frame["score"].tolist() == expected
    assert [*zip(frame["move"], frame["places"], strict=True)] == [
        (move.direction, move.places) for side in answer.sides for move in side.moves
    ]


@pytest.mark.usefixtures("_quick_maps")
def test_maps_are_a_table_with_a_row_a_text(pair_of, texts):
    maps = pair_of("sts").map(texts)
    frame = maps.to_frame()
    assert list(frame.columns)[:4] == ["title", "text", "kind", "neighbours_shared"]
    assert list(frame.columns)[4:] == ["baseline/sts x", "baseline/sts y", "mote/sts x", "mote/sts y"]
    np.testing.assert_array_equal(frame[["mote/sts x", "mote/sts y"]], maps.right.points)
    assert "neighbours_shared" not in texts.frame


@pytest.mark.usefixtures("_quick_maps")
def test_maps_through_one_lens_twice_keep_both_places(tiny_encoder, texts):
    lens = Lens.of(tiny_encoder, "sts", model="mote")
    columns = list(Pair(lens, lens).map(texts).to_frame().columns)
    assert columns[4:] == ["mote/sts x", "mote/sts y", "mote/sts (right) x", "mote/sts (right) y"]


@pytest.mark.usefixtures("_quick_maps")
@pytest.mark.parametrize("name", ["maps.html", "maps.png", "maps.csv"])
def test_maps_are_saved_by_the_end_of_the_name(pair_of, texts, tmp_path, name):
    pair_of("sts").map(texts).save(tmp_path / name, "kind")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    if name.endswith("csv"):
        assert len(pd.read_csv(tmp_path / name)) == 36


def test_a_matrix_says_where_each_task_ranks_each_text(pair_of, texts, tiny_encoder):
    left, right = pair_of("retrieval").matrix("the small dog", texts, 4)
    assert [str(lens) for lens in left.lenses] == [f"baseline/{look}" for look in LOOKS]
    assert [str(lens) for lens in right.lenses] == [f"mote/{look}" for look in LOOKS]
    frame = right.to_frame()
    for lens in right.lenses:
        scores = lens.encode_document(texts.passages) @ lens.encode_query(["the small dog"])[0]
        ranks = scores[:, None] <= scores[None]
        expected = ranks.sum(axis=1)[frame["row"]]
        np.testing.assert_allclose(frame[str(lens)], expected, atol=1)
    assert frame["text"].tolist() == [texts.passages[row] for row in frame["row"]]
    tops = [set(frame["row"][frame[str(lens)].between(1, 4)]) for lens in right.lenses]
    assert all(len(top) == 4 for top in tops)
    assert set(frame["row"]) == set.union(*tops)
    pairs = [(one, other) for at, one in enumerate(tops) for other in tops[at + 1 :]]
    assert right.shared == pytest.approx(np.mean([len(one & other) for one, other in pairs]))
    assert repr(right) == f"TaskMatrix(4 tasks share {right.shared:.1f} of 4)"


LOOKS = ("retrieval", "classification", "clustering", "sts")


def test_a_matrix_has_a_column_for_each_expert_and_keeps_the_instruction_off(tiny_encoder, texts):
    grown = copied_expert(tiny_encoder, instruction="mine: ").plugged_into(tiny_encoder)
    lens = Lens.of(grown, "sts", instruction=False, model="mote")
    matrix, _ = Pair(lens, lens).matrix(QUERY, texts, 3)
    assert [str(each) for each in matrix.lenses] == [f"mote/{look}?instruction=off" for look in (*LOOKS, "mine")]


def test_a_model_with_one_way_to_look_shares_everything_with_itself(narrow, texts):
    matrix, _ = Pair(narrow, narrow).matrix("the small dog", texts, 4)
    assert len(matrix.lenses) == 1
    assert matrix.shared == 4


@pytest.mark.usefixtures("_quick_maps")
def test_what_a_notebook_shows_is_short_and_escaped(pair_of, texts):
    pair, evil = pair_of("sts"), "<img src=x>"
    evil_texts = Texts("evil", evil, texts.frame.assign(text=[evil, *texts.frame["text"][1:]]), labels=("kind",))
    answer, maps = pair.ask(evil, evil_texts, 2), pair.map(evil_texts)
    assert repr(answer) == f"Answer({evil!r}: {answer.overlap.shared} of 2 shared)"
    assert repr(maps).startswith("Maps(baseline/sts | mote/sts, 36 texts by UMAP, ")
    assert evil not in answer._repr_html_()
    assert evil not in pair.matrix(evil, evil_texts)[0]._repr_html_()


# --- what is kept


def test_texts_are_encoded_once_whatever_is_asked_of_them(pair_of, texts, monkeypatch):
    pair, seen = pair_of("retrieval"), []
    encode = type(pair.left.encoder).encode
    monkeypatch.setattr(
        type(pair.left.encoder),
        "encode",
        lambda self, texts, **options: seen.append((self.name, len(texts))) or encode(self, texts, **options),
    )
    pair.ask(QUERY, texts)
    next(pair.draw(texts))
    Pair(pair.right, pair.left, pair.store).ask(QUERY, texts)
    assert sorted(call for call in seen if call[1] > 1) == [("tiny MoTE", 36), ("tiny baseline", 36)]


@pytest.mark.usefixtures("_quick_maps")
@pytest.mark.parametrize(
    ("texts_public", "left_public", "right_public", "files"),
    [
        # Vectors of each side, and a map of each; the right map depends on the left one.
        (True, True, True, 4),
        (True, True, False, 2),
        (True, False, True, 1),
        (False, True, True, 0),
    ],
)
def test_nothing_private_is_on_disk(
    tiny_baseline_encoder, tiny_encoder, texts, tmp_path, texts_public, left_public, right_public, files
):
    left = Lens.of(tiny_baseline_encoder, "sts", public=left_public)
    right = Lens.of(tiny_encoder, "sts", public=right_public)
    asked = Texts("things", "Things", texts.frame, public=texts_public)
    pair = Pair(left, right, VectorStore(tmp_path))
    pair.ask(QUERY, asked)
    pair.map(asked)
    assert len(list(tmp_path.iterdir())) == files


def test_without_a_store_nothing_is_on_disk(pair_of):
    assert pair_of("sts").store.folder is None
