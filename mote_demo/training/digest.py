"""What decides a training, as a hash by which the training is found again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mote_demo.training.recipe import Recipe

if TYPE_CHECKING:
    from datasets import DatasetDict


def digest(recipe: Recipe, arm: str) -> str:
    """Return a hash of all that decides the training of an arm; equal trainings have equal hashes."""
    return hashlib.sha256(settings_text(recipe, arm).encode()).hexdigest()[:16]


def settings_text(recipe: Recipe, arm: str) -> str:
    """Return all that decides the training of an arm, as JSON."""
    values = asdict(recipe)
    values["arms"] = _arm_settings(values["arms"], arm)
    for aside in ("seeds", "save_every", "ship_soup"):
        del values[aside]
    return json.dumps(values, indent=2) + "\n"


def _arm_settings(arms: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Return what decides the training of an arm, that of the arm it starts from included."""
    # What an arm leaves to the recipe is said there.
    values = {key: value for key, value in arms[name].items() if key not in ("seeds", "title") and value is not None}
    return values | {"start": _arm_settings(arms, values["start"])} if values["start"] else values


def data_digest(data: "DatasetDict") -> str:
    """Return a hash of the training rows: those that a recipe gives depend on the files and on what is scored."""
    import pandas as pd

    digest = hashlib.sha256()
    for name, part in data.items():
        digest.update(name.encode())
        digest.update(pd.util.hash_pandas_object(part.to_pandas(), index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]
