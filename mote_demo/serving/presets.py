"""The comparisons that are one click away."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.lens_name import LensName
from mote_demo.growing.expert import Expert, route_pair
from mote_demo.loading import UNTOUCHED
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import DENSE, EXPERTS
from mote_demo.tasks import Task, find_task


@dataclass(frozen=True)
class Preset:
    """Describe a comparison: its title, what it shows, and its lenses for a task and the visitor's newest expert."""

    title: str
    shows: str
    lenses: Callable[[Task, Expert | None], tuple[LensName, LensName]]


def _wrong(task: Task) -> str:
    """Return an expert that is the wrong one for a task: that of topics, or for topics themselves, of meaning."""
    return "clustering" if task.name != "clustering" else "sts"


def _before_after(task: Task, expert: Expert | None) -> tuple[LensName, LensName]:
    if expert is None:
        raise UserError("There is no expert of yours yet. Train one in the tab 'Train', then come back.")
    before = "+".join(route_pair(expert.task, expert.base))
    return LensName(EXPERTS, before), LensName(EXPERTS, expert.name)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "models": Preset(
            "Baseline | MoTE",
            "one set of weights that is told the task, and an expert for it",
            lambda task, _: (LensName(DENSE, task.name), LensName(EXPERTS, task.name)),
        ),
        "gain": Preset(
            "Untouched | MoTE",
            "what training gained over the model as it was published",
            lambda task, _: (LensName(UNTOUCHED), LensName(EXPERTS, task.name)),
        ),
        "parts": Preset(
            "Instruction only | Expert only",
            "what words before the text do, and what weights do",
            lambda task, _: (LensName(DENSE, task.name), LensName(EXPERTS, task.name, instruction=False)),
        ),
        "wrong": Preset(
            "Right expert | Wrong expert",
            "the same text through the expert of another task",
            lambda task, _: (LensName(EXPERTS, task.name), LensName(EXPERTS, task.name, expert=_wrong(task))),
        ),
        "tasks": Preset(
            "Two tasks, one model",
            "one text, sorted by topic and by class",
            lambda *_: (LensName(EXPERTS, "clustering"), LensName(EXPERTS, "classification")),
        ),
        "training": Preset("Before | After my training", "what your own expert changed", _before_after),
    }
)


def lenses_of(preset: str | None, task: str | None, session: Session) -> tuple[str, str]:
    """Return the names of the two lenses of a preset.

    Raises:
        UserError: an unknown preset or task, or one that needs an expert which the visitor does not have.
    """
    if preset is None or preset not in PRESETS:
        raise unknown_choice("comparison", preset, PRESETS)
    newest = next(reversed(list(session.experts)), None)
    left, right = PRESETS[preset].lenses(find_task(task), newest)
    return str(session.lens(str(left))), str(session.lens(str(right)))
