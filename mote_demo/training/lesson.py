"""What the teachers and the labels say of the rows of a source."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

_LABEL = "label"


@dataclass(frozen=True)
class Lesson:
    """Hold, by row of a source, how near its texts are to those of other rows.

    Attributes:
        labels: int64 [rows], rows of one number are near; or float32 [rows], how near the two texts of a row are,
            from 0 to 1.
        places: int64 [sides, rows], where the vectors of the anchors, the positives and any hard negatives stand.
        vectors: float16 [texts, d], whose products are the teachers' cosines.
    """

    labels: Tensor
    places: Tensor
    vectors: Tensor

    @classmethod
    def of(cls, rows: pd.DataFrame, texts: Sequence[str], vectors: Tensor) -> "Lesson":
        """Take the training rows of a source (see ``load_pairs``), its distinct texts and their vectors."""
        place_of = {text: place for place, text in enumerate(texts)}
        places = [[place_of[text] for text in rows[side]] for side in sides_of(rows)]
        return cls(torch.tensor(rows[_LABEL].to_numpy()), torch.tensor(places), vectors)

    def anchors(self) -> Tensor:
        """Return the teachers' vectors of the anchors: float32 [rows, d]."""
        return self.vectors[self.places[0]].float()

    def wanted(self, rows: Tensor, bonus: float) -> tuple[Tensor, Tensor]:
        """Return what the cosines within a batch should be.

        Args:
            rows: int64 [batch], of the source.
            bonus: is added to the teachers' cosine of texts that the labels call near; of graded pairs, times a
                number from -1 for grade 0 to 1 for grade 1.

        Returns:
            float32 [texts, texts], and bool [texts, texts] that is True where the two are the same text. The texts
            are all anchors, then all positives, then each hard negative.
        """
        places = self.places[:, rows.to(self.places.device)].flatten().to(rows.device)
        taught = self.vectors[places.to(self.vectors.device)].to(rows.device).float()
        near = self._near(rows, len(places))
        return taught @ taught.T + bonus * near, places.unsqueeze(1) == places

    def _near(self, rows: Tensor, texts: int) -> Tensor:
        """Return what the labels say: float32 [texts, texts], from -1 to 1; 0 where they say nothing."""
        labels = self.labels.to(rows.device)[rows]
        near = torch.zeros(texts, texts, device=rows.device)
        batch = len(rows)
        if labels.is_floating_point():
            own = torch.arange(batch, device=rows.device)
            near[own, own + batch] = near[own + batch, own] = 2 * labels - 1
        else:
            groups = labels.repeat(2)
            near[: 2 * batch, : 2 * batch] = (groups.unsqueeze(1) == groups).float()
        return near


def sides_of(rows: pd.DataFrame) -> Sequence[str]:
    """Return the names of the columns of training rows that hold texts."""
    return [column for column in rows.columns if column != _LABEL]
