"""Scripts that the browser runs before Gradio's own."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_HEAD = b"<head>"


class EarlyScripts:
    """Put scripts first into the head of a page.

    What ``launch`` takes as ``head`` is added after Gradio's page has begun, so its listeners come after Gradio's.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], *, scripts: str) -> None:
        """Stand before ``app``.

        Args:
            app: an ASGI app.
            scripts: HTML.
        """
        self._app = app
        self._scripts = scripts.encode()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Send) -> None:
        """Answer one request."""
        answer = _Page(send, self._scripts) if scope["type"] == "http" and scope["method"] == "GET" else send
        await self._app(scope, receive, answer)


class _Page:
    """Send an answer; where it is HTML, with scripts in its head."""

    def __init__(self, send: Send, scripts: bytes) -> None:
        self._send, self._scripts = send, scripts
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Send one message; the start of HTML, which tells its length, waits for its body."""
        if message["type"] == "http.response.start":
            if MutableHeaders(scope=message).get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif self._start is not None:
            headers, body = MutableHeaders(scope=self._start), message.get("body", b"")
            message = {**message, "body": body.replace(_HEAD, _HEAD + self._scripts, 1)}
            if "content-length" in headers:
                headers["content-length"] = str(int(headers["content-length"]) + len(message["body"]) - len(body))
            await self._send(self._start)
            self._start = None
        await self._send(message)
