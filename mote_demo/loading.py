"""Find and load a model by a name that a person gives."""

from pathlib import Path

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model import MoteConfig
from mote_demo.model.backbones import backbone_path
from mote_demo.model.checkpoint import local_folder
from mote_demo.model.sentence_files import read_json
from mote_demo.sentence_encoder import SentenceEncoder
from mote_demo.settings import BACKBONE, checkpoints_folder, trust_remote_code
from mote_demo.tasks import ROUTES, TASKS

UNTOUCHED = "untouched"
"""Name of the backbone as it was published, which every model here started from."""


def load(name: str, title: str | None = None) -> Encoder | SentenceEncoder:
    """Load a model.

    Args:
        name: that of a folder in ``checkpoints_folder()``, ``untouched``, a folder, or a Hub name; it holds a MoTE
            checkpoint or any sentence-transformers model.
        title: what the screen calls it; None takes the last part of the name.

    Raises:
        UserError: there is no such model, which lists those at hand, or it cannot be loaded.

    Example:
        >>> load("mote").encode("Where is my parcel?", route="query").shape  # doctest: +SKIP
        (384,)
    """
    path, title = find_model(name), title or Path(name).name
    if path is None:
        at_hand = ", ".join([*(folder.name for folder in _checkpoints()), UNTOUCHED])
        raise UserError(f"There is no model {name!r}. Use one of {at_hand}, a folder, or OWNER/NAME on the Hub.")
    if name == UNTOUCHED:
        from mote_demo.evaluation.reference import untouched

        return untouched(path, title)
    folder = local_folder(path)
    if read_json(folder / "config.json").get("model_type") == MoteConfig.model_type:
        return Encoder.from_pretrained(folder, title)
    return SentenceEncoder.from_pretrained(folder, title, trust_remote_code=trust_remote_code())


def find_model(name: str) -> str | None:
    """Return the folder of a model, or its name on the Hub; None where ``name`` can be neither."""
    if name == UNTOUCHED:
        return backbone_path(BACKBONE)
    for folder in (checkpoints_folder() / name, Path(name)):
        if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
            return str(folder)
    owner, _, rest = name.partition("/")
    if not owner or not rest or "/" in rest or Path(name).exists():
        return None
    # MODEL/TASK looks the same as OWNER/NAME; whoever means a lens is told which models there are.
    is_lens = rest in TASKS or rest in ROUTES or find_model(owner) is not None
    return None if is_lens else name


def _checkpoints() -> list[Path]:
    folder = checkpoints_folder()
    return sorted(each.parent for each in folder.glob("*/config.json")) if folder.is_dir() else []
