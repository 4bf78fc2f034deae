"""An expert outside of the app: as a plain dense model, or in a whole checkpoint with one more route."""

import tempfile
import zipfile
from pathlib import Path

from mote_demo.encoder import Encoder
from mote_demo.files import replacing
from mote_demo.growing.expert import Expert
from mote_demo.model.checkpoint import frozen_names, save_checkpoint
from mote_demo.training.card import write_folded_card


def fold_expert(expert: Expert, encoder: Encoder, source: Path, out: str | Path) -> None:
    """Write an expert as a plain dense sentence-transformers model, with a card.

    Args:
        expert: what leaves.
        encoder: the model that it was grown on; another one is a ``UserError``.
        source: folder of that model, whose card says licence and data.
        out: folder to write; a model that is there is replaced.
    """
    from mote_demo.model.folding import fold_model

    fold_model(expert.plugged_into(encoder).network, encoder.tokenizer, expert.name, out)
    write_folded_card(out, source, expert.route, expert.card())


def save_with_expert(expert: Expert, encoder: Encoder, source: Path, out: str | Path) -> None:
    """Write a checkpoint that has the expert as one more route (see ``fold_expert``); it travels like any other."""
    grown = expert.plugged_into(encoder)
    save_checkpoint(grown.model, encoder.tokenizer, out, frozen=frozen_names(source))
    card = source / "README.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8").rstrip()
        with replacing(Path(out) / "README.md") as temporary:
            temporary.write_text(f"{text}\n\n#{expert.card()}", encoding="utf-8")
    else:
        write_folded_card(out, source, expert.route, expert.card())


def zip_folded(expert: Expert, encoder: Encoder, source: Path, file: str | Path) -> None:
    """Write what ``fold_expert`` writes as one zip file, whole or not at all; it unpacks to a folder of its name."""
    with tempfile.TemporaryDirectory() as aside, replacing(file) as temporary:
        folder = Path(aside) / expert.name
        fold_expert(expert, encoder, source, folder)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:  # weights hardly become smaller
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(aside))
