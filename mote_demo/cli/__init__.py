"""The command line: the app's verbs for the terminal."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mote_demo import __version__
from mote_demo.cli import bulk, experts, looking, models, running
from mote_demo.errors import UserError
from mote_demo.extras import missing_extra


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; an expected failure is one line on standard error and exit status 2."""
    name, called = ("mote", "mote") if Path(sys.argv[0]).stem == "mote" else ("mote_demo", "python -m mote_demo")
    options = _parser(called).parse_args(arguments)
    # Read when transformers is imported: the bar of each file loaded would hide the one line that matters.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        options.verb(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads, such as head, has seen enough; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UserError, OSError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    except ModuleNotFoundError as error:
        needed = missing_extra(error.name)
        if needed is None:
            raise
        sys.stderr.write(f"{name}: {needed}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: stopped\n")
        return 130
    return 0


def _parser(called: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=called, description="Mixture of Task Experts embeddings.")
    parser.add_argument("--version", action="version", version=f"mote {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for group in (running, looking, bulk, experts, models):
        group.add_verbs(verbs)
    return parser
