"""HTML from Jinja2 templates, which escape every value they are given."""

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup, escape

from mote_demo.plain_text import shown_label

_SHARED = "mote_demo.ui.shared"
_MOST_OF_A_TITLE = 1000


def render(package: str, template: str, **values: Any) -> Markup:
    """Fill a template of a tab.

    Args:
        package: whose folder ``templates`` holds it, such as ``mote_demo.ui.train``. A template of another tab does
            not exist there; ``shared/NAME`` is one of ``mote_demo.ui.shared``, to include or to import macros from.
        template: its file name.
        values: what it names; a name that is missing is an error. Text is escaped, a ``Markup`` is put in as it is.

    Returns:
        HTML, a ``str`` that another template takes as it is.
    """
    return Markup(_environment(package).get_template(template).render(values))


@cache
def _environment(package: str) -> Environment:
    shared = PrefixLoader({"shared": PackageLoader(_SHARED)})
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), shared]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["label"] = _label
    return environment


def _label(value: object) -> Markup:
    """Shorten a label, with the whole of it where the pointer rests."""
    shown = shown_label(value)
    if shown == str(value):
        return escape(shown)
    return Markup('<span title="{}">{}</span>').format(str(value)[:_MOST_OF_A_TITLE], shown)
