"""The command that repeats a growth outside of the app."""

import shlex
from collections.abc import Mapping

from mote_demo.growing.expert import Expert

_SETTINGS = ("epochs", "steps", "batch_size", "learning_rate", "temperature", "seed", "blocks")


def repeat_command(
    expert: Expert,
    rows: str,
    columns: Mapping[str, str],
    *,
    test: str | None = None,
    unlabelled: bool = False,
    twin: bool = False,
) -> str:
    """Return the command, quoted for a shell, with every setting spelled out.

    Args:
        expert: what was grown.
        rows: the file of the rows, as the command should name it.
        columns: by role, those that were chosen.
        test: a file of rows to measure on.
        unlabelled: whether the texts have no labels.
        twin: whether to train the dense twin too.
    """
    words = ["mote", "grow", rows, "--task", expert.task]
    for role, column in columns.items():
        words += [f"--{role}", column]
    if unlabelled:
        words.append("--unlabelled")
    if test is not None:
        words += ["--test", test]
    words += ["--name", expert.name, "--base", expert.base]
    if expert.settings is not None:
        words += ["--effort", "thorough" if expert.settings.blocks is None else "quick"]
        for name in _SETTINGS:
            value = getattr(expert.settings, name)
            if value is not None:
                words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    if twin:
        words.append("--twin")
    return shlex.join([*words, "--out", f"{expert.name}.safetensors"])
