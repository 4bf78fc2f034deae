"""Plain prose from docstrings: without the marks of reStructuredText and Markdown."""

import re

_FENCE = re.compile(r"```.*?(```|\Z)", re.DOTALL)
_CODE_LINE = re.compile(r"^\s*(>>>|\.\.\. |\.\.\.$).*$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^\s*\.\. .*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*([-=~^*#+_|])[-=~^*#+_| \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^\s*#+ ", re.MULTILINE)
_ROLE = re.compile(r":[a-z][\w:+-]*:`~?!?([^`<]*?)\s*(?:<[^`>]*>)?`")
_RST_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?")
_MARKDOWN_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_MARKS = re.compile(r"`+|\*\*")
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bcf)[.!?](?=\s)")
_PARAGRAPH_END = re.compile(r"\n\s*\n")


def first_sentence(docstring: str) -> tuple[str, str]:
    """Return the first sentence, cleaned, and the rest, as it was.

    A sentence ends at its full stop or with its paragraph.
    """
    docstring = docstring.strip()
    paragraph = _PARAGRAPH_END.search(docstring)
    end = paragraph.start() if paragraph else len(docstring)
    stop = _SENTENCE_END.search(docstring, 0, end)
    end = stop.end() if stop else end
    return clean(docstring[:end]), docstring[end:]


def clean(text: str) -> str:
    """Drop code, directives and marks of markup, and put everything on one line."""
    for pattern in (_FENCE, _CODE_LINE, _DIRECTIVE, _RULE, _HEADING):
        text = pattern.sub("", text)
    for pattern in (_ROLE, _RST_LINK, _MARKDOWN_LINK):
        text = pattern.sub(r"\1", text)
    return " ".join(_MARKS.sub("", text).split())


def cut(text: str, characters: int) -> str:
    """Return at most ``characters`` of ``text``, cut between words."""
    if len(text) <= characters:
        return text
    return text[: characters + 1].rsplit(" ", 1)[0][:characters]
