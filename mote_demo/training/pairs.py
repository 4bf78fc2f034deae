"""Sources of labelled text as (anchor, positive, group) rows."""

from pathlib import Path

import numpy as np
import pandas as pd

from mote_demo.data.groups import connected_groups
from mote_demo.errors import UserError
from mote_demo.training.recipe import Source


def load_pairs(source: Source, data_dir: str | Path | None, seed: int) -> pd.DataFrame:
    """Read one source as training rows.

    Returns:
        Columns anchor, positive, negative (str, only for entailment sources) and label: int64, and rows with
        the same label are never each other's negatives; or, for graded sources, the grade as float32.
    """
    frame = _read(source, data_dir)
    missing = [theirs for theirs in (*source.columns.values(), *source.keep) if theirs not in frame.columns]
    if missing:
        raise UserError(f"{source.name}: no column {missing[0]!r}; there are {', '.join(frame.columns)}.")
    for column, value in source.keep.items():
        frame = frame[frame[column] == value]
    frame = _without_blanks(pd.DataFrame({ours: frame[theirs].array for ours, theirs in source.columns.items()}))
    if source.max_rows is not None and len(frame) > source.max_rows:
        # The same with every seed, so that the teacher's vectors serve all.
        frame = frame.sample(source.max_rows, random_state=0)
    if source.shape == "labelled":
        rows = _from_labels(frame, seed)
    elif source.shape == "entailment":
        rows = _from_entailment(frame, seed)
    elif source.shape == "graded":
        rows = _from_grades(frame, source)
    else:
        rows = _from_pairs(frame)
    if rows.empty:
        raise UserError(f"{source.name} gives no {source.shape!r} rows to train on. Check its columns and labels.")
    return rows


def _read(source: Source, data_dir: str | Path | None) -> pd.DataFrame:
    if data_dir is not None and source.path:
        path = Path(data_dir) / source.path
        if not path.is_file():
            raise UserError(f"{source.name}: there is no file {path}. Check --data, or leave it out to use the Hub.")
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:  # what pyarrow raises for a damaged file is a ValueError
            raise UserError(f"{source.name}: {path} is not a readable Parquet file ({error}).") from error
    if source.hub is None:
        raise UserError(f"{source.name} has no Hub name in the recipe. Please give --data with {source.path}.")
    from datasets import load_dataset

    try:
        return load_dataset(**source.hub).to_pandas()
    # The libraries beneath raise errors of many types, which change by version.
    except Exception as error:
        raise UserError(
            f"{source.name}: {source.hub['path']} cannot be read from the Hub ({type(error).__name__}: {error}). "
            "Check the network and the names in the recipe, or give --data."
        ) from error


def _without_blanks(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.dropna()
    return frame[frame.apply(lambda column: column.astype(str).str.strip().ne("")).all(axis=1)]


def _from_pairs(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame.drop_duplicates(["anchor", "positive"])
    # One vocabulary: a text that is the anchor of one pair and the positive of another must not be its own negative.
    groups = connected_groups([rows["anchor"], rows["positive"]], *([[rows["label"]]] if "label" in rows else []))
    return pd.DataFrame({"anchor": rows["anchor"].array, "positive": rows["positive"].array, "label": groups})


def _from_labels(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Pair each text with a random other text of its label."""
    rows = frame.drop_duplicates("anchor")
    rows = rows[rows["label"].map(rows["label"].value_counts()) > 1].reset_index(drop=True)
    random = np.random.default_rng(seed)
    partner = np.empty(len(rows), dtype=np.int64)
    for members in rows.groupby("label").indices.values():
        shuffled = random.permutation(members)
        partner[shuffled] = np.roll(shuffled, 1)
    return pd.DataFrame(
        {
            "anchor": rows["anchor"].array,
            "positive": rows["anchor"].to_numpy()[partner],
            "label": pd.factorize(rows["label"])[0],
        }
    )


def _from_entailment(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Make triplets of premise, entailed and contradicting hypothesis; neutral ones are not used."""
    shuffled = frame.sample(frac=1, random_state=seed).drop_duplicates(["anchor", "label"])
    by_label = {
        column: shuffled[shuffled["label"] == label].set_index("anchor")["positive"].rename(column)
        for column, label in (("positive", "entailment"), ("negative", "contradiction"))
    }
    rows = pd.concat(by_label.values(), axis=1, join="inner").reset_index()
    rows["label"] = connected_groups([rows["anchor"], rows["positive"]])
    return rows[["anchor", "positive", "negative", "label"]]


def _from_grades(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    grades = frame["score"].map(source.grades) if source.grades else pd.to_numeric(frame["score"], errors="coerce")
    if grades.isna().any():
        raise UserError(f"{source.name}: the score {frame['score'][grades.isna()].iloc[0]!r} has no number in grades.")
    if not grades.between(0, 1).all():
        raise UserError(
            f"{source.name}: scores go from {grades.min():g} to {grades.max():g}, not from 0 to 1. See grades."
        )
    return pd.DataFrame(
        {"anchor": frame["anchor"].array, "positive": frame["positive"].array, "label": grades.to_numpy("float32")}
    )
