"""What several verbs share."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from mote_demo.settings import check_checkpoint, checkpoints_folder

if TYPE_CHECKING:
    from mote_demo.encoder import Encoder

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_verb(verbs: Verbs, name: str, run: Callable[[argparse.Namespace], None], words: str) -> argparse.ArgumentParser:
    """Add a verb that ``words`` describe in one sentence; ``run`` is called with its options."""
    parser = verbs.add_parser(name, help=words, description=words)
    parser.set_defaults(verb=run)
    return parser


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a checkpoint."""
    parser.add_argument("--model", help="checkpoint: a name, folder or Hub name (default: the MoTE checkpoint)")


def model_name(options: argparse.Namespace) -> str:
    """Return what ``loading.load`` loads for the option ``--model``."""
    return options.model or str(check_checkpoint(checkpoints_folder() / "mote"))


def load_mote(options: argparse.Namespace) -> "Encoder":
    """Load the checkpoint of the option ``--model``, to plug experts into."""
    from mote_demo.encoder import as_mote
    from mote_demo.loading import load

    return as_mote(load(model_name(options)))


def say(line: str) -> None:
    """Write a line to standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
