"""A seeded sample of a stream whose length nobody knows beforehand."""

import itertools
import math
import random
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


def reservoir(items: Iterable[Item], size: int, seed: int) -> tuple[list[Item], int]:
    """Draw ``size`` items at random, each with the same chance, holding no more than that many.

    Most items are passed over without drawing a number for them (Li 1994, algorithm L).

    Returns:
        The drawn items in their order, and how many there were.
    """
    numbered = enumerate(items)
    drawn = list(itertools.islice(numbered, size))
    total = len(drawn)
    dice = random.Random(seed)
    weight, following = _leap(1.0, total - 1, size, dice)
    for position, item in numbered:
        if position == following:
            drawn[dice.randrange(size)] = (position, item)
            weight, following = _leap(weight, position, size, dice)
        total = position + 1
    return [item for _, item in sorted(drawn, key=lambda pair: pair[0])], total


def _leap(weight: float, position: int, size: int, dice: random.Random) -> tuple[float, int]:
    """Return the next weight, and the position of the next item that takes the place of another."""
    # 1 - random() is above 0, as a logarithm needs.
    weight *= math.exp(math.log(1 - dice.random()) / size)
    return weight, position + 1 + math.floor(math.log(1 - dice.random()) / math.log1p(-weight))
