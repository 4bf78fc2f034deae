"""Make reranking sets of retrieval sets: for each query its relevant documents among the nearest by shared words.

python -m scripts.reranking_sets DATA OUT mlquestions_dev nq_gold npl

reads DATA/dev/retrieval/NAME and writes OUT/reranking/NAME_candidates/test.parquet (query, text, label). The
candidates are the nearest documents by TF-IDF, so no embedding model had a part in choosing them.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from mote_demo.data.texts import Texts
from mote_demo.evaluation.families import FAMILIES, Tables
from mote_demo.evaluation.labelled_sets import discover
from mote_demo.files import replacing

CANDIDATES = 30
MOST_QUERIES = 200
MOST_RELEVANT = 10


def candidates(tables: Tables) -> pd.DataFrame:
    """Return the candidates of a seeded sample of the queries: columns query, text and label (1 is relevant)."""
    qrels = tables["qrels"][tables["qrels"]["score"] > 0]
    relevant = qrels.groupby("query_id")["doc_id"].apply(list).to_dict()
    queries = tables["queries"][tables["queries"]["id"].isin(relevant)]
    queries = queries.sample(min(MOST_QUERIES, len(queries)), random_state=0)
    documents = Texts("corpus", "Corpus", tables["corpus"]).passages
    row_of = {name: row for row, name in enumerate(tables["corpus"]["id"])}
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    matrix = words.fit_transform(documents)
    scores = (words.transform(queries["text"]) @ matrix.T).toarray()
    rows = []
    for (_, query), near in zip(queries.iterrows(), scores, strict=True):
        right = {row_of[name] for name in relevant[query["id"]] if name in row_of}
        others = [row for row in np.argsort(-near, kind="stable")[:CANDIDATES] if row not in right]
        kept = sorted([*sorted(right)[:MOST_RELEVANT], *others])
        rows += [(query["text"], documents[row], int(row in right)) for row in kept]
    return pd.DataFrame(rows, columns=["query", "text", "label"])


def main() -> None:
    """Write a reranking set for each retrieval set that was named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    for one in discover(options.data):
        if one.family == "retrieval" and one.name in options.names:
            made = candidates(one.read()[0])
            with replacing(options.out / "reranking" / f"{one.name}_candidates" / "test.parquet") as temporary:
                made[list(FAMILIES["reranking"].files["test"])].to_parquet(temporary, index=False)


if __name__ == "__main__":
    main()
