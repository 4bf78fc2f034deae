"""How a page opens: whose it is, which tab its address names, and what follows then."""

import re
from collections.abc import Callable
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Sessions
from mote_demo.ui.shared.address import LONGEST_ADDRESS, OPEN_SCRIPT, tab_of
from mote_demo.ui.shared.events import QUICK
from mote_demo.ui.shared.visitor import visitor_of

_KEY = re.compile(r"[0-9a-f]{32}")


class Opening:
    """Recognise the visitor of a page, then let the tabs fill their controls.

    ``search`` holds what stands behind the address's question mark; ``then`` is the event to wire ``begin`` to.
    """

    def __init__(self, page: gr.Blocks, sessions: Sessions, tabs: gr.Tabs | None = None) -> None:
        """Add the event to a page, inside of its context.

        Args:
            page: the page.
            sessions: of the visitors.
            tabs: of the page, if an address may choose among them.
        """
        visitor = gr.Textbox(visible="hidden")
        self.search = gr.Textbox(visible="hidden")
        outputs = [self.search, *filter(None, [tabs])]

        def recognise(key: str, search: str, request: gr.Request) -> Any:  # noqa: ANN401
            if _KEY.fullmatch(key or ""):
                sessions.recognise(visitor_of(request), key)
            sessions.of(visitor_of(request)).address = (search or "")[:LONGEST_ADDRESS]
            chosen = gr.update() if tab_of(search) is None else gr.Tabs(selected=tab_of(search))
            return [search, chosen][: len(outputs)]

        opened = page.load(recognise, [visitor, self.search], outputs, js=OPEN_SCRIPT, **QUICK)
        self.then: Callable[..., Any] = opened.success
