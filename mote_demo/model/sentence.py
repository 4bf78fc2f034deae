"""The MoTE model as a sentence-transformers module."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from mote_demo.errors import UserError
from mote_demo.model.configuration import MoteConfig
from mote_demo.model.integrity import write_hashes
from mote_demo.model.modeling import MoteModel


class MoteTransformer(InputModule):
    """Tokenise with the route's instruction, encode with the route's expert, pool, normalise.

    ``SentenceTransformer(path).encode(texts, task="clustering")`` routes by ``task``;
    ``encode_query`` and ``encode_document`` use the routes of those names. Without ``task``, a prompt that is the
    instruction of one route chooses this route, as by ``prompt_name``. The instruction is put before the text here
    and nowhere else. There is no default: with neither, it is an error.
    """

    forward_kwargs = {"task"}

    def __init__(
        self, model: MoteModel, tokenizer: PreTrainedTokenizerBase, limits: Mapping[str, int] | None = None
    ) -> None:
        """Wrap a model and its tokeniser.

        Args:
            model: the MoTE model.
            tokenizer: of its backbone; it pads and truncates on the right from now on.
            limits: most tokens of a text by route, below the model's own limit, instead of those of its config;
                training may set them.
        """
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.limits = dict(model.config.limits if limits is None else limits)
        tokenizer.padding_side = tokenizer.truncation_side = "right"
        if tokenizer.pad_token is None:  # decoders often have none; nothing reads it
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)

    @property
    def config(self) -> Any:
        """Return the model's ``MoteConfig``."""
        return self.model.config

    @property
    def max_seq_length(self) -> int:
        """Return the most tokens of a text; it can be set, up to what the backbone has positions for."""
        return self.config.max_tokens

    @max_seq_length.setter
    def max_seq_length(self, number: int) -> None:
        self.config.check_tokens(number)
        self.config.max_tokens = number

    def route_of(self, task: str | None, prompt: str | None) -> str:
        """Return the route that a task or a prompt names.

        Raises:
            UserError: there is neither, one is unknown, or they contradict each other; it lists the choices.
        """
        instructions = {name: route["instruction"] for name, route in self.config.routes.items()}
        if task is not None or prompt is None:
            name = self.config.resolve(task)
            if prompt and prompt != instructions[name]:
                raise UserError(
                    f"The route {name!r} puts {instructions[name]!r} before the text, and nothing else. "
                    f"Please call encode without the prompt {prompt!r}."
                )
            return name
        named = [name for name, instruction in instructions.items() if instruction == prompt]
        if len(named) != 1:
            problem = f"is that of the routes {', '.join(named)}" if named else "is that of no route"
            choices = ", ".join(f"{name!r} ({instruction!r})" for name, instruction in instructions.items())
            raise UserError(f"The prompt {prompt!r} {problem}. Name a route by task=, one of: {choices}.")
        return named[0]

    def preprocess(
        self,
        inputs: Sequence[str],
        prompt: str | None = None,
        task: str | None = None,
        processing_kwargs: object = None,
        **_: Any,
    ) -> dict[str, Any]:
        """Tokenise ``inputs`` with the instruction of their route (see ``route_of``).

        Returns ``input_ids`` and ``attention_mask`` (int64, [batch, tokens]) and ``route``, a name for each text.
        """
        name = self.route_of(task, prompt)
        odd = next((one for one in inputs if not isinstance(one, str)), None)
        if odd is not None:
            raise UserError(
                f"The model makes a vector of one text at a time, not of a {type(odd).__name__}. "
                "Please encode the texts of a pair each by itself."
            )
        if processing_kwargs:
            raise UserError("The model takes no processing_kwargs. Please set max_seq_length instead.")
        instruction = self.config.route(name).instruction
        tokens = self.tokenizer(
            [instruction + text for text in inputs],
            truncation=True,
            max_length=min(self.max_seq_length, self.limits.get(name, self.max_seq_length)),
            padding=True,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        return {"input_ids": ids, "attention_mask": mask, "route": [name] * len(inputs)}

    def forward(self, features: dict[str, Any], task: str | None = None, **_: Any) -> dict[str, Tensor]:
        """Add ``token_embeddings`` and the unit-length ``sentence_embedding`` to ``features``."""
        route = features["route"][0] if "route" in features else task
        output = self.model(features["input_ids"], features["attention_mask"], route=route)
        features["token_embeddings"] = output.last_hidden_state
        features["sentence_embedding"] = output.pooler_output
        return features

    def get_embedding_dimension(self) -> int:
        """Return the width of the vectors."""
        return self.config.hidden_size

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Save model, limits and tokeniser; weights are always safetensors, halved where that loses nothing."""
        self.config.limits = dict(self.limits)
        tensors = {name: _halved(tensor.detach()) for name, tensor in self.model.state_dict().items()}
        self.model.save_pretrained(output_path, state_dict=tensors)
        self.tokenizer.model_max_length = self.max_seq_length
        self.tokenizer.save_pretrained(output_path)
        write_hashes(output_path)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> "MoteTransformer":
        """Load from a folder or from the Hub, with the options of ``SentenceTransformer``.

        Raises:
            UserError: it cannot be had with one of the options, such as another backend than torch.
        """
        backend = kwargs.get("backend", "torch")
        if backend != "torch":
            raise UserError(
                f"All routes in one model run in torch, not in {backend!r}. "
                f"One route can leave for it: mote export {model_name_or_path} --route ROUTE --out FOLDER"
            )
        hub: dict[str, Any] = {
            "token": kwargs.get("token"),
            "cache_dir": kwargs.get("cache_folder"),
            "revision": kwargs.get("revision"),
            "local_files_only": kwargs.get("local_files_only", False) or os.path.isdir(model_name_or_path),
        }
        config, unknown = MoteConfig.from_pretrained(
            model_name_or_path,
            subfolder=subfolder,
            return_unused_kwargs=True,
            **hub,
            **(kwargs.get("config_kwargs") or {}),
        )
        if unknown:
            raise UserError(f"The config of {model_name_or_path} has no {', '.join(unknown)}.")
        model = MoteModel.from_pretrained(
            model_name_or_path, config=config, subfolder=subfolder, **hub, **(kwargs.get("model_kwargs") or {})
        )
        options = kwargs.get("processor_kwargs") or {}
        tokenizer = PreTrainedTokenizerFast.from_pretrained(model_name_or_path, subfolder=subfolder, **hub, **options)
        module = cls(model, tokenizer)
        if "model_max_length" in options:
            module.max_seq_length = options["model_max_length"]
        return module


def _halved(tensor: Tensor) -> Tensor:
    """Return a float32 tensor in half precision where all its numbers fit, and any other as it is."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if torch.equal(half.float(), tensor) else tensor
