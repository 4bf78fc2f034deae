"""Every text can be read: its colour stands out from what is behind it by 4.5 to 1, as WCAG AA asks."""

import re

import gradio as gr
import pytest

from mote_demo.ui.shared.theme import css, theme

SLATE = gr.themes.colors.slate


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def rule(selector, name):
    """Return the colour that the style sheets give to one property of one rule."""
    (body,) = re.findall(rf"^{re.escape(selector)} {{\n([^}}]*)}}", css(), re.MULTILINE)
    return re.search(rf"{name}: (#[0-9a-f]{{6}});", body)[1]


def of_theme(name):
    """Return a colour of the theme, which may name a shade of its neutral hue."""
    value = getattr(theme(), name)
    shade = re.fullmatch(r"\*neutral_(\d+)", value)
    return getattr(SLATE, f"c{shade[1]}") if shade else value


@pytest.mark.parametrize("name", ["--mote-right", "--mote-left"])
def test_the_headings_of_both_sides_stand_out(name):
    for behind in ("#ffffff", SLATE.c50):
        assert contrast(rule(":root", name), behind) >= 4.5
    for behind in (SLATE.c800, SLATE.c950):
        assert contrast(rule(".dark", name), behind) >= 4.5


def test_the_sign_of_shared_texts_stands_out():
    assert contrast(rule(".mote-shared-sign", "color"), "#ffffff") >= 4.5
    assert contrast(rule(".dark .mote-shared-sign", "color"), SLATE.c800) >= 4.5


def test_subdued_texts_stand_out_on_chips_too():
    assert contrast(of_theme("body_text_color_subdued"), SLATE.c100) >= 4.5
    assert contrast(of_theme("body_text_color_subdued_dark"), SLATE.c800) >= 4.5


@pytest.mark.parametrize("state", ["", "_hover", "_dark", "_hover_dark"])
def test_white_words_stand_out_on_the_main_button(state):
    assert contrast(of_theme(f"button_primary_background_fill{state}"), "#ffffff") >= 4.5
