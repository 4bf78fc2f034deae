"""What is on the screen, as Python that does the same."""

from mote_demo.data.texts import Texts
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import BUILT_IN


def python_code(session: Session, pair: Pair, texts: Texts, call: str) -> str:
    """Write a script that looks at texts through two lenses.

    Args:
        session: whose experts the lenses may use; these are loaded from the files that the visitor downloads.
        pair: the lenses.
        texts: what is looked at; an upload is read from its file again.
        call: the last lines, which may name ``pair`` and ``texts``.
    """
    return "\n".join(
        [
            "import mote_demo as mote",
            "",
            f"left = {_lens(session, pair.left)}",
            f"right = {_lens(session, pair.right)}",
            "pair = mote.Pair(left, right)",
            f"texts = {_texts(texts)}",
            call,
            "",
        ]
    )


def _lens(session: Session, lens: Lens) -> str:
    name = lens.name
    if name.look not in session.experts:
        return f"mote.Lens.load({str(lens)!r})"
    expert = session.experts[name.look]
    switch = "" if lens.instruction else "?instruction=off"
    grown = f"mote.load_expert({f'{expert.name}.safetensors'!r})"
    return f"mote.Lens.load({f'{name.model}/{expert.task}{switch}'!r}).with_expert({grown})"


def _texts(texts: Texts) -> str:
    return f"mote.load_texts({texts.name!r})" if texts.name in BUILT_IN else f"mote.read_texts({texts.title!r})"
