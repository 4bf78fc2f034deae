"""The view itself, on padded batches: any architecture, any device."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from mote_demo.model.pooling import pool


class PaddedView:
    """Run the view as transformers does."""

    tokens_at_once = 4096

    def __init__(self, view: PreTrainedModel, pooling: str, *, bfloat16: bool = False) -> None:
        """Take a dense encoder.

        Args:
            view: the encoder.
            pooling: one of ``POOLINGS``.
            bfloat16: multiply in 16-bit floats; what is pooled is float32 all the same.
        """
        self._view = view
        self._pooling = pooling
        self._bfloat16 = bfloat16

    @torch.inference_mode()
    def __call__(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return float32 [len(ids), d], rows of unit length, of texts given as token ids."""
        device = self._view.device
        # [texts, longest] both, then [texts, longest, d].
        tokens = pad_sequence([torch.tensor(one) for one in ids], batch_first=True).to(device)
        mask = pad_sequence([torch.ones(len(one), dtype=torch.int64) for one in ids], batch_first=True).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16):
            hidden = self._view(input_ids=tokens, attention_mask=mask).last_hidden_state
        return pool(hidden.float(), mask, self._pooling).cpu().numpy()
