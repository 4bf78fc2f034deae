"""Task-aware contrastive learning: a batch holds one task, its negatives and settings are the task's."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_MASKED = float("-inf")


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    groups: Tensor,
    *,
    temperature: float,
    negatives: Tensor | None = None,
    symmetric: bool = False,
) -> Tensor:
    """Compute InfoNCE with in-batch negatives, leaving out those known to be false.

    loss = -log(exp(s(a_i, p_i) / t) / sum_j exp(s(a_i, c_j) / t)), s being the cosine and c running
    over all positives and hard negatives whose group differs from that of i, and over i's own
    (van den Oord et al. 2018). ``symmetric`` adds the anchors to the candidates of each anchor, and
    the same loss with the roles swapped.

    Args:
        anchors: [batch, dim], unit length.
        positives: [batch, dim], unit length.
        groups: int64 [batch]; rows of one group are never each other's negatives.
        temperature: of the softmax.
        negatives: [batch, dim] hard negatives, or None.
        symmetric: for tasks whose two sides play the same part.

    Returns:
        The mean loss, a scalar.
    """
    false = groups.unsqueeze(1) == groups.unsqueeze(0)
    loss = _one_way(anchors, positives, negatives, false, temperature, same_side=symmetric)
    if not symmetric:
        return loss
    return (loss + _one_way(positives, anchors, None, false, temperature, same_side=True)) / 2


def _one_way(
    anchors: Tensor, positives: Tensor, negatives: Tensor | None, false: Tensor, temperature: float, same_side: bool
) -> Tensor:
    own = torch.arange(len(anchors), device=anchors.device)
    others = false & (own.unsqueeze(1) != own.unsqueeze(0))
    scores = [(anchors @ positives.T).masked_fill(others, _MASKED)]
    if negatives is not None:
        scores.append((anchors @ negatives.T).masked_fill(others, _MASKED))
    if same_side:
        scores.append((anchors @ anchors.T).masked_fill(false, _MASKED))
    return functional.cross_entropy(torch.cat(scores, 1) / temperature, own)


class TaskContrastiveLoss(nn.Module):
    """Apply ``info_nce`` with one task's settings to what the sentence-transformers trainer hands over."""

    def __init__(self, model: nn.Module, *, temperature: float, symmetric: bool) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.symmetric = symmetric

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss of one batch: features of anchors, positives and, if there are, negatives."""
        vectors = [self.model(features)["sentence_embedding"] for features in sentence_features]
        return info_nce(
            vectors[0],
            vectors[1],
            labels,
            temperature=self.temperature,
            negatives=vectors[2] if len(vectors) > 2 else None,
            symmetric=self.symmetric,
        )

    def get_config_dict(self) -> dict[str, Any]:
        """Return the settings, for model cards."""
        return {"temperature": self.temperature, "symmetric": self.symmetric}


def cosent(left: Tensor, right: Tensor, scores: Tensor, *, temperature: float = 0.05) -> Tensor:
    """Compute the CoSENT loss: pairs with a higher score should have a higher cosine.

    loss = log(1 + sum over score_i > score_j of exp((cos_j - cos_i) / t)) (Su 2022).

    Args:
        left: [batch, dim], unit length.
        right: [batch, dim], unit length.
        scores: float [batch], graded similarity.
        temperature: of the exponent.
    """
    cosines = (left * right).sum(1) / temperature
    differences = cosines.unsqueeze(0) - cosines.unsqueeze(1)
    differences = differences.masked_fill(scores.unsqueeze(1) <= scores.unsqueeze(0), _MASKED).flatten()
    return torch.logsumexp(torch.cat([differences.new_zeros(1), differences]), 0)
