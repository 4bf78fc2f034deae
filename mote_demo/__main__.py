"""Run the command line: ``python -m mote_demo VERB``."""

import sys

from mote_demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
