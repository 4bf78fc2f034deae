"""The view itself, on padded batches: any architecture, any device."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from mote_demo.model.pooling import pool


class PaddedProgram:
    """Run the view as transformers does."""

    tokens_at_once = 4096

    def __init__(self, view: PreTrainedModel, pooling: str) -> None:
        self._view = view
        self._pooling = pooling

    @torch.inference_mode()
    def __call__(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return float32 [len(ids), d], rows of unit length, of texts given as token ids."""
        device = self._view.device
        tokens = pad_sequence([torch.tensor(one) for one in ids], batch_first=True).to(device)
        mask = pad_sequence([torch.ones(len(one), dtype=torch.int64) for one in ids], batch_first=True).to(device)
        hidden = self._view(input_ids=tokens, attention_mask=mask).last_hidden_state
        return pool(hidden, mask, self._pooling).cpu().numpy()
