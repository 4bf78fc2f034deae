"""Chromium for tries, tests and pictures: where it is, how it starts, and what a page must not do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

LOCAL = {"localhost", "127.0.0.1", "::1", None}
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


def find_chromium() -> str | None:
    """Return the path of the machine's own Chromium or Chrome, if it has one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def launched(executable: str) -> Iterator[Any]:
    """Yield a headless Playwright browser whose pages cannot reach any other machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGS))
        yield browser
        browser.close()


def watch(page: Any) -> list[str]:
    """Return a list that fills with faults of a page: script errors, other hosts, and what the policy forbids."""
    faults: list[str] = []

    def on_request(request: Any) -> None:
        if urlsplit(request.url).hostname not in LOCAL:
            faults.append(f"request to another host: {request.url}")

    def on_console(message: Any) -> None:
        if "Content Security Policy" in message.text:
            faults.append(f"against the policy: {message.text}")

    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("request", on_request)
    page.on("console", on_console)
    return faults


def text_of(page: Any) -> str:
    """Return what a page shows, or that it does not answer within 10 seconds."""
    from playwright.sync_api import Error

    try:
        return page.locator("body").inner_text(timeout=10_000)
    except Error as error:
        return f"The page does not answer: {error}"
