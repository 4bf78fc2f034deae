"""What the benchmarks work on: the shipped models and the documentation texts of the installed packages."""

from functools import cache

import numpy as np
import pandas as pd

from mote_demo.data.docstrings import load_docstrings
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.settings import ROOT, cache_folder

ROUTE = "document"
QUERY = "how to read a table from a file"


@cache
def encoder(name: str) -> Encoder:
    """Return a shipped model, "baseline" or "mote"."""
    return Encoder.from_pretrained(ROOT / "checkpoints" / name, name)


@cache
def documents(count: int) -> tuple[str, ...]:
    """Return a seeded sample of documentation texts: mixed real lengths."""
    passages = load_docstrings(cache=cache_folder()).passages
    rows = np.random.default_rng(0).choice(len(passages), min(count, len(passages)), replace=False)
    return tuple(passages[row] for row in rows)


def many_texts(count: int) -> Texts:
    """Return ``count`` different texts, for what does not depend on what they say."""
    passages = load_docstrings(cache=cache_folder()).passages
    rows = [f"{passages[number % len(passages)]} ({number})" for number in range(count)]
    return Texts("many", f"{count:,} texts", pd.DataFrame({"title": "", "text": rows}))


def clustered(count: int, dimension: int, seed: int, *, groups: int = 40) -> np.ndarray:
    """Return unit vectors around ``groups`` centres: float32 [count, dimension]."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(groups, dimension))
    rows = centres[random.integers(groups, size=count)] + random.normal(scale=1.2, size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
