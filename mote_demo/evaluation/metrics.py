"""The metrics, on arrays: fractions from 0 to 1 (Spearman from -1 to 1)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_FEW_SETS = 20
_RESAMPLES_AT_ONCE = 100


def ndcg_at_k(ranked: Sequence[float], judged: Sequence[float], k: int = 10) -> float:
    """Return the normalised discounted cumulative gain of one query, as trec_eval and BEIR define it.

    DCG = sum of grade_i / log2(i + 1) over the ranks i = 1 to k, divided by the DCG of the best
    possible ranking. The gain is the grade itself, not 2^grade - 1.

    Args:
        ranked: grades of the ranked documents, best rank first; 0 where not judged.
        judged: grades of every judged document of the query, in any order.
        k: ranks that count.

    Raises:
        ValueError: no document is relevant, so the measure is undefined.
    """
    ideal = _dcg(sorted(judged, reverse=True)[:k])
    if ideal == 0:
        raise ValueError("nDCG is undefined for a query without a relevant document.")
    return _dcg(ranked[:k]) / ideal


def _dcg(grades: Sequence[float]) -> float:
    gains = np.maximum(np.asarray(grades, dtype=np.float64), 0)  # trec_eval: a negative grade gains nothing
    return float((gains / np.log2(np.arange(len(gains)) + 2)).sum())


def few_shot_draws(labels: ArrayLike, *, k: int = 8, draws: int = 10, seed: int = 0) -> list[np.ndarray]:
    """Draw ``k`` rows of each label, ``draws`` times; a label with fewer rows gives all it has.

    Returns:
        one int64 array of row numbers per draw.
    """
    names, codes = np.unique(labels, return_inverse=True)
    rows = [np.flatnonzero(codes == code) for code in range(len(names))]
    generator = np.random.default_rng(seed)
    return [np.concatenate([generator.permutation(of_label)[:k] for of_label in rows]) for _ in range(draws)]


def probe_accuracy(
    train: np.ndarray, train_labels: ArrayLike, test: np.ndarray, test_labels: ArrayLike, *, seed: int = 0
) -> float:
    """Return the accuracy of a logistic regression on the vectors, with the settings of MTEB.

    Args:
        train: float [n, d].
        train_labels: n labels, two different ones at least.
        test: float [m, d].
        test_labels: m labels.
        seed: of the solver.
    """
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(max_iter=100, random_state=seed)
    return float(probe.fit(train, train_labels).score(test, test_labels))


def v_measure(vectors: np.ndarray, labels: ArrayLike, *, seed: int = 0, scored: int | None = None) -> float:
    """Return the V-measure of mini-batch k-means with as many clusters as labels (Rosenberg & Hirschberg, 2007).

    Args:
        vectors: float [n, d].
        labels: n labels.
        seed: of the starting centres.
        scored: how many of the first texts to compare with their labels; None is all. The others only take part in
            the clustering.
    """
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(np.asarray(labels)[:scored], k_means(vectors, len(np.unique(labels)), seed)[:scored]))


def k_means(vectors: np.ndarray, clusters: int, seed: int = 0) -> np.ndarray:
    """Return the cluster of each vector by mini-batch k-means, int [n].

    Args:
        vectors: float [n, d].
        clusters: how many.
        seed: of the starting centres.
    """
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(clusters, batch_size=512, n_init="auto", random_state=seed).fit_predict(vectors)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of each row of ``first`` with the same row of ``second``, both of unit length: float [n]."""
    return np.einsum("nd,nd->n", first, second)


def spearman(predicted: np.ndarray, gold: ArrayLike) -> float:
    """Return Spearman's rank correlation, ties given their mean rank."""
    from scipy.stats import spearmanr

    return float(spearmanr(predicted, gold).statistic)


def average_precision(predicted: np.ndarray, labels: ArrayLike) -> float:
    """Return the average precision of ranking the pairs by ``predicted``; a label is 1 (positive) or 0."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, predicted))


def sets_interval(differences: ArrayLike, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of a mean difference over sets, two at least.

    By bootstrap where there are twenty or more, and by Student's t where there are fewer: of ten sets, nominal 95 % of
    a bootstrap hold the mean less than nine times in ten.
    """
    values = np.asarray(differences, dtype=np.float64)
    return student_interval(values) if len(values) < _FEW_SETS else bootstrap_interval(values, seed=seed)


def student_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return Student's t interval of the mean of ``values``, float [n] with n > 1."""
    from scipy.stats import sem, t

    low, high = values.mean() + sem(values) * np.array(t.interval(level, len(values) - 1))
    return float(low), float(high)


def bootstrap_interval(
    differences: ArrayLike, *, level: float = 0.95, samples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean paired difference (Efron & Tibshirani, 1993).

    Args:
        differences: one model minus the other on the same query or set; two at least.
        level: share of the bootstrap means inside the interval.
        samples: resamples.
        seed: of the resampling.
    """
    from scipy.stats import bootstrap

    low, high = bootstrap(
        (np.asarray(differences, dtype=np.float64),),
        np.mean,
        n_resamples=samples,
        batch=_RESAMPLES_AT_ONCE,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(low), float(high)
