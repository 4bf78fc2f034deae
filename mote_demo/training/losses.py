"""Task-aware contrastive learning: a batch holds one task, its negatives and settings are the task's."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mote_demo.training.chunks import embed
from mote_demo.training.lesson import Lesson
from mote_demo.training.processes import of_all
from mote_demo.training.recipe import TaskSettings

_MASKED = float("-inf")
_LEFT_OUT = -1e4
"""Not minus infinity: where a row has nothing else, its softmax would not be a number."""


def guided_contrast(vectors: Tensor, wanted: Tensor, out: Tensor, *, temperature: float) -> Tensor:
    """Compute how far the softmax over a text's cosines to the others is from the one that is wanted.

    loss = mean over i of KL(softmax_j(w_ij / t) || softmax_j(v_i . v_j / t)), j over the texts that are not left out.
    With cosines of a teacher in w this is relational distillation of what is near what (listwise, as Tung & Mori 2019
    do by squares). With a bonus for texts that labels call near it is a contrastive loss too: as the bonus grows it
    becomes the supervised contrastive loss (Khosla et al. 2020), of pairs InfoNCE (van den Oord et al. 2018). Between
    the two, texts of a class draw together and keep the order among them that the teacher sees.

    Args:
        vectors: [texts, d], unit length.
        wanted: [texts, texts], what cosines should be, up to a constant a row.
        out: bool [texts, texts]; pairs that do not count, such as a text and itself.
        temperature: of both softmaxes.

    Returns:
        The mean over the texts, a scalar; 0 at best.
    """
    found = (vectors @ vectors.T / temperature).masked_fill(out, _LEFT_OUT)
    target = (wanted / temperature).masked_fill(out, _LEFT_OUT)
    return functional.kl_div(found.log_softmax(1), target.log_softmax(1), log_target=True, reduction="batchmean")


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
    scores = (anchors @ candidates.T / temperature).masked_fill(out, torch.finfo(anchors.dtype).min)
    likelihoods = functional.log_softmax(scores, 1).masked_fill(~positive, 0).sum(1)
    counts = positive.sum(1)
    some = counts.clamp(min=1)
    return -(likelihoods / some + some.log()).sum() / counts.count_nonzero().clamp(min=1)


class TaskContrastiveLoss(nn.Module):
    """Apply one task's settings to what the sentence-transformers trainer hands over."""

    def __init__(
        self, model: nn.Module, settings: TaskSettings, lesson: Lesson, *, chunk_tokens: int, recompute: bool = False
    ) -> None:
        """Wrap a model.

        Args:
            model: takes a feature dictionary and returns one with ``sentence_embedding``.
            settings: of the task.
            lesson: what the teacher and the labels say of the source's rows.
            chunk_tokens: tokens computed at once (see ``chunks.embed``).
            recompute: see ``chunks.embed``.
        """
        super().__init__()
        self.model = model
        self.settings = settings
        self.lesson = lesson
        self.chunk_tokens = chunk_tokens
        self.recompute = recompute

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor) -> Tensor:
        """Return the loss of one batch; where several processes train, of the shares of all.

        Args:
            sentence_features: of the anchors, the positives and, if there are, each hard negative.
            labels: int64 [batch], the rows of the source that the batch holds.
        """
        vectors = torch.cat(
            [
                of_all(embed(self.model, features, most_tokens=self.chunk_tokens, recompute=self.recompute))
                for features in sentence_features
            ]
        )
        # Cosines in bfloat16 would be off by more than what tells texts of a batch apart.
        with torch.autocast(vectors.device.type, enabled=False):
            wanted, out = self.lesson.wanted(of_all(labels), self.settings.bonus)
            return guided_contrast(vectors.float(), wanted, out, temperature=self.settings.temperature)

    def get_config_dict(self) -> dict[str, Any]:
        """Return the settings, for model cards."""
        return {"temperature": self.settings.temperature, "bonus": self.settings.bonus}


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
