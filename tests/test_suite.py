import hashlib

import numpy as np
import pandas as pd
import pytest

from mote_demo.errors import UserError
from mote_demo.evaluation import labelled_sets
from mote_demo.evaluation.families import FAMILIES
from mote_demo.evaluation.suite import evaluate
from mote_demo.store import VectorStore
from mote_demo.tasks import ROUTES

TOPICS = 4
RIGHT_ROUTES = {
    "retrieval": {"query", "document"},
    "reranking": {"query", "document"},
    "classification": {"classification"},
    "clustering": {"clustering"},
    "sts": {"sts"},
    "pairs": {"sts"},
    "nli": {"sts"},
}


class Oracle:
    """Reads the answer out of texts "TOPIC ANGLE anything" on some routes; on the others its vectors are random."""

    dimension = 2 * TOPICS

    def __init__(self, knows=tuple(ROUTES), name="oracle"):
        self.name = name
        self.routes = tuple(ROUTES)
        self.knows = knows
        self.calls = []

    def encode(self, texts, *, route, instruction=True, progress=None, stop=None):
        self.calls.append((route, list(texts)))
        return np.array([self._vector(text, route) for text in texts], dtype=np.float32)

    def _vector(self, text, route):
        if route not in self.knows:
            seed = int.from_bytes(hashlib.sha256(f"{route}{text}".encode()).digest()[:4], "big")
            noise = np.random.default_rng(seed).normal(size=self.dimension)
            return noise / np.linalg.norm(noise)
        topic, angle = text.replace(". ", " ").split()[:2]
        vector = np.zeros(self.dimension)
        vector[2 * int(topic)], vector[2 * int(topic) + 1] = np.cos(float(angle)), np.sin(float(angle))
        return vector

    def fingerprint(self, route, *, instruction=True):
        return f"{self.name}-{route}"


def topic_rows(count):
    return [(f"{row % TOPICS} 0.{row % 3} text {row}", f"label {row % TOPICS}") for row in range(count)]


@pytest.fixture
def data(tmp_path):
    def write(family, file, columns, rows):
        folder = tmp_path / "dev" / family / f"tiny_{family}"
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows, columns=columns).to_parquet(folder / f"{file}.parquet")

    documents = [(f"d{row}", f"{row % TOPICS}", f"0.0 text {row}") for row in range(24)]
    queries = [(f"q{topic}", f"{topic} 0.0 query") for topic in range(TOPICS)]
    qrels = [(f"q{row % TOPICS}", f"d{row}", 1 + 0 * row) for row in range(24)]
    write("retrieval", "corpus", ["id", "title", "text"], documents)
    write("retrieval", "queries", ["id", "text"], [*queries, ("q-unjudged", "0 0.0 unjudged")])
    write("retrieval", "qrels", ["query_id", "doc_id", "score"], [*qrels, ("q-unjudged", "d0", 0)])
    candidates = [
        (f"{topic} 0.0 query", f"{row % TOPICS} 0.0 candidate {row}", int(row % TOPICS == topic))
        for topic in range(TOPICS)
        for row in range(12)
    ]
    write("reranking", "test", ["query", "text", "label"], [*candidates, ("0 0.0 without any", "1 0.0 wrong", 0)])
    write("classification", "train", ["text", "label_text"], topic_rows(60))
    write("classification", "test", ["text", "label_text"], topic_rows(40))
    write("clustering", "test", ["text", "label_text"], topic_rows(40))
    angles = [step / 40 for step in range(40)]
    write("sts", "test", ["sentence1", "sentence2", "score"], [("0 0.0 a", f"0 {angle}", -angle) for angle in angles])
    pairs = [
        (f"{row % TOPICS} 0.0 a{row}", f"{(row + row // 20) % TOPICS} 0.1 b{row}", 1 - row // 20) for row in range(40)
    ]
    write("pairs", "test", ["sentence1", "sentence2", "label"], pairs)
    named = [(first, second, "entailment" if label else "contradiction") for first, second, label in pairs]
    neutral = [(f"1 0.0 n{row}", f"1 0.0 m{row}", "neutral") for row in range(40)]
    write("nli", "test", ["premise", "hypothesis", "label_text"], [*named, *neutral])
    return tmp_path


def points(encoder, data, family, **options):
    sets = [one for one in labelled_sets.discover(data) if one.family == family]
    return evaluate([encoder], sets, **options).sets[0].scores[encoder.name].points


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_that_knows_the_answers_on_the_right_routes_gets_100_points(data, family):
    assert points(Oracle(knows=RIGHT_ROUTES[family]), data, family) == pytest.approx(100, abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_that_knows_them_only_on_other_routes_does_not(data, family):
    others = set(ROUTES) - RIGHT_ROUTES[family]
    assert points(Oracle(knows=others), data, family) < 85


def test_reranking_is_the_mean_over_the_queries_that_have_a_right_candidate(data):
    report = evaluate([Oracle()], [one for one in labelled_sets.discover(data) if one.family == "reranking"])
    (one,) = report.sets
    assert (one.metric, one.part, len(one.scores["oracle"].parts)) == ("MAP", "query", TOPICS)


def test_candidates_of_which_none_is_right_are_refused(data):
    file = data / "dev" / "reranking" / "tiny_reranking" / "test.parquet"
    pd.read_parquet(file).assign(label=0).to_parquet(file)
    with pytest.raises(UserError, match="tiny_reranking.*No query of test.parquet has a candidate labelled 1"):
        points(Oracle(), data, "reranking")


@pytest.mark.parametrize("side", ["query", "document"])
def test_retrieval_needs_both_of_its_routes(data, side):
    assert points(Oracle(knows={side}), data, "retrieval") < 85


def test_documents_are_title_and_text_and_queries_without_a_relevant_document_do_not_count(data):
    encoder = Oracle()
    report = evaluate([encoder], [one for one in labelled_sets.discover(data) if one.family == "retrieval"])
    sent = dict(encoder.calls)
    assert sent["document"][5] == "1. 0.0 text 5"
    assert len(report.sets[0].scores["oracle"].parts) == TOPICS


def test_each_distinct_text_is_encoded_once(data):
    encoder = Oracle()
    report = evaluate([encoder], [one for one in labelled_sets.discover(data) if one.family == "sts"])
    ((_, texts),) = encoder.calls
    assert len(texts) == len(set(texts)) == 41
    assert report.sets[0].scores["oracle"].texts == 41


def test_a_rerun_takes_the_vectors_from_disk(data, tmp_path):
    sets = labelled_sets.discover(data)
    first = evaluate([Oracle()], sets, store=VectorStore(tmp_path / "vectors"))
    again = Oracle()
    second = evaluate([again], sets, store=VectorStore(tmp_path / "vectors"))
    assert again.calls == []
    assert [one.scores["oracle"].parts for one in first.sets] == [one.scores["oracle"].parts for one in second.sets]


def test_a_model_of_another_fingerprint_does_not_get_stored_vectors(data, tmp_path):
    sets = [one for one in labelled_sets.discover(data) if one.family == "clustering"]
    store = VectorStore(tmp_path / "vectors")
    report = evaluate([Oracle(), Oracle(knows=(), name="random")], sets, store=store)
    assert report.sets[0].scores["random"].points < report.sets[0].scores["oracle"].points


def test_all_models_are_scored_on_the_same_rows_and_the_report_says_what_was_measured(data):
    report = evaluate([Oracle(), Oracle(name="twin")], labelled_sets.discover(data), seed=5)
    assert report.models["twin"]["sts"] == "twin-sts"
    assert report.seed == 5
    for one in report.sets:
        assert one.scores["oracle"].parts == one.scores["twin"].parts
    draws = next(one for one in report.sets if one.family == "classification")
    assert (draws.part, len(draws.scores["twin"].parts)) == ("draw", 10)


def test_models_of_the_same_name_are_refused(data):
    with pytest.raises(UserError, match="same name"):
        evaluate([Oracle(), Oracle()], labelled_sets.discover(data))


def test_one_line_is_reported_after_each_set(data):
    lines = []
    evaluate([Oracle()], labelled_sets.discover(data), on_set=lines.append)
    assert len(lines) == len(FAMILIES)
    assert lines[0].startswith("1/7 retrieval/tiny_retrieval nDCG@10: oracle 100.00")


def test_small_leaves_out_large_collections_and_samples_long_sets(data, monkeypatch):
    monkeypatch.setattr(labelled_sets, "SMALL_DOCUMENTS", 23)
    monkeypatch.setattr(labelled_sets, "SMALL_ROWS", 30)
    sets = labelled_sets.choose(labelled_sets.discover(data), ["small"])
    assert [one.family for one in sets] == [family for family in FAMILIES if family != "retrieval"]
    report = evaluate([Oracle()], sets, seed=1)
    assert report.sets[1].note == "a seeded sample of 30 of 40 rows"
    fingerprints = [evaluate([Oracle()], sets[1:2], seed=seed).sets[0].fingerprint for seed in (1, 2)]
    assert fingerprints[0] == report.sets[1].fingerprint
    assert fingerprints[0] != fingerprints[1]


def test_small_keeps_collections_up_to_the_limit(data, monkeypatch):
    monkeypatch.setattr(labelled_sets, "SMALL_DOCUMENTS", 24)
    assert len(labelled_sets.choose(labelled_sets.discover(data), ["small"])) == len(FAMILIES)


def test_sets_are_chosen_by_name_and_an_unknown_name_lists_them(data):
    sets = labelled_sets.discover(data)
    assert [one.name for one in labelled_sets.choose(sets, ["tiny_sts", "tiny_nli"])] == ["tiny_sts", "tiny_nli"]
    assert labelled_sets.choose(sets, ["all"]) == sets
    with pytest.raises(UserError, match="Unknown set 'nope'.*'small', 'all', 'tiny_retrieval'"):
        labelled_sets.choose(sets, ["nope"])


def test_sets_are_found_with_and_without_a_dev_folder(data):
    assert labelled_sets.discover(data) == labelled_sets.discover(data / "dev")


def test_a_folder_without_sets_is_refused(tmp_path):
    with pytest.raises(UserError, match="no labelled sets.*retrieval"):
        labelled_sets.discover(tmp_path)


def only(data, family):
    return next(one for one in labelled_sets.discover(data) if one.family == family)


def test_a_missing_file_is_named(data):
    one = only(data, "retrieval")
    (one.folder / "qrels.parquet").unlink()
    with pytest.raises(UserError, match="qrels.parquet is missing"):
        evaluate([Oracle()], [one])


def test_a_missing_column_is_named_with_the_file(data):
    one = only(data, "sts")
    path = one.folder / "test.parquet"
    pd.read_parquet(path).rename(columns={"score": "points"}).to_parquet(path)
    with pytest.raises(UserError, match=r"test.parquet has no column 'score'; it has .*'points'"):
        evaluate([Oracle()], [one])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("sentence1", None, "column 'sentence1' has no value in row 3"), ("score", "high", "holds 'high' in row 3")],
)
def test_a_bad_value_is_named_with_its_row(data, column, value, message):
    one = only(data, "sts")
    path = one.folder / "test.parquet"
    frame = pd.read_parquet(path).astype(object)
    frame.loc[2, column] = value
    frame.astype(str if column == "score" else object).to_parquet(path)
    with pytest.raises(UserError, match=message):
        evaluate([Oracle()], [one])


def test_a_damaged_file_is_named(data):
    one = only(data, "pairs")
    (one.folder / "test.parquet").write_bytes(b"not parquet")
    with pytest.raises(UserError, match=r"test.parquet is not a readable Parquet file"):
        evaluate([Oracle()], [one])


def test_pairs_of_one_kind_are_refused_with_the_folder(data):
    one = only(data, "pairs")
    path = one.folder / "test.parquet"
    pd.read_parquet(path).assign(label=1).to_parquet(path)
    with pytest.raises(UserError, match="tiny_pairs.*must hold 0 and 1"):
        evaluate([Oracle()], [one])


def test_qrels_without_a_relevant_document_are_refused(data):
    one = only(data, "retrieval")
    path = one.folder / "qrels.parquet"
    pd.read_parquet(path).assign(score=0).to_parquet(path)
    with pytest.raises(UserError, match="No query of qrels.parquet"):
        evaluate([Oracle()], [one])
