"""The last vectors of every training text, so that a small batch meets all of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor


class VectorMemory:
    """Hold what each text's vector was when it was last in a batch (cross-batch memory, Wang et al. 2020).

    Where little changes between two steps, vectors of earlier batches are nearly up to date.
    """

    def __init__(self, texts: Sequence[str], known: Mapping[str, np.ndarray]) -> None:
        """Start with what is known of some texts, each a float32 [d]."""
        self._vectors: Tensor | None = None
        self.seen = torch.zeros(len(texts), dtype=torch.bool)
        """Which texts have a vector, bool [texts]."""
        places = [place for place, text in enumerate(texts) if text in known]
        if places:
            self.update(torch.tensor(places), torch.from_numpy(np.stack([known[texts[place]] for place in places])))

    def update(self, places: Tensor, vectors: Tensor) -> Tensor:
        """Put new vectors into their places and return all.

        Args:
            places: int64 [batch], one text only once.
            vectors: float32 [batch, d].

        Returns:
            float32 [texts, d]; the new ones carry their gradients, those not seen yet are zero.
        """
        if self._vectors is None:
            self._vectors = vectors.new_zeros(len(self.seen), vectors.shape[1])
        everything = self._vectors.index_copy(0, places, vectors)
        self._vectors[places] = vectors.detach()
        self.seen[places] = True
        return everything
