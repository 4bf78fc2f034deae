"""The MoTE model as a sentence-transformers module."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from sentence_transformers.base.modules import InputModule
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from mote_demo.errors import UserError
from mote_demo.model.modeling import MoteModel


class MoteTransformer(InputModule):
    """Tokenise with the route's instruction, encode with the route's expert, pool, normalise.

    ``SentenceTransformer(path).encode(texts, task="clustering")`` routes by ``task``;
    ``encode_query`` and ``encode_document`` use the routes of those names. The instruction is put
    before the text here and nowhere else, so passing a prompt is an error.
    """

    forward_kwargs = {"task"}

    def __init__(
        self, model: MoteModel, tokenizer: PreTrainedTokenizerBase, limits: Mapping[str, int] | None = None
    ) -> None:
        """Wrap a model and its tokeniser.

        Args:
            model: the MoTE model.
            tokenizer: of its backbone.
            limits: most tokens of a text by route, below the model's own limit; training may set them.
        """
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.max_seq_length = model.config.max_tokens
        self.limits = dict(limits or {})

    @property
    def config(self) -> Any:
        """Return the model's ``MoteConfig``."""
        return self.model.config

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, task: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Tokenise ``inputs`` with the instruction of the route ``task``.

        Returns ``input_ids`` and ``attention_mask`` (int64, [batch, tokens]) and ``route``.
        """
        name = self.config.resolve(task)
        if prompt:
            raise UserError(
                f"The model puts the instruction of the route {name!r} before the text itself. "
                f"Please call encode without the prompt {prompt!r}."
            )
        instruction = self.config.route(name).instruction
        tokens = self.tokenizer(
            [instruction + text for text in inputs],
            truncation=True,
            max_length=min(self.max_seq_length, self.limits.get(name, self.max_seq_length)),
            padding=True,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        return {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"], "route": name}

    def forward(self, features: dict[str, Any], task: str | None = None, **_: Any) -> dict[str, Tensor]:
        """Add ``token_embeddings`` and the unit-length ``sentence_embedding`` to ``features``."""
        route = features.get("route", task)
        output = self.model(features["input_ids"], features["attention_mask"], route=route)
        features["token_embeddings"] = output.last_hidden_state
        features["sentence_embedding"] = output.pooler_output
        return features

    def get_embedding_dimension(self) -> int:
        """Return the width of the vectors."""
        return self.config.hidden_size

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Save model and tokeniser; weights are always safetensors."""
        self.model.save_pretrained(output_path)
        self.tokenizer.save_pretrained(output_path)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> "MoteTransformer":
        """Load from a folder or from the Hub."""
        hub: dict[str, Any] = {
            "token": kwargs.get("token"),
            "cache_dir": kwargs.get("cache_folder"),
            "revision": kwargs.get("revision"),
            "local_files_only": kwargs.get("local_files_only", False) or os.path.isdir(model_name_or_path),
        }
        model = MoteModel.from_pretrained(
            model_name_or_path, subfolder=subfolder, **hub, **(kwargs.get("model_kwargs") or {})
        )
        tokenizer = AutoTokenizer.from_pretrained(
            model_name_or_path, subfolder=subfolder, **hub, **(kwargs.get("processor_kwargs") or {})
        )
        return cls(model, tokenizer)
