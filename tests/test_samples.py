import re
from collections import Counter

import pytest

from mote_demo.data.samples import load_samples, samples_path
from mote_demo.data.uploads import guess_columns, read_table, to_examples


@pytest.fixture(scope="module")
def samples():
    return load_samples()


def test_every_combination_of_labels_has_at_least_four_messages(samples):
    counts = Counter(samples.frame[list(samples.labels)].itertuples(index=False, name=None))
    assert samples.labels == ("topic", "intent", "mood")
    assert len(counts) == 5 * 4 * 3
    assert min(counts.values()) >= 4
    assert len(samples) >= 240


def test_messages_vary_in_length_and_share_no_long_run_of_words(samples):
    words = [re.findall(r"[\w']+", text.lower()) for text in samples.frame["text"]]
    lengths = [len(text.split()) for text in samples.frame["text"]]
    runs = Counter(run for text in words for run in {tuple(text[at : at + 5]) for at in range(len(text) - 4)})
    assert min(lengths) >= 8
    assert max(lengths) <= 45
    assert max(runs.values()) == 1


def test_labels_are_in_the_wording_only(samples):
    named = samples.frame["text"].str.contains(r"\b(?:frustrated|cheerful|calm|praise|complain)\b", case=False)
    assert named.mean() < 0.01


def test_samples_are_clean_and_have_queries(samples):
    assert samples.name == "samples"
    assert samples.notes == ()
    assert len(samples.queries) == 6
    assert (samples.frame["title"] == "").all()


@pytest.mark.parametrize("label", ["topic", "intent", "mood"])
def test_the_sample_file_can_be_uploaded_to_train_on(label):
    table = read_table(samples_path())
    columns = guess_columns(table)
    assert (columns.text, columns.label) == ("text", "topic")
    examples = to_examples(table, "classification", type(columns)(text="text", label=label))
    assert min(examples.counts.values()) >= 48
