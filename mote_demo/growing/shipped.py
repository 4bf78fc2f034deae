"""The experts that ship as files, in a folder beside the checkpoint that they were grown on."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.settings import experts_folder
from mote_demo.tasks import TASKS

if TYPE_CHECKING:
    from mote_demo.growing.expert import Expert
    from mote_demo.sentence_encoder import SentenceEncoder

_logger = logging.getLogger(__name__)


def plug_in_shipped(encoder: Encoder, folder: Path) -> "tuple[Encoder, tuple[Expert, ...]]":
    """Plug in the experts of a folder; one that is damaged or of another model is left out, with a line in the log.

    Returns:
        The encoder with the experts, whose other tensors are shared, and which these are; without a folder, none.
    """
    from mote_demo.growing.expert import load_expert

    experts = []
    for path in sorted(folder.glob("*.safetensors")):
        try:
            expert = load_expert(path)
            encoder = expert.plugged_into(encoder)
        except UserError as error:
            _logger.warning("Going on without the expert in %s: %s", path, error)
        else:
            experts.append(expert)
    return encoder, tuple(experts)


def with_shipped(model: "Encoder | SentenceEncoder", routes: Iterable[str]) -> "Encoder | SentenceEncoder":
    """Return a model that has the shipped experts too, where it is one that takes them and lacks one of ``routes``."""
    if not isinstance(model, Encoder) or not model.config.expert_layers:
        return model
    lacking = [route for route in routes if route and route not in TASKS and route not in model.routes]
    return plug_in_shipped(model, experts_folder())[0] if lacking else model
