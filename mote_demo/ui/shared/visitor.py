"""Who asks: a page, in the browser that opened it."""

import gradio as gr

COOKIE = "mote_visitor"
"""Name of the cookie that tells browsers apart."""


def visitor_of(request: gr.Request) -> str | None:
    """Return the id of a visitor's page, None for a call without a page.

    The page's own id stands in addresses, which may be logged or shown to others. What the browser keeps is added, so
    that whoever reads the id of a page is another visitor.
    """
    if not request.session_hash:
        return None
    return f"{request.session_hash}/{request.cookies.get(COOKIE, '')}"
