import sys

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from markupsafe import Markup

from mote_demo.ui.shared import templates
from mote_demo.ui.shared.templates import render

EVIL = "<img src=x onerror=alert(1)> ${alert(2)} {{ 7 * 7 }}"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package with a folder of templates, and take what is in it."""

    def make(**files):
        (tmp_path / "a_tab" / "templates").mkdir(parents=True)
        (tmp_path / "a_tab" / "__init__.py").touch()
        for name, source in files.items():
            (tmp_path / "a_tab" / "templates" / f"{name}.html.jinja").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "a_tab", raising=False)
        return "a_tab"

    yield make
    templates._environment.cache_clear()


def test_values_are_escaped_once_and_html_of_another_template_is_put_in_as_it_is(package):
    tab = package(inner="<b>{{ text }}</b>", outer="<p>{{ inner }}{{ text }}</p>")
    inner = render(tab, "inner.html.jinja", text=EVIL)
    page = render(tab, "outer.html.jinja", inner=inner, text=EVIL)
    safe = "&lt;img src=x onerror=alert(1)&gt; ${alert(2)} {{ 7 * 7 }}"
    assert page == f"<p><b>{safe}</b>{safe}</p>"
    assert isinstance(page, Markup)


def test_a_name_that_is_missing_is_an_error(package):
    tab = package(one="<p>{{ text }}</p>")
    with pytest.raises(UndefinedError, match="'text'"):
        render(tab, "one.html.jinja")
    with pytest.raises(TemplateNotFound):
        render(tab, "other.html.jinja")


def test_a_tab_uses_shared_macros_and_no_template_of_another_tab(package):
    tab = package(one='{% from "shared/status.html.jinja" import bar %}{{ bar(0.25) }}{{ 12345 | thousands }}')
    assert render(tab, "one.html.jinja") == '<span class="mote-bar"><i style="width: 25.0%"></i></span>12,345'
