"""Hard negatives for sources of pairs that come without."""

import hashlib
from pathlib import Path

import pandas as pd
from datasets import Dataset

from mote_demo.errors import UserError
from mote_demo.files import replacing

RELATIVE_MARGIN = 0.05
"""A negative must score at least this share lower than the positive: what is nearer is likely a false one."""

DEEPEST = 50
"""Negatives come from this many nearest documents."""


def with_hard_negatives(rows: pd.DataFrame, backbone: str, count: int, folder: str | Path) -> pd.DataFrame:
    """Add to each row the nearest documents of other groups that are clearly further than its own.

    Rows for which fewer than ``count`` are found are left out. Positive-aware mining with a margin (de Souza
    Moreira et al. 2024, NV-Retriever), by sentence-transformers. What was found is kept in ``folder``.

    Args:
        rows: anchor, positive and label, as ``load_pairs`` gives them.
        backbone: folder or Hub name of the untouched model that searches.
        count: negatives of a row.
        folder: where to keep the result; equal rows, backbone and count find it again.

    Returns:
        The rows with further columns negative_1, negative_2 and so on.
    """
    file = Path(folder) / f"{_key(rows, backbone, count)}.parquet"
    if not file.is_file():
        mined = _mine(rows, backbone, count)
        with replacing(file) as temporary:
            mined.to_parquet(temporary, index=False)
    return pd.read_parquet(file)


def _mine(rows: pd.DataFrame, backbone: str, count: int) -> pd.DataFrame:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import mine_hard_negatives

    pairs = rows[["anchor", "positive"]].drop_duplicates()
    if pairs["positive"].nunique() <= count:
        raise UserError(f"Only {pairs['positive'].nunique()} documents: too few for {count} hard negatives a row.")
    mined = mine_hard_negatives(
        Dataset.from_pandas(pairs, preserve_index=False),
        SentenceTransformer(backbone),
        anchor_column_name="anchor",
        positive_column_name="positive",
        range_max=DEEPEST,
        relative_margin=RELATIVE_MARGIN,
        num_negatives=count,
        output_format="n-tuple",
        verbose=False,
    )
    return _of_other_groups(mined.to_pandas().merge(rows, on=["anchor", "positive"]), rows)


def _of_other_groups(mined: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows with a negative of their own group, such as another caption of the same picture."""
    group = rows.drop_duplicates("positive").set_index("positive")["label"]
    negatives = [column for column in mined.columns if column.startswith("negative")]
    own = pd.concat([mined[column].map(group) == mined["label"] for column in negatives], axis=1).any(axis=1)
    return mined[~own].reset_index(drop=True)


def _key(rows: pd.DataFrame, backbone: str, count: int) -> str:
    digest = hashlib.sha256(f"{backbone}\0{count}\0{RELATIVE_MARGIN}\0{DEEPEST}".encode())
    digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:32]
