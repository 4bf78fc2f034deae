"""What is computed before the first visitor needs it."""

import logging
import threading

from mote_demo.encoder import Stopped
from mote_demo.explore.lens import Lens
from mote_demo.explore.projection import warm_up as compile_umap
from mote_demo.serving.meanings import prepare
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import DENSE, EXPERTS, Shelf
from mote_demo.tasks import TASKS

_logger = logging.getLogger(__name__)


def warm_up(shelf: Shelf, stop: threading.Event) -> None:
    """Encode the sample set for the first screen, then for every task with both models; prepare the map's compiler.

    Visitors who are quicker wait for the same computation instead of starting a second one.
    """
    try:
        prepare(Session(shelf), stop=stop)
        for task in TASKS:
            _encode(shelf, "samples", task, stop)
        compile_umap()
        _encode(shelf, "python-docs", next(iter(TASKS)), stop)
    except Stopped:
        return
    except Exception:
        # Nothing depends on it: what is missing is computed, and its error shown, on request.
        _logger.exception("Preparing the built-in texts failed")


def _encode(shelf: Shelf, texts: str, task: str, stop: threading.Event) -> None:
    for model in (DENSE, EXPERTS):
        lens = Lens.of(shelf.encoder(model), task, model=model, public=True)
        lens.vectors(shelf.texts(texts), shelf.store, stop=stop)
