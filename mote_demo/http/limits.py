"""How much a program may send at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mote_demo.errors import UserError
from mote_demo.explore.search import check_length

if TYPE_CHECKING:
    from mote_demo.data.texts import Texts

MOST_TEXTS = 2048
"""As many as the OpenAI API takes, so that its clients need no setting."""
MOST_LETTERS = 1_000_000
"""In all texts of a request; about half a minute on two cores."""
MOST_BYTES = 8 * MOST_LETTERS
"""Of a request's body: JSON may write a letter as six bytes."""


def check_amount(texts: Sequence[str]) -> None:
    """Refuse more texts, or longer ones, than one request may have encoded."""
    if len(texts) > MOST_TEXTS:
        raise UserError(f"{len(texts):,} texts are too many for one call; send at most {MOST_TEXTS:,}.")
    for number, text in enumerate(texts, 1):
        check_length(text, f"text {number}")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UserError(f"The text {number} holds half of a character, a lone surrogate. Please send it whole.")
    letters = sum(map(len, texts))
    if letters > MOST_LETTERS:
        raise UserError(f"The texts have {letters:,} characters; one call takes at most {MOST_LETTERS:,} in all.")


def own_texts(texts: Sequence[str]) -> "Texts":
    """Return the texts that a program sends to be searched; they are kept nowhere."""
    import pandas as pd

    from mote_demo.data.texts import Texts

    check_amount(texts)
    if not any(text.strip() for text in texts):
        raise UserError("There are no texts to search.")
    return Texts("own", "Own texts", pd.DataFrame({"title": "", "text": list(texts)}))
