"""An answer of the Compare tab, without its drawing, beside two bare forward passes and two searches."""

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.inputs import QUERY, clustered, encoder, many_texts
from benchmarks.rows import ALTERNATIONS, Row, alternate, median_ms
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.store import VectorStore

_DOCUMENTS = 20_000
_HITS = 10
_QUESTIONS = 20


def answers() -> Iterator[Row]:
    """Compare a whole answer over 20,000 documents with forward passes and FAISS searches alone."""
    import faiss

    texts = many_texts(_DOCUMENTS)
    dense, mote = encoder("baseline"), encoder("mote")
    pair, steps = Pair(Lens.of(dense, "retrieval"), Lens.of(mote, "retrieval")), []
    for seed, model in enumerate((dense, mote)):
        vectors = clustered(_DOCUMENTS, model.dimension, seed)
        # What the vectors are does not change the time; encoding so many texts would take many minutes.
        pair.store.array(VectorStore.key(model, "document", texts), vectors.view)
        index = faiss.IndexFlatIP(model.dimension)
        index.add(vectors)
        ids = torch.tensor(model.tokenize([QUERY], "query"))
        steps.append((model.model, ids, torch.ones_like(ids), index))

    def bare() -> None:
        for model, ids, mask, index in steps:
            with torch.inference_mode():
                vector = model(ids, mask, route="query").pooler_output
            index.search(vector.numpy(), _HITS)

    def ours() -> None:
        pair.ask(QUERY, texts, _HITS)

    ratios: list[float] = []
    own: list[float] = []
    for _ in range(ALTERNATIONS):
        times = alternate(ours, bare, times=_QUESTIONS)
        ratios.append(float(np.median(times[0]) / np.median(times[1])))
        own.extend(times[0])
    name = f"Search answer, server side, both models, {_DOCUMENTS:,} documents, p50"
    yield Row(name, "two forward passes and two FAISS searches", tuple(ratios), 1.3, "lower", median_ms(own))
