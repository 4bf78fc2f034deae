"""Damage is seen: whatever bit flips or end is cut off, no other vector comes out.

A checkpoint or an expert is refused by a ``UserError``; what a cache held is computed again. A hit that changes nothing
that is read, such as the time in a zip's directory, is harmless where the result is the same bit for bit.
"""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mote_demo.data.docstrings import load_docstrings
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.growing.expert import Expert, load_expert, model_fingerprint
from mote_demo.growing.training import copy_expert
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.settings import experts_folder
from mote_demo.store import VectorStore
from reliability.rows import Row
from reliability.tiny_models import save_tiny_backbone, tiny_mote, tiny_tokenizer

TRIES = 200
_TEXTS = ["my card is lost", "two dogs"]
_LISTED = 6
_MANY = 20_000
"""Bits that are flipped together, as a bad sector does."""


@dataclass(frozen=True)
class Target:
    """Hold a file that is to be damaged, and what reads it: its result as bytes."""

    kind: str
    path: Path
    read: Callable[[], bytes]


def damage_is_seen(tries: int | None = None, seed: int = 0) -> Iterator[Row]:
    """Yield one row: how often a damaged file gave something else than an error or the right result."""
    tries, chance = TRIES if tries is None else tries, random.Random(seed)
    ends: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mote-reliability-") as folder:
        targets = list(_targets(Path(folder)))
        right = {target.path: target.read() for target in targets}
        whole = {target.path: target.path.read_bytes() for target in targets}
        for number in range(tries):
            target = targets[number % len(targets)]
            how, damaged = _damaged(whole[target.path], chance)
            target.path.write_bytes(damaged)
            end = _end_of(target, right[target.path])
            target.path.write_bytes(whole[target.path])
            ends[end] += 1
            if end.startswith("not seen"):
                failures.append(f"{target.kind}, {target.path.name}, {how}: {end}")
    kinds = Counter(target.kind for target in targets)
    yield Row(
        name="Damage is seen",
        tried=tries,
        failed=len(failures),
        target=f"{TRIES} of {TRIES} refused, or computed again with the same result",
        note="; ".join(
            [
                f"seed {seed}; a bit, {_MANY:,} bits, a cut, a zeroed end, in turns over {', '.join(kinds)}; "
                + ", ".join(f"{count} {end}" for end, count in ends.most_common()),
                *failures[:_LISTED],
            ]
        ),
    )


def _targets(folder: Path) -> Iterator[Target]:
    encoder = _checkpoint(folder)
    checkpoint = folder / "mote"
    for path in sorted(checkpoint.iterdir()):
        if path.suffix == ".safetensors" or path.name.startswith(("tokenizer", "config.", "model.", "integrity")):
            yield Target("checkpoint", path, lambda: _vectors(Encoder.from_pretrained(checkpoint)))
    _expert(encoder).save(folder / "mine.safetensors")
    yield _of_expert("expert", folder / "mine.safetensors")
    shipped = Path(shutil.copytree(experts_folder(), folder / "experts"))
    for path in sorted(shipped.glob("*.safetensors")):
        yield _of_expert("shipped expert", path)
    store = folder / "store"
    numbers = np.random.default_rng(0).normal(size=(300, 32)).astype("float32")
    VectorStore(store).array("key", lambda: numbers)
    (kept,) = store.iterdir()
    yield Target("cached vectors", kept, lambda: VectorStore(store).array("key", lambda: numbers).tobytes())
    texts = folder / "texts"
    load_docstrings(limit=100, cache=texts)
    (kept,) = texts.iterdir()
    yield Target("cached texts", kept, lambda: load_docstrings(limit=100, cache=texts).frame.to_json().encode())


def _checkpoint(folder: Path) -> Encoder:
    backbone, tokenizer = folder / "backbone", tiny_tokenizer()
    save_tiny_backbone(backbone, tokenizer)
    model = tiny_mote(str(backbone))
    frozen = [name for name in model.state_dict() if "embeddings" in name]
    save_checkpoint(model, tokenizer, folder / "mote", frozen=frozen)
    return Encoder.from_pretrained(folder / "mote")


def _expert(encoder: Encoder) -> Expert:
    layers, fingerprint = copy_expert(encoder, "sts"), model_fingerprint(encoder, "similarity")
    return Expert("mine", "similarity", "sts", "mine: ", layers=layers, fingerprint=fingerprint)


def _of_expert(kind: str, path: Path) -> Target:
    def read() -> bytes:
        expert = load_expert(path)
        tensors = (value for layer in expert.layers.values() for value in layer.state_dict().values())
        return repr((expert.name, expert.instruction, expert.card())).encode() + b"".join(
            tensor.numpy().tobytes() for tensor in tensors
        )

    return Target(kind, path, read)


def _vectors(encoder: Encoder) -> bytes:
    return b"".join(encoder.encode(_TEXTS, route=route).tobytes() for route in encoder.routes)


def _end_of(target: Target, right: bytes) -> str:
    try:
        return "the same all the same" if target.read() == right else "not seen"
    except UserError:
        return "refused"
    except Exception as error:  # a reader that breaks has not said what is wrong
        return f"not seen: {type(error).__name__}"


def _damaged(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Return how a file was hit, and what is left of it."""
    damaged, at = bytearray(whole), chance.randrange(len(whole))
    how = chance.choice(["a bit", "a bit", "a bit near the beginning", "a cut", "a zeroed end", "many bits"])
    if how == "a cut":
        return how, whole[:at]
    if how == "a zeroed end":
        return how, whole[:at] + bytes(len(whole) - at)
    if how == "a bit near the beginning":
        at %= 300
    places = [chance.randrange(len(whole)) for _ in range(_MANY)] if how == "many bits" else [at]
    for place in places:
        damaged[place] ^= 1 << chance.randrange(8)
    return how, bytes(damaged)
