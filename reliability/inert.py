"""Text is inert: what would run as a script or break the page apart is shown as the text that it is, in a real browser.

Every payload calls a function that the page was given, so that a single one that runs is noticed; one that became part
of the page without running is found in its tree, or makes the page wider than the screen.
"""

import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pandas as pd

from mote_demo.growing.expert import Expert, model_fingerprint
from mote_demo.growing.training import copy_expert
from reliability.browser import find_chromium, launched, watch
from reliability.payloads import MARK, PAYLOADS
from reliability.rows import Row
from reliability.serving import served
from reliability.tiny_models import open_tiny_shelf

_TABS = ("compare", "map", "classes", "train", "start", "experts", "about")
_COLUMNS = 8
"""Columns of a file whose names are payloads, beside those of text and label."""
_ROWS = 120
"""Texts at least; of few no map is drawn."""
_EXPERTS = 5
"""So many experts may a visitor have."""
_PATIENCE = 180_000
_SCREEN = {"width": 1280, "height": 900}
_PHONE = {"width": 390, "height": 844}
_SCRIPT = f"window.came = []; window.{MARK} = (number) => window.came.push(number);"
_FOUND = f"""() => [
  ...(window.came ?? []).map((number) => `payload ${{number}} ran`),
  ...[...document.querySelectorAll("*")]
    .filter((one) => [...one.attributes].some((each) =>
      (each.name.startsWith("on") || each.name === "srcdoc" || /^\\s*(javascript|data):/i.test(each.value))
      && each.value.includes("{MARK}(")))
    .map((one) => `markup <${{one.localName}}> in the page`),
  ...[...document.querySelectorAll("script")].filter((one) => /^\\s*(parent\\.)?{MARK}\\(/.test(one.textContent))
    .map(() => "a script in the page"),
  ...(document.querySelector("h1.broken") ? ["a heading in the page"] : []),
  ...(document.documentElement.scrollWidth > innerWidth ? ["wider than the screen"] : []),
]"""


class _Tries:
    """Count looks at a page, and what was found."""

    def __init__(self) -> None:
        self.tried, self.problems = 0, list[str]()

    def note_dialog(self, dialog: Any) -> None:  # noqa: ANN401 - Playwright's, which is imported late
        """Count a dialog that opened, and close it."""
        self.problems.append("a dialog opened")
        dialog.accept()

    def look(self, page: Any, place: str, payloads: int = 1) -> None:
        """Look at a page after so many payloads came into a place of it; an error of the page counts, too."""
        self.tried += payloads
        self.problems += [f"{place}: {found}" for found in page.evaluate(_FOUND)]
        page.evaluate("() => { if (window.came) window.came.length = 0; }")


def text_is_inert(tries: int | None = None, _seed: int = 0) -> Iterator[Row]:
    """Yield one row: payloads in every place, every tab, and the files that are exported."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("No Chromium or Chrome was found, so nothing can be tried in a browser.")
    payloads, counts = PAYLOADS[:: max(1, len(PAYLOADS) // (tries or len(PAYLOADS)))], _Tries()
    with tempfile.TemporaryDirectory(prefix="mote-reliability-") as name, served(Path(name)) as (_, url):
        folder = Path(name)
        with launched(chromium) as browser:
            for part in (_cells_and_names, _queries, _file_names, _addresses, _experts):
                sys.stderr.write(f"  {part.__name__[1:].replace('_', ' ')}\n")
                context = browser.new_context(viewport=_SCREEN)
                page = context.new_page()
                page.set_default_timeout(_PATIENCE)
                page.add_init_script(_SCRIPT)
                page.on("dialog", counts.note_dialog)
                faults = watch(page)
                try:
                    part(page, url, folder, payloads, counts)
                except Exception as error:  # what was not tried did not hold
                    sys.stderr.write(f"  {error}\n")
                    counts.problems.append(f"{part.__name__[1:]}: {type(error).__name__}: {str(error)[:200]}")
                counts.problems += faults
                context.close()
    found = dict.fromkeys(counts.problems)
    yield Row(
        name="Text is inert",
        tried=counts.tried,
        failed=len(counts.problems),
        target="0 run, 0 become a part of the page, 0 make it wider than the screen; exports the same",
        note="; ".join(
            [
                f"{len(payloads)} payloads in cells, labels, names of columns and files, queries, addresses, experts' "
                "names, instructions and cards; every tab at 1280 and 390 pixels; maps as HTML opened, CSV read back",
                *list(found)[:8],
            ]
        ),
    )


def _cells_and_names(page: Any, url: str, folder: Path, payloads: Sequence[str], counts: _Tries) -> None:
    page.goto(url)
    for start in range(0, len(payloads), _COLUMNS):
        names = payloads[start : start + _COLUMNS]
        _upload(page, "Compare", "columns.csv", _table(payloads, names))
        counts.look(page, "names of columns", len(names))
    page.locator("#compare-answers .mote-hit").first.wait_for()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_timeout(1500)
    _look_on_both_screens(page, "cells in Compare", len(payloads), counts)
    counts.problems += _csv_problems(_download(page, "Export results (CSV)", folder))
    _open(page, "Map")
    page.get_by_text("The right map is aligned").wait_for(timeout=3 * _PATIENCE)
    _look_on_both_screens(page, "cells in Map", len(payloads), counts)
    counts.problems += _csv_problems(_download(page, "Export points (CSV)", folder))
    _look_at_export(page, _download(page, "Export both maps (HTML)", folder), len(payloads), counts)
    _open(page, "Classes")
    page.locator("#mote-classes-overview .mote-classes-headline").wait_for()
    _look_on_both_screens(page, "labels in Classes", len(payloads), counts)
    for name in ("Export texts (CSV)", "Export classes (CSV)"):
        counts.problems += _csv_problems(_download(page, name, folder))
    _open(page, "Train")
    page.locator("#mote-train-upload input[type=file]").set_input_files(
        {"name": "cells.csv", "mimeType": "text/csv", "buffer": _table(payloads, payloads[:4])}
    )
    page.locator("#mote-train-counts").get_by_text("usable").first.wait_for()
    page.wait_for_timeout(1000)
    _look_on_both_screens(page, "cells in Train", len(payloads), counts)


def _look_on_both_screens(page: Any, place: str, payloads: int, counts: _Tries) -> None:
    for screen in (_PHONE, _SCREEN):
        page.set_viewport_size(screen)
        page.wait_for_timeout(300)
        counts.look(page, place, payloads)


def _queries(page: Any, url: str, _folder: Path, payloads: Sequence[str], counts: _Tries) -> None:
    page.goto(url)
    _open(page, "Compare")
    page.locator("#compare-answers .mote-hit").first.wait_for()
    for payload in payloads:
        page.get_by_label("Query", exact=True).first.fill(payload)
        page.get_by_role("button", name="Compare", exact=True).click()
        page.wait_for_timeout(300)
        counts.look(page, "a query")
    page.wait_for_timeout(1500)
    counts.look(page, "a query", 0)


def _file_names(page: Any, url: str, _folder: Path, payloads: Sequence[str], counts: _Tries) -> None:
    page.goto(url)
    for payload in payloads:
        _upload(page, "Compare", f"{payload}.csv".replace("/", "\u2215"), b"text,label\na cat,x\na dog,y\n")
        counts.look(page, "the name of a file")


def _addresses(page: Any, url: str, _folder: Path, payloads: Sequence[str], counts: _Tries) -> None:
    names = ("q", "texts", "left", "right", "label", "k", "colour", "neighbours", "__theme", "view")
    for number, payload in enumerate(payloads):
        tab = (*_TABS, payload)[number % (len(_TABS) + 1)]
        page.goto("about:blank")  # a page that still opens would write its own address
        page.goto(f"{url}/?{urlencode({'tab': tab, **dict.fromkeys(names, payload)})}#{payload}")
        page.get_by_role("tab").first.wait_for()
        page.wait_for_timeout(800)
        counts.look(page, "an address")
    for tab in _TABS:
        page.goto("about:blank")
        page.goto(f"{url}/?{urlencode({'tab': tab})}")
        page.get_by_role("tab").first.wait_for()
        page.wait_for_timeout(800)
        _look_on_both_screens(page, f"the tab {tab}", 0, counts)


def _experts(page: Any, url: str, folder: Path, payloads: Sequence[str], counts: _Tries) -> None:
    encoder = open_tiny_shelf(folder / "again")(folder / "again").growing
    layers, fingerprint = copy_expert(encoder, "sts"), model_fingerprint(encoder, "similarity")
    for number, payload in enumerate(payloads):
        if number % (_EXPERTS - 1) == 0:
            page.goto("about:blank")
            page.context.clear_cookies()
            page.goto(url)
            _open(page, "Train")
        metrics = {payload: 0.5}
        told: dict[str, Any] = {"before": metrics, "after": metrics, "layers": layers, "fingerprint": fingerprint}
        for name, base in ((f"mine-{number}", payload), (payload, "sts")):
            path = folder / "mine.safetensors"
            Expert(name, "similarity", base, payload, **told).save(path)
            page.locator("input[accept='.safetensors']").set_input_files(path)
            shown = page.locator("#mote-train-experts").get_by_text(f"mine-{number}").first
            with suppress(Exception):  # an expert that is refused is a message
                (shown if base == payload else page.locator(".toast-body").first).wait_for(timeout=20_000)
            counts.look(page, "the name of an expert" if base == "sts" else "the instruction and card of an expert")


def _table(payloads: Sequence[str], names: Sequence[str]) -> bytes:
    """Return a table whose texts, labels and further columns are payloads."""
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerow(["text", "label", *names])
    for number in range(max(2, _ROWS // len(payloads))):
        for payload in payloads:
            writer.writerow([f"{payload} my parcel is late {number}", payload, *[payload] * len(names)])
    return told.getvalue().encode()


def _upload(page: Any, tab: str, name: str, content: bytes) -> None:
    _open(page, tab)
    panel = page.get_by_role("tabpanel", name=tab).or_(page.locator("[role=tabpanel]:visible")).first
    opened = panel.get_by_role("button", name="Add your own texts")
    field = panel.locator("input[type=file][accept*=csv]").first
    clear = panel.get_by_label("Clear", exact=True).or_(panel.get_by_label("Remove this file", exact=True))
    if clear.count():
        clear.first.click()
    elif not field.count():
        opened.click()
    field.wait_for(state="attached")
    page.evaluate("() => document.querySelectorAll('.mote-added').forEach((one) => one.remove())")
    field.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    panel.locator(".mote-added, .mote-problem").first.wait_for()
    page.wait_for_timeout(300)


def _open(page: Any, name: str) -> None:
    page.get_by_role("tab").first.wait_for()
    page.get_by_role("tab", name=name, exact=True).click()


def _download(page: Any, button: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator("button:visible", has_text=button).first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def _look_at_export(page: Any, path: Path, payloads: int, counts: _Tries) -> None:
    opened = page.context.new_page()
    opened.add_init_script(_SCRIPT)
    opened.goto(path.as_uri())
    opened.wait_for_timeout(1000)
    counts.look(opened, "maps as HTML", payloads)
    opened.close()


def _csv_problems(path: Path) -> list[str]:
    """Read a CSV file back and write it as a workbook: none of its cells is a formula then."""
    import openpyxl

    workbook = path.with_suffix(".xlsx")
    pd.read_csv(path).to_excel(workbook, index=False)
    cells = (cell for row in openpyxl.load_workbook(workbook).active.iter_rows() for cell in row)
    return [f"{path.name}: a formula {json.dumps(str(cell.value)[:60])}" for cell in cells if cell.data_type == "f"]
