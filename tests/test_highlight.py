import pytest

from mote_demo.explore.highlight import mark_words


def marked(fragments):
    return [text for text, is_marked in fragments if is_marked]


def plain(fragments):
    return "".join(text for text, _ in fragments)


def test_words_of_the_query_are_marked_with_case_and_endings_ignored():
    text = "Refunds take a week; I was REFUNDED twice, the refund of the billing team."
    fragments = mark_words(text, "the refunding of a bill")
    assert marked(fragments) == ["Refunds", "REFUNDED", "refund", "billing"]
    assert plain(fragments) == text


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("charged", "charges"),
        ("cancel", "cancellation"),
        ("companies", "company"),
        ("pass", "passes"),
        ("résumé", "RÉSUMÉ"),
    ],
)
def test_forms_of_a_word_match(query, word):
    assert marked(mark_words(f"x {word} y", query)) == [word]
    assert marked(mark_words(f"x {query} y", word)) == [query]


@pytest.mark.parametrize(
    ("query", "word"), [("cat", "category"), ("pass", "password"), ("port", "report"), ("the", "the")]
)
def test_other_words_and_common_words_do_not_match(query, word):
    assert mark_words(f"x {word} z", query) == [(f"x {word} z", False)]


def test_the_part_with_the_most_query_words_is_shown():
    text = f"refund first. {'filler ' * 80}the refund of a late parcel arrived {'padding ' * 80}"
    fragments = mark_words(text, "late parcel refund", width=100)
    assert marked(fragments) == ["refund", "late", "parcel"]
    assert fragments[0] == ("… ", False)
    assert fragments[-1] == (" …", False)
    shown = plain(fragments).removeprefix("… ").removesuffix(" …")
    assert f" {shown} " in text
    assert 60 < len(shown) <= 100


def test_a_text_without_query_words_is_shown_from_its_beginning():
    fragments = mark_words("one  two\nthree " * 50, "zebra", width=50)
    assert plain(fragments).startswith("one two three one")
    assert plain(fragments).endswith(" …")
    assert not marked(fragments)


@pytest.mark.parametrize("text", ["", "漢字" * 400, "a" * 900, "word " * 300, "word" + "<b>" * 200])
@pytest.mark.parametrize("query", ["", "word", "漢字", "the", "()[]*"])
def test_any_text_and_query_give_a_part_of_the_text(text, query):
    shown = plain(mark_words(text, query, width=100)).removeprefix("… ").removesuffix(" …")
    assert shown in text
    assert len(shown) == len(text.strip()) or 60 < len(shown) <= 100
