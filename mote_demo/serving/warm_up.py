"""What is computed before the first visitor needs it."""

import logging
import threading

from mote_demo.confined import prepare as prepare_reading
from mote_demo.data.received import write_table
from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.explore.projection import warm_up as compile_umap
from mote_demo.serving.meanings import prepare
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import DENSE, EXPERTS, Shelf
from mote_demo.tasks import TASKS

_logger = logging.getLogger(__name__)


def warm_up(shelf: Shelf, stop: threading.Event) -> None:
    """Answer the first screen, encode and map the built-in texts as first compared, compile what new maps need.

    Visitors who are quicker wait for the same computation instead of starting a second one.
    """
    try:
        prepare(Session(shelf), stop=stop)
        prepare_reading(write_table)
        for task in TASKS:
            _encode(_pair(shelf, task), shelf.texts("samples"), stop)
        for task in TASKS:
            _map(_pair(shelf, task), shelf.texts("samples"), stop)
        # Where the maps were on the disk, nothing was compiled yet.
        compile_umap()
        _map(_pair(shelf, next(iter(TASKS))), shelf.texts("python-docs"), stop)
    except Stopped:
        return
    except Exception:
        # Nothing depends on it: what is missing is computed, and its error shown, on request.
        _logger.exception("Preparing the built-in texts failed")


def _pair(shelf: Shelf, task: str) -> Pair:
    left, right = (Lens.of(shelf.encoder(model), task, model=model, public=True) for model in (DENSE, EXPERTS))
    return Pair(left, right, shelf.store)


def _encode(pair: Pair, texts: Texts, stop: threading.Event) -> None:
    for lens in pair.lenses:
        lens.vectors(texts, pair.store, stop=stop)


def _map(pair: Pair, texts: Texts, stop: threading.Event) -> None:
    for _ in pair.draw(texts, stop=stop):
        pass
