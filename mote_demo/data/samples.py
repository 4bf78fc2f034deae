"""The sample set: support messages to an imaginary shop, where tasks disagree about what is near."""

from dataclasses import replace
from pathlib import Path

from mote_demo.data.texts import Texts
from mote_demo.data.uploads import read_table, to_texts

_LABELS = ("topic", "intent", "mood")
_QUERIES = (
    "Thank you, this made my day!",
    "I was charged twice for the same order",
    "Where is my parcel?",
    "I can't sign in any more",
    "The app keeps crashing",
    "This broke after two days",
)


def samples_path() -> Path:
    """Return the sample CSV, with the columns text, topic, intent and mood; it may be downloaded and uploaded."""
    return Path(__file__).with_name("samples.csv")


def load_samples() -> Texts:
    """Load the 240 sample messages: four of each topic, intent and mood.

    The same topic is told in many wordings, and intent and mood are in the wording only, so that a
    neighbour by topic is rarely one by intent or by mood.
    """
    texts = to_texts(read_table(samples_path()), text="text", labels=_LABELS, name="samples", queries=_QUERIES)
    return replace(texts, title="Support messages (sample set)", public=True)
