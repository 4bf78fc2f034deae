"""Choose the messages that the first screen shows, by the rules in mote_demo/serving/tour.py.

Usage: python scripts/tour.py
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mote_demo.files import write_json
from mote_demo.serving.meanings import right_neighbours
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import Shelf
from mote_demo.serving.tour import RULES, TOUR_FILE, choose_tour
from mote_demo.settings import cache_folder, checkpoints_folder


def main():
    session = Session(Shelf.open(checkpoints_folder(), cache_folder()))
    right, texts = right_neighbours(session), session.texts("samples")
    tour = choose_tour(texts, right)
    write_json(TOUR_FILE, tour, indent=1)
    for name, row in tour["rows"].items():
        counts = ", ".join(f"{label} {before[row]} -> {after[row]}" for label, (before, after) in right.items())
        print(f"{RULES[name].title}: {texts.passages[row]!r} ({counts})")


if __name__ == "__main__":
    main()
