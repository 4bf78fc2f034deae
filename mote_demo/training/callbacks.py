"""What happens beside the steps of a training."""

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mote_demo.files import replacing
from mote_demo.training.sources import Say


class Narrator(TrainerCallback):
    """Say the loss whenever it is logged."""

    def __init__(self, say: Say) -> None:
        self.say = say

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Say the step and the loss."""
        if logs and "loss" in logs:
            self.say(f"step {state.global_step}/{state.max_steps} loss {float(logs['loss']):.4f}")


class Clock(TrainerCallback):
    """Add up the minutes of a run over its stops."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else 0.0
        self.started = time.monotonic()

    def minutes(self) -> float:
        """Return the minutes until now."""
        return self.before + (time.monotonic() - self.started) / 60

    def on_save(self, *_: Any, **__: Any) -> None:
        """Note the minutes beside a state that was saved."""
        with replacing(self.file) as temporary:
            temporary.write_text(json.dumps(self.minutes()), encoding="utf-8")
