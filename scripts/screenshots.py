"""Take the pictures of the app that README.md shows.

Usage: python scripts/screenshots.py [FOLDER]   (default: docs/images)
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mote_demo.settings import ROOT
from mote_demo.ui.app import launch_options, open_app
from tests.browser import find_chromium, launched
from tests.walk import VIEWPORTS, walk

SCREEN = "desktop"
STEPS = ("start", "compare", "map", "trained")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    chromium = find_chromium()
    if chromium is None:
        sys.exit("The pictures need Chromium or Chrome; none was found.")
    demo = open_app()
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    with launched(chromium) as browser:
        page = browser.new_context(**VIEWPORTS[SCREEN]).new_page()
        page.goto(address)
        for step in walk(page):
            if step in STEPS:
                page.screenshot(path=folder / f"{step}.png", animations="disabled")
                print(f"{step}.png")
    demo.close()


if __name__ == "__main__":
    main()
