"""Experts without a training."""

from mote_demo.growing.expert import Expert, model_fingerprint
from mote_demo.growing.training import copy_expert
from mote_demo.tasks import find_task


def copied_expert(encoder, name="mine", task="similarity", *, base=None, layers_of=None, instruction=""):
    """Return an expert with the layers of its base, the task's own route or another, or of any route."""
    base = base or find_task(task).query_route
    return Expert(
        name=name,
        task=task,
        base=base,
        instruction=instruction,
        layers=copy_expert(encoder, layers_of or base),
        fingerprint=model_fingerprint(encoder, task),
    )
