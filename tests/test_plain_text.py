import json

import numpy as np
import pytest

from mote_demo.explore.colouring import Colouring
from mote_demo.explore.figures import map_figure
from mote_demo.explore.linked_maps import colours_json
from mote_demo.limits import LONGEST_LABEL
from mote_demo.plain_text import plain_text, shown_label
from mote_demo.ui.shared.templates import _environment

LONG = "begins so, " + "and goes on " * 400 + "ends so"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("half an emoji \ud83d here", "half an emoji  here"),
        ("\udc00\0", ""),
        ("a whole \U0001f600 stays", "a whole \U0001f600 stays"),
    ],
)
def test_text_is_rid_of_what_no_tokenizer_takes(text, plain):
    assert plain_text(text) == plain
    plain_text(text).encode()


def test_a_long_label_is_shown_by_its_beginning_and_its_end():
    shown = shown_label(LONG)
    assert len(shown) <= LONGEST_LABEL
    assert shown.startswith("begins so, and")
    assert shown.endswith("ends so")
    assert shown_label("two\nlines") == "two lines"
    assert shown_label(7) == "7"


def test_a_template_keeps_the_whole_label_where_the_pointer_rests():
    template = _environment("mote_demo.ui.compare").from_string("{{ label | label }}")
    assert template.render(label="short & <b>") == "short &amp; &lt;b&gt;"
    long = template.render(label='"' + LONG + "<i>")
    assert long.startswith('<span title="&#34;begins so')
    assert "<i>" not in long


def test_legends_of_maps_and_pictures_show_long_labels_in_short():
    labels = [LONG, "short"] * 5
    told = json.loads(colours_json(Colouring.of(labels, 10, "kind")))
    assert told["shown"] == {LONG: shown_label(LONG)}
    figure = map_figure(np.zeros((10, 2), dtype=np.float32), labels=labels)
    assert {len(trace["name"]) <= LONGEST_LABEL for trace in figure["data"]} == {True}
