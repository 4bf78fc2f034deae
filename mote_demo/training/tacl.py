"""Task-aware contrastive learning: a batch holds one task, its negatives and settings are the task's."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mote_demo.training.chunks import embed
from mote_demo.training.recipe import TaskSettings

_MASKED = float("-inf")
_SAME_TEXT = 1 - 1e-5
"""A cosine above this is that of a text with itself."""


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    groups: Tensor,
    *,
    temperature: float,
    negatives: Tensor | None = None,
    symmetric: bool = False,
    margin: float | None = None,
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
        margin: leave out candidates whose cosine exceeds that of the own positive by more than this,
            as likely false negatives (Zhang et al. 2025, Qwen3 Embedding); None leaves out none.

    Returns:
        The mean loss, a scalar.
    """
    false = groups.unsqueeze(1) == groups.unsqueeze(0)
    loss = _one_way(anchors, positives, negatives, false, temperature, margin, same_side=symmetric)
    if not symmetric:
        return loss
    return (loss + _one_way(positives, anchors, None, false, temperature, margin, same_side=True)) / 2


def _one_way(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor | None,
    false: Tensor,
    temperature: float,
    margin: float | None,
    same_side: bool,
) -> Tensor:
    own = torch.arange(len(anchors), device=anchors.device)
    others = false & (own.unsqueeze(1) != own.unsqueeze(0))
    scores = [(anchors @ positives.T).masked_fill(others, _MASKED)]
    if negatives is not None:
        # A row may have several hard negatives: all first ones, then all second ones, and so on.
        of_group = others.repeat(1, len(negatives) // len(anchors))
        # What was mined for another row may be this row's own positive.
        own_positive = positives @ negatives.T > _SAME_TEXT
        scores.append((anchors @ negatives.T).masked_fill(of_group | own_positive, _MASKED))
    if same_side:
        scores.append((anchors @ anchors.T).masked_fill(false, _MASKED))
    candidates = torch.cat(scores, 1)
    if margin is not None:
        nearest_allowed = scores[0].detach().diagonal().unsqueeze(1) + margin
        candidates = candidates.masked_fill(candidates.detach() > nearest_allowed, _MASKED)
    return functional.cross_entropy(candidates / temperature, own)


def supervised_contrast(
    anchors: Tensor, candidates: Tensor, positive: Tensor, out: Tensor, *, temperature: float
) -> Tensor:
    """Compute how far the softmax over an anchor's candidates is from one that is even over its positives.

    loss = -mean over p in P(i) of log(|P(i)| exp(s(a_i, c_p) / t) / sum over j in A(i) of exp(s(a_i, c_j) / t)), P(i)
    being the positives and A(i) all candidates that are not left out. This is the supervised contrastive loss (Khosla
    et al. 2020, their L_out) less log |P(i)|, its least value: it is 0 at best, however many positives there are.

    Args:
        anchors: [batch, dim], unit length.
        candidates: [texts, dim], unit length where they take part.
        positive: bool [batch, texts]; what should be near. None of them may be left out.
        out: bool [batch, texts]; candidates that an anchor does not meet, such as itself.
        temperature: of the softmax.

    Returns:
        The mean over the anchors that have a positive, a scalar; 0 without any.
    """
    # Not minus infinity: where a row has nothing else, its softmax would not be a number.
    scores = (anchors @ candidates.T / temperature).masked_fill(out, torch.finfo(anchors.dtype).min)
    likelihoods = functional.log_softmax(scores, 1).masked_fill(~positive, 0).sum(1)
    counts = positive.sum(1)
    some = counts.clamp(min=1)
    return -(likelihoods / some + some.log()).sum() / counts.count_nonzero().clamp(min=1)


class TaskContrastiveLoss(nn.Module):
    """Apply one task's loss and settings to what the sentence-transformers trainer hands over."""

    def __init__(
        self,
        model: nn.Module,
        settings: TaskSettings,
        *,
        graded: bool,
        chunk_tokens: int,
        recompute: bool = False,
        teacher: nn.Module | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            model: takes a feature dictionary and returns one with ``sentence_embedding``.
            settings: of the task.
            graded: the labels are graded similarities, for CoSENT; otherwise they number the groups of InfoNCE.
            chunk_tokens: tokens computed at once (see ``chunks.embed``).
            recompute: see ``chunks.embed``.
            teacher: the untouched model without instructions, frozen; needed where the settings ask for distillation.
        """
        super().__init__()
        self.model = model
        self.settings = settings
        self.graded = graded
        self.chunk_tokens = chunk_tokens
        self.recompute = recompute
        self.teacher = teacher

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor) -> Tensor:
        """Return the loss of one batch: features of anchors, positives and, if there are, hard negatives."""
        sides = list(sentence_features)
        vectors = [
            embed(self.model, features, most_tokens=self.chunk_tokens, recompute=self.recompute) for features in sides
        ]
        loss = self._contrast(vectors, labels)
        if self.teacher is None or not self.settings.distillation:
            return loss
        with torch.no_grad():
            wanted = [embed(self.teacher, features, most_tokens=self.chunk_tokens) for features in sides[:2]]
        return loss + self.settings.distillation * cosine_distillation(vectors[0], vectors[1], *wanted)

    def _contrast(self, vectors: list[Tensor], labels: Tensor) -> Tensor:
        if self.graded:
            return cosent(vectors[0], vectors[1], labels, temperature=self.settings.temperature)
        return info_nce(
            vectors[0],
            vectors[1],
            labels,
            temperature=self.settings.temperature,
            negatives=torch.cat(vectors[2:]) if len(vectors) > 2 else None,
            symmetric=self.settings.symmetric,
            margin=self.settings.false_negative_margin,
        )

    def get_config_dict(self) -> dict[str, Any]:
        """Return the settings, for model cards."""
        return {"temperature": self.settings.temperature, "symmetric": self.settings.symmetric}


def cosine_distillation(anchors: Tensor, positives: Tensor, anchors_wanted: Tensor, positives_wanted: Tensor) -> Tensor:
    """Compute how far the cosines between two sides are from those of a teacher.

    loss = mean over i, j of (a_i . p_j - a'_i . p'_j)^2, as in similarity-preserving distillation (Tung & Mori 2019).

    Args:
        anchors: [batch, dim], unit length.
        positives: [batch, dim], unit length.
        anchors_wanted: [batch, any dim], unit length, of the teacher.
        positives_wanted: [batch, any dim], unit length, of the teacher.
    """
    return (anchors @ positives.T - anchors_wanted @ positives_wanted.T).square().mean()


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
