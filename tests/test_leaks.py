import pandas as pd
import pytest

from mote_demo.evaluation.labelled_sets import discover
from mote_demo.training.leaks import Leaks, leaks_of

SENTENCE = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Set an alarm for 7!", True),
        ("set an alarm   for 8", True),
        ("for 8, set an alarm", True),
        ("set an alarm", False),
        ("set two alarms for 7", False),
        ("It begins: " + SENTENCE.rsplit(" ", 2)[0] + ", and ends elsewhere.", True),
        ("It begins: " + SENTENCE.rsplit(" ", 3)[0] + ", and ends elsewhere.", False),
        ("", False),
        ("!", False),
    ],
)
def test_a_text_of_the_evaluation_is_known_in_other_case_order_and_numbers_or_by_thirteen_words(text, known):
    assert Leaks(["set an alarm for 7", SENTENCE, "", "?"]).find([text]).tolist() == [known]


def test_a_training_row_goes_when_any_of_its_texts_is_known():
    rows = pd.DataFrame({"anchor": ["a b", "c d", "e f"], "positive": ["x", "y", "scored text"], "label": [0, 1, 2]})
    kept = Leaks(["B A", "scored text"]).drop_rows(rows)
    assert kept["anchor"].tolist() == ["c d"]
    assert kept.index.tolist() == [0]
    assert kept["label"].tolist() == [1]


def test_every_scored_text_is_read_and_the_few_shot_pool_is_not(tmp_path):
    tables = {
        "dev/retrieval/r/corpus": pd.DataFrame({"id": ["1"], "title": ["a title"], "text": ["a document"]}),
        "dev/retrieval/r/queries": pd.DataFrame({"id": ["1"], "text": ["a query"]}),
        "dev/retrieval/r/qrels": pd.DataFrame({"query_id": ["1"], "doc_id": ["1"], "score": [1]}),
        "dev/classification/c/train": pd.DataFrame({"text": ["in the pool"], "label_text": ["x"]}),
        "dev/classification/c/test": pd.DataFrame({"text": ["a test"], "label_text": ["x"]}),
        "dev/sts/s/test": pd.DataFrame({"sentence1": ["left"], "sentence2": ["right"], "score": [1]}),
        "dev/nli/n/test": pd.DataFrame({"premise": ["given"], "hypothesis": ["so"], "label_text": ["neutral"]}),
    }
    for name, table in tables.items():
        file = tmp_path / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(file)
    texts = ["a title", "a document", "a query", "a test", "left", "right", "given", "so", "in the pool"]
    assert leaks_of(discover(tmp_path)).find(texts).tolist() == [True] * 8 + [False]
