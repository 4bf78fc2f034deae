"""The training rows of a recipe: read, kept apart from the evaluation, with hard negatives."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from datasets import Dataset, DatasetDict

from mote_demo.errors import UserError
from mote_demo.evaluation.labelled_sets import LabelledSet
from mote_demo.model.backbones import backbone_path
from mote_demo.training.leaks import Leaks, leaks_of
from mote_demo.training.negatives import with_hard_negatives
from mote_demo.training.pairs import load_pairs
from mote_demo.training.recipe import Recipe, Source

Say = Callable[[str], None]


def load_sources(
    recipe: Recipe, data_dir: str | Path | None, sets: Sequence[LabelledSet], *, work: str | Path, say: Say
) -> DatasetDict:
    """Read every source of the recipe as training rows (see ``load_pairs``).

    Args:
        recipe: see ``load_recipe``.
        data_dir: folder that holds the sources' Parquet files; None reads them from the Hub.
        sets: what will be scored; rows with a text of theirs are left out (see ``Leaks``).
        work: folder where hard negatives are kept, once found.
        say: called with a line on what was left out or found.
    """
    leaks = leaks_of(sets) if sets else None
    rows = {source.name: load_pairs(source, data_dir, recipe.seed) for source in recipe.sources}
    if leaks is not None:
        rows = _without_leaks(rows, leaks, say)
    for source in recipe.sources:
        rows[source.name] = _with_negatives(rows[source.name], source, recipe, Path(work), say)
    return DatasetDict({name: Dataset.from_pandas(frame, preserve_index=False) for name, frame in rows.items()})


def _without_leaks(rows: dict[str, pd.DataFrame], leaks: Leaks, say: Say) -> dict[str, pd.DataFrame]:
    kept = {name: leaks.drop_rows(frame) for name, frame in rows.items()}
    removed = {name: len(rows[name]) - len(frame) for name, frame in kept.items()}
    for name, frame in kept.items():
        if frame.empty:
            raise UserError(f"{name}: every row has a text of the evaluation. Please leave it out of the recipe.")
    if any(removed.values()):
        listed = ", ".join(f"{name} {count}" for name, count in removed.items() if count)
        say(f"left out {sum(removed.values())} rows with a text of the evaluation: {listed}")
    return kept


def _with_negatives(rows: pd.DataFrame, source: Source, recipe: Recipe, work: Path, say: Say) -> pd.DataFrame:
    wanted = recipe.tasks[source.task].hard_negatives
    if not wanted or source.shape != "pairs":
        return rows
    found = with_hard_negatives(rows, backbone_path(recipe.backbone), wanted, work / "negatives")
    if found.empty:
        raise UserError(f"{source.name}: no row has {wanted} hard negatives. Please ask for fewer, or for none.")
    say(f"{source.name}: {wanted} hard negatives for {len(found)} of {len(rows)} rows")
    return found
