"""HTML from Jinja2 templates, which escape every value they are given."""

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

_SHARED = "mote_demo.ui.shared"


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
    return environment
