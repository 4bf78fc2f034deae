"""What tables of measurements call things."""

_SCOPE_TITLES = {"sts": "STS", "nli": "NLI", "all": "All sets"}


def capitalized(words: str) -> str:
    """Return the words with a large first letter."""
    return words[:1].upper() + words[1:]


def scope_title(scope: str) -> str:
    """Return what tables call a family of sets, or the mean over all."""
    return _SCOPE_TITLES.get(scope, scope.capitalize())
