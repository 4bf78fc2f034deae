"""The verb that starts the app."""

import argparse
import os
from pathlib import Path

from mote_demo.cli.verbs import Verbs, add_verb
from mote_demo.extras import require


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_run(verbs)


def _add_run(verbs: Verbs) -> None:
    parser = add_verb(verbs, "run", _run, "Start the app.")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 serves other machines too")
    parser.add_argument("--checkpoints", type=Path, help="folder that holds baseline and mote")


def _run(options: argparse.Namespace) -> None:
    if options.checkpoints:
        os.environ["MOTE_CHECKPOINTS"] = str(options.checkpoints)
    if os.environ.get("GRADIO_MCP_SERVER", "").lower() == "true":
        require("mcp")  # Gradio would name a command whose pydantic is another one
    from mote_demo.ui.app import launch_options, open_app

    open_app().launch(server_name=options.host, server_port=options.port, **launch_options())
