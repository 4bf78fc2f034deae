"""How the app looks."""

from pathlib import Path

import gradio as gr

_STATIC = Path(__file__).parent.parent / "static"
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """Return the theme: the visitor's own system fonts, slate and orange, nothing from other hosts."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.orange,
        secondary_hue=gr.themes.colors.slate,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=_SANS,
        font_mono=_MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="#c2410c",
        button_primary_background_fill_hover="#9a3412",
        button_primary_background_fill_dark="#c2410c",
        button_primary_background_fill_hover_dark="#9a3412",
        button_primary_text_color="white",
        block_label_text_weight="500",
        block_border_width="1px",
        block_shadow="none",
    )


def css() -> str:
    """Return the app's own style sheets, joined."""
    return "\n".join(
        (_STATIC / name).read_text("utf-8")
        for name in ("app.css", "start.css", "map.css", "classes.css", "train.css", "experts.css", "roles.css")
        if (_STATIC / name).is_file()
    )
