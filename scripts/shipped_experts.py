"""Choose settings for the experts that ship as files, grow them, and measure them on texts they never saw.

Usage: python scripts/shipped_experts.py [try] [grow] [measure]   (default: measure)

"try" grows experts on half of the topics in data/messages.csv and measures them on the other half; "grow" grows those
that ship with what did best, by the command `mote grow`; "measure" measures them on the sample set of the app. All
write results/shipped_experts.json.
"""

import json
import os
import shlex
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mote_demo import cli
from mote_demo.data.samples import load_samples
from mote_demo.data.tables import read_table
from mote_demo.explore.lens import Lens
from mote_demo.files import write_json
from mote_demo.growing.expert import load_expert
from mote_demo.loading import load
from mote_demo.settings import ROOT, experts_folder, shipped_experts_file
from mote_demo.study.shipped_experts import NEIGHBOURS, TASK, VARIANTS, measure_label, try_variant

MESSAGES = ROOT / "data" / "messages.csv"
LABELS = ("intent", "mood")
STEPS = ("try", "grow", "measure")


def main():
    steps = sys.argv[1:] or ["measure"]
    unknown = set(steps) - set(STEPS)
    if unknown:
        sys.exit(f"Unknown step {', '.join(unknown)}. Use {', '.join(STEPS)}.")
    out = shipped_experts_file()
    known = json.loads(out.read_text("utf-8")) if out.is_file() else {"trials": [], "grown": {}}
    for step in STEPS:
        if step in steps:
            known |= {"try": try_all, "grow": grow_all, "measure": measure}[step](known)
            write_json(out, known, indent=1)


def try_all(known):
    """Try every variant for every label; what was tried before is kept."""
    encoder, rows = load("mote"), read_table(MESSAGES)
    trials = list(known["trials"])
    done = {(trial["label"], trial["variant"]) for trial in trials}
    for name in VARIANTS:
        for label in LABELS:
            if (label, name) not in done:
                trials.append(try_variant(encoder, rows, label, name))
                print(trials[-1], flush=True)
                write_json(shipped_experts_file(), known | {"trials": trials}, indent=1)
    return {"trials": trials}


def grow_all(known):
    """Grow one expert a label with the variant that did best for it."""
    grown = {}
    for label in LABELS:
        best = max((trial for trial in known["trials"] if trial["label"] == label), key=lambda trial: trial["after"])
        variant = VARIANTS[best["variant"]]
        out = experts_folder() / f"{label}.safetensors"
        options = ["--base", variant.base, "--effort", variant.effort]
        for name, value in variant.changes.items():
            options += [f"--{name.replace('_', '-')}", str(value)]
        arguments = ["grow", relative(MESSAGES), "--task", TASK, "--text", "text", "--label", label, *options]
        arguments += ["--out", relative(out)]
        print(shlex.join(["mote", *arguments]))
        if cli.main(arguments):
            sys.exit(1)
        expert = load_expert(out)
        rows = len(read_table(MESSAGES).frame)
        grown[label] = {
            "variant": best["variant"],
            "command": shlex.join(["mote", *arguments]),
            "learnt_from": rows - expert.held_out_rows,
            "held_out": expert.held_out_rows,
        }
    return {"grown": grown}


def measure(known):
    """Measure the baseline, the untouched backbone, MoTE's own routes and the experts on the sample set."""
    texts, rows = load_samples(), read_table(MESSAGES).frame
    mote, baseline, untouched = load("mote"), load("baseline"), load("untouched")
    results = []
    for label in texts.labels:
        look = "clustering" if label == "topic" else TASK
        lenses = {
            "baseline": Lens.of(baseline, look, model="baseline"),
            "untouched": Lens.of(untouched, model="untouched"),
            "mote": Lens.of(mote, look, model="mote"),
        }
        if label in LABELS:
            lenses["expert"] = lenses["mote"].with_expert(load_expert(experts_folder() / f"{label}.safetensors"))
        results.append(measure_label(lenses, texts, label, rows if label in LABELS else rows[["text"]]))
        for name, each in results[-1]["lenses"].items():
            print(label, name, each)
    return {
        "texts": texts.name,
        "count": len(texts),
        "rows": len(rows),
        "neighbours": NEIGHBOURS,
        "labels": results,
    }


def relative(path):
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    main()
