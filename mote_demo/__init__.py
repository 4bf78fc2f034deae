"""See, measure and use Mixture of Task Experts (MoTE) embeddings.

Everything is two lenses over the same texts. A lens is a model, the task it looks for, and its instruction on or off::

    import mote_demo as mote

    pair = mote.Pair.load("baseline/retrieval", "mote/retrieval")
    texts = mote.read_texts("messages.csv", text="body", labels=["topic"])
    answer = pair.ask("charged twice", texts, k=5)
    answer.overlap, answer.to_frame()
    maps = pair.map(texts)
    maps.figure(colour="topic"), maps.save("maps.html")

    model = mote.load("mote")
    rows = mote.read_examples("rows.csv", task="classification", text="body", label="intent")
    expert = mote.grow(model, rows, name="my-intents")
    expert.before, expert.after, expert.save("my-intents.safetensors")
    mote.Lens.load("mote/classification").with_expert(expert)

What can go wrong by a person's doing is a ``UserError`` that says what to do. Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "TASKS",
    "Expert",
    "Lens",
    "Pair",
    "Texts",
    "UserError",
    "__version__",
    "grow",
    "load",
    "load_expert",
    "load_texts",
    "read_examples",
    "read_texts",
]

if TYPE_CHECKING:
    from mote_demo.data.reading import read_examples, read_texts
    from mote_demo.data.texts import Texts
    from mote_demo.errors import UserError
    from mote_demo.explore.lens import Lens
    from mote_demo.explore.pair import Pair
    from mote_demo.growing.expert import Expert, load_expert
    from mote_demo.growing.grow import grow
    from mote_demo.loading import load
    from mote_demo.serving.shelf import load_texts
    from mote_demo.tasks import TASKS
else:
    _MODULES = {
        "TASKS": "tasks",
        "Expert": "growing.expert",
        "Lens": "explore.lens",
        "Pair": "explore.pair",
        "Texts": "data.texts",
        "UserError": "errors",
        "grow": "growing.grow",
        "load": "loading",
        "load_expert": "growing.expert",
        "load_texts": "serving.shelf",
        "read_examples": "data.reading",
        "read_texts": "data.reading",
    }

    def __getattr__(name: str) -> object:
        """Import what is asked for: torch alone takes longer than most commands."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            module = import_module(f"{__name__}.{_MODULES[name]}")
        except ModuleNotFoundError as error:
            from mote_demo.extras import missing_extra

            raise missing_extra(error.name) or error from error
        return getattr(module, name)

    def __dir__() -> list[str]:
        return sorted(__all__)
