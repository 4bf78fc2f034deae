"""The words that tell groups of texts apart, and where they stand on a map."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mote_demo.explore.colouring import Colouring
from mote_demo.explore.words import SHORTEST_STEM, STOP_WORDS, WORD, stem

WORDS = 3
"""Words of a group that are shown."""

_MOST_CLUSTERS = 16
_LONGEST_TEXT = 1000
"""Characters of a text that are read for its words."""
# Frequent in any English text: they tell no group from another.
_COMMON = STOP_WORDS | frozenset(
    WORD.findall(
        "about after again all also always another any because before being between both could down each even ever "
        "every few first get gets getting go goes going got just keep keeps last like made make many may more most "
        "much must never new now off once one only other out over please same see should since so some still such "
        "take than thing things those through time too two under until up use used using very want way well while "
        "would yet"
    )
)


@dataclass(frozen=True)
class Clusters:
    """Hold groups of points with their words.

    Attributes:
        codes: int64 [n], the group of each point; -1 for none.
        names: what each group is called; "" for one that k-means found.
        words: those of each group, the most telling first.
    """

    codes: np.ndarray
    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]


def clusters_of(
    passages: Sequence[str], maps: Sequence[np.ndarray], colouring: Colouring, *, seed: int = 0
) -> tuple[Clusters, ...]:
    """Group the points of each map: by what they are coloured by, or where that is no label, by k-means on the map.

    Args:
        passages: the texts.
        maps: points of each map, float [n, 2].
        colouring: of the points.
        seed: of k-means.

    Returns:
        One grouping a map; those of labels are one and the same.
    """
    values = [code for code, group in enumerate(colouring.groups) if group.is_value]
    if len(values) < 2:
        return tuple(_named(passages, _kmeans(points, seed)) for points in maps)
    codes = np.where(np.isin(colouring.codes, values), colouring.codes, -1)
    names = [group.name for group in colouring.groups]
    return (_named(passages, codes, names),) * len(maps)


def group_words(texts: Sequence[str], codes: np.ndarray, groups: int, most: int = WORDS) -> list[tuple[str, ...]]:
    """Find the words of each group by class-based TF-IDF (Grootendorst 2022).

    A word counts once a text, and words that differ in case or in a usual English ending are one. Its weight is the
    share of the group's words that it makes, times log(1 + mean words of a group / how often it occurs in all). Words
    that are no more frequent in the group than elsewhere tell nothing of it.

    Args:
        texts: plain texts.
        codes: int [n], group of each text; -1 for none.
        groups: number of groups.
        most: words of each group.

    Returns:
        For each group its words, the heaviest first, in their most frequent form.
    """
    counts: list[Counter[str]] = [Counter() for _ in range(groups)]
    forms: dict[str, Counter[str]] = {}
    stems: dict[str, str] = {}
    for text, code in zip(texts, codes.tolist(), strict=True):
        if code < 0:
            continue
        roots = set()
        for word in set(WORD.findall(text[:_LONGEST_TEXT].casefold())):
            if len(word) < SHORTEST_STEM or word in _COMMON or word.isdigit():
                continue
            root = stems.get(word) or stems.setdefault(word, stem(word))
            forms.setdefault(root, Counter())[word] += 1
            roots.add(root)
        counts[code].update(roots)
    everywhere: Counter[str] = sum(counts, Counter())
    mean = everywhere.total() / max(1, groups)
    sizes = np.bincount(codes[codes >= 0], minlength=groups)
    words = []
    for count, size in zip(counts, (sizes / max(1, sizes.sum())).tolist(), strict=True):
        # The share of the group's words has one divisor for all of them, which leaves their order as it is.
        weights = {
            root: times * np.log1p(mean / everywhere[root])
            for root, times in count.items()
            if times > size * everywhere[root]
        }
        heaviest = sorted(weights, key=lambda root: (-weights[root], root))[:most]
        words.append(tuple(forms[root].most_common(1)[0][0] for root in heaviest))
    return words


def _named(passages: Sequence[str], codes: np.ndarray, names: Sequence[str] = ()) -> Clusters:
    groups = max(len(names), int(codes.max(initial=-1)) + 1)
    return Clusters(codes, tuple(names) or ("",) * groups, tuple(group_words(passages, codes, groups)))


def _kmeans(points: np.ndarray, seed: int) -> np.ndarray:
    """Group points [n, 2]: the more of them, the more groups; int64 [n]."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    different = len(np.unique(points, axis=0))
    clusters = min(_MOST_CLUSTERS, different, max(2, round(np.sqrt(len(points)) / 2)))
    with threadpool_limits(1):
        return KMeans(clusters, n_init=1, random_state=seed).fit_predict(points).astype(np.int64)
