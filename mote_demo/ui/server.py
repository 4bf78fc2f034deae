"""What stands between the network and the app: who may ask, how much, and what every answer says to a browser."""

import ipaddress
import re
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse
from starlette.routing import Route

import mote_demo
from mote_demo.event_log import note, note_error
from mote_demo.limits import (
    ALL_UPLOADED_BYTES,
    MAX_BYTES,
    REQUEST_BYTES,
    REQUESTS_A_SECOND,
    REQUESTS_AT_ONCE,
    UPLOADED_BYTES,
)
from mote_demo.plain_text import plain_text
from mote_demo.serving.rates import Rates
from mote_demo.settings import allowed_hosts, proxies
from mote_demo.ui.early_scripts import EarlyScripts
from mote_demo.ui.shared.border import FAILED
from mote_demo.ui.shared.visitor import COOKIE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ANY_HOST = "*"
_HOUR = 3600
_FETCHED = re.compile(r"/(file|proxy)[=/]\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
"""Paths by which Gradio fetches what stands elsewhere."""
_MOST_PAGES = 10_000
_FORM_BYTES = 1_000_000
"""What a browser puts around an uploaded file, and more."""

_FRAMES = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
# Gradio's page starts by scripts within it, and makes functions of the texts that components bring as scripts.
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        _FRAMES,
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_STARTED = time.monotonic()


def server_options(scripts: str) -> dict[str, Any]:
    """Return the arguments of the server beneath the app: the gate, the path that says how it is, early scripts.

    Args:
        scripts: HTML with the scripts that run before Gradio's.
    """
    return {
        "middleware": [
            Middleware(Gate, hosts=allowed_hosts(), proxies=proxies()),
            Middleware(EarlyScripts, scripts=scripts),
        ],
        "routes": [Route("/health", health)],
        "exception_handlers": {RequestValidationError: refuse_values},
    }


async def refuse_values(_: Request, error: Exception) -> JSONResponse:
    """Say which fields of a request are wrong, without what they held: not all of that can be written as JSON."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    told = [{"field": plain_text(str(each["loc"][-1]))[:100], "problem": each["type"]} for each in problems[:20]]
    words = "The request does not have the fields that are needed here."
    return JSONResponse({"detail": words, "error": words, "problems": told}, status_code=422)


async def health(request: Request) -> JSONResponse:
    """Say that the app answers, which one it is, its models, and for how many seconds it has run."""
    told = {
        "status": "ok",
        "version": mote_demo.__version__,
        "models": list(request.app.get_blocks().models),
        "seconds": round(time.monotonic() - _STARTED, 1),
    }
    return JSONResponse(told)


class _Refused(Exception):
    """Say why a request is not answered, and with which status."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass
class _Asked:
    """Hold what the gate looks at."""

    method: str
    path: str
    headers: Headers
    address: str
    page: str | None
    browser: str
    uploads: bool = field(init=False)

    def __post_init__(self) -> None:
        self.uploads = self.path.rstrip("/").endswith("/upload")


class Gate:
    """Refuse what is not for this app, too much or too large; add headers, and keep errors out of answers and log.

    Every browser gets a cookie that no script can read: a page's id alone, which stands in addresses, opens nobody's
    session.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        *,
        hosts: Sequence[str] = (ANY_HOST,),
        proxies: int = 0,
        requests: Rates | None = None,
        uploads: Rates | None = None,
        all_uploads: Rates | None = None,
    ) -> None:
        """Stand before ``app``.

        Args:
            app: an ASGI app.
            hosts: names that it may be asked by, as well as localhost, this machine's name and addresses in numbers;
                "*.example.org" allows all below one, ``ANY_HOST`` whatever is asked for.
            proxies: how many proxies are before it, whose word on addresses is believed.
            requests: what one address may ask.
            uploads: bytes that one address may upload.
            all_uploads: bytes that all may upload together.
        """
        self._app = app
        self._hosts, self._proxies = tuple(hosts), proxies
        self._requests = requests or Rates(REQUESTS_AT_ONCE, REQUESTS_A_SECOND)
        self._uploads = uploads or Rates(UPLOADED_BYTES, UPLOADED_BYTES / _HOUR)
        self._all_uploads = all_uploads or Rates(ALL_UPLOADED_BYTES, ALL_UPLOADED_BYTES / _HOUR)
        self._pages = _Pages()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        address = client_address(scope, headers, self._proxies)
        browser = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        asked = _Asked(scope["method"], scope["path"], headers, address, _page_of(scope), browser)
        answer = _Answer(send, _new_cookie(scope, headers))
        try:
            self._check(asked)
            await self._app(scope, self._counting(asked, receive), answer)
        except _Refused as refused:
            note("refused", status=refused.status)
            await self._refuse(scope, receive, answer, refused.status, refused.words)
        except FnIndexInferError:
            await self._refuse(scope, receive, answer, 404, "There is no such endpoint. /gradio_api/info lists them.")
        except Exception as error:  # noqa: BLE001 - whatever gets here is a mistake of the app
            if isinstance(error.__cause__, HTTPException):  # a stream that began, and is for nobody
                note("refused", status=error.__cause__.status_code)
                await answer.end()
                return
            note_error(error, doing="a request")
            await self._refuse(scope, receive, answer, 500, FAILED)

    async def _refuse(
        self, scope: MutableMapping[str, Any], receive: Receive, answer: "_Answer", status: int, words: str
    ) -> None:
        if not answer.begun:
            await JSONResponse({"detail": words, "error": words}, status_code=status)(scope, receive, answer)

    def _check(self, asked: _Asked) -> None:
        if not _is_allowed(asked.headers.get("host", ""), self._hosts):
            words = "This name is not the app's. Whoever runs it can allow the name by MOTE_ALLOWED_HOSTS."
            raise _Refused(400, words)
        if asked.page is not None and not self._pages.belongs(asked.page, asked.browser):
            raise _Refused(403, "This page belongs to another browser. Please reload yours.")
        if _FETCHED.search(asked.path):
            raise _Refused(403, "The app fetches nothing from other addresses for anybody.")
        if asked.method in ("GET", "HEAD", "OPTIONS"):
            return
        if not _is_own_page(asked.headers, self._proxies):
            raise _Refused(403, "Another site's page may not ask this app. Please open the app itself.")
        if not self._requests.take(asked.address):
            raise _Refused(429, "Too many requests came from your address. Please wait a few seconds.")
        length = asked.headers.get("content-length", "0")
        _check_size(asked, int(length) if length.isdecimal() else 0)

    def _counting(self, asked: _Asked, receive: Receive) -> Receive:
        """Return what receives a request as long as it is small enough."""
        size = 0

        async def count() -> Message:
            nonlocal size
            message = await receive()
            part = len(message.get("body", b""))
            size += part
            _check_size(asked, size)
            if asked.uploads and part and not self._may_upload(asked.address, part):
                raise _Refused(429, "So much was uploaded that the app takes no more for now. Please wait an hour.")
            return message

        return count

    def _may_upload(self, address: str, part: int) -> bool:
        return self._uploads.take(address, part) and self._all_uploads.take("", part)


class _Answer:
    """Send an answer with the headers of every answer; ``begun`` tells whether any of it was sent."""

    def __init__(self, send: Send, cookie: str | None) -> None:
        self._send, self._cookie = send, cookie
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if self._cookie is not None and headers.get("content-type", "").startswith("text/html"):
                headers.append("Set-Cookie", self._cookie)
        await self._send(message)

    async def end(self) -> None:
        """End an answer of which a part was sent."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class _Pages:
    """Remember which browser each page belongs to: the first that asked for what the app sends to the page.

    A page's id stands in addresses; whoever reads it there shall not read the answers that the page gets.
    """

    def __init__(self, most: int = _MOST_PAGES) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._most = most

    def belongs(self, page: str, browser: str) -> bool:
        """Tell whether a page belongs to a browser; from the first question on it does."""
        owner = self._owners.setdefault(page, browser)
        self._owners.move_to_end(page)
        while len(self._owners) > self._most:
            self._owners.popitem(last=False)
        return owner == browser


def _page_of(scope: MutableMapping[str, Any]) -> str | None:
    """Return the id of the page whose answers are asked for, if any are."""
    path = scope["path"].rstrip("/")
    if "/heartbeat/" in path:
        return path.rpartition("/")[2]
    if path.endswith("/queue/data"):
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1]
    return path.partition("/stream/")[2].partition("/")[0] or None


def client_address(scope: MutableMapping[str, Any], headers: Headers, proxies: int) -> str:
    """Return who asks: the address itself, of version 6 its network, since a home has a whole one.

    Args:
        scope: of the request.
        headers: of the request.
        proxies: how many proxies are before the app; each puts the address of whoever asked it last in
            X-Forwarded-For, and what stands before those is anybody's word.
    """
    peer = (scope.get("client") or ("",))[0]
    forwarded = [each.strip() for each in headers.get("x-forwarded-for", "").split(",")]
    if proxies and len(forwarded) >= proxies:
        peer = forwarded[-proxies]
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:100]
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _check_size(asked: _Asked, size: int) -> None:
    most = MAX_BYTES + _FORM_BYTES if asked.uploads else REQUEST_BYTES
    if size > most:
        raise _Refused(413, f"The request is larger than {most / 1e6:,.0f} MB, which is the limit.")


def _is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Tell whether a Host may be asked for; another site's name that points here must not be (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return True
    own = name in ("localhost", socket.gethostname().lower())
    return own or any(each in (ANY_HOST, name) or (each[:2] == "*." and name.endswith(each[1:])) for each in allowed)


def _is_own_page(headers: Headers, proxies: int) -> bool:
    """Tell whether a page of the app asks, or a program; a browser says so by itself, and pages cannot forge it."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    host = headers.get("x-forwarded-host", "") if proxies else ""
    # Not taken apart: what a stranger writes there need not be an address.
    return origin.partition("://")[2] == (host or headers.get("host", ""))


def _new_cookie(scope: MutableMapping[str, Any], headers: Headers) -> str | None:
    """Return a cookie for a browser that has none."""
    if COOKIE in cookie_parser(headers.get("cookie", "")):
        return None
    safe = "https" in (scope.get("scheme"), headers.get("x-forwarded-proto"))
    # The Hub shows a Space in a frame, where only such a cookie is kept.
    kind = "SameSite=None; Secure; Partitioned" if safe else "SameSite=Lax"
    return f"{COOKIE}={secrets.token_urlsafe(16)}; Path=/; HttpOnly; {kind}"
