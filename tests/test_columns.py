"""Which column is what: by name, by content, and with the reason, on tables of the kinds that people have."""

from pathlib import Path

import pandas as pd
import pytest

from mote_demo.data.columns import find_columns, recognise, suggest_task
from mote_demo.data.tables import read_table

CASES = Path(__file__).parent / "cases"
THINGS = ("kettle", "lamp", "router", "jacket", "blender", "tent", "camera", "printer", "heater", "bicycle")
ROWS = 48


def thing(row):
    return THINGS[row % len(THINGS)]


# What a column can hold, by the sign that the tables below are written with.
CELLS = {
    "short": lambda row: f"How do I switch on the {thing(row)} number {row}",
    "like": lambda row: f"What is the way to start the {thing(row)} of type {row}",
    "long": lambda row: f"Within thirty days the {thing(row)} can be sent back, and order {row} is paid back to a card",
    "class": lambda row: ("refund", "billing", "delivery")[row % 3],
    "two": lambda row: ("web", "app")[row % 2],
    "three": lambda row: str(row % 3),
    "five": lambda row: str(row % 5 + 1),
    "binary": lambda row: str(row % 2),
    "float": lambda row: f"{row / ROWS:.2f}",
    "percent": lambda row: f"{row * 2}%",
    "nth": lambda row: str(row),
    "date": lambda row: f"2024-01-{row % 28 + 1:02d}",
    "link": lambda row: f"https://example.org/{row}",
    "name": lambda row: thing(row).title() + "aeiou"[row // len(THINGS)],
    "split": lambda row: ("train", "test")[row % 2],
    "nli": lambda row: ("entailment", "neutral", "contradiction", "-")[row % 4],
    "yes": lambda row: ("yes", "no")[row % 2],
    "few": lambda row: f"Great {thing(row)} {row}",
    "object": lambda row: f'{{"text": ["{row}"]}}',
}


def table(columns):
    """Make a frame of "name:cells name:cells"; "_" in a name stands for a space, and "__" for "_"."""
    pairs = [column.split(":") for column in columns.split()]
    names = [name.replace("__", "\0").replace("_", " ").replace("\0", "_") for name, _ in pairs]
    return pd.DataFrame(
        {name: list(map(CELLS[kind], range(ROWS))) for name, (_, kind) in zip(names, pairs, strict=True)}
    )


def task_and_columns(frame, *roles):
    columns = recognise(frame)
    return (suggest_task(columns), *(getattr(columns, role) for role in roles))


@pytest.mark.parametrize(
    ("columns", "score"),
    [
        ("sentence1:short sentence2:like score:five", "score"),
        ("sentence1:short sentence2:like label:binary", "label"),
        ("sentence1:short sentence2:like label:three", "label"),
        ("premise:short hypothesis:like label:binary", "label"),
        ("premise:short hypothesis:like label:three", "label"),
        ("gold__label:nli sentence1:short sentence2:like label1:nli", "gold_label"),
        ("id:nth qid1:nth qid2:nth question1:short question2:like is__duplicate:binary", "is_duplicate"),
        ("pair__ID:nth sentence__A:short sentence__B:like relatedness__score:float judgment:nli", "relatedness_score"),
        ("genre:two year:nth source1:two source2:two sentence1:short sentence2:like score:float", "score"),
        ("Quality:binary #1_ID:nth #2_ID:nth #1_String:short #2_String:like", "Quality"),
        ("similarity:five text__a:short text__b:like", "similarity"),
        ("sentenceA:short sentenceB:like rating:five topic:class", "rating"),
        ("left__text:short right__text:like match__pct:percent", "match_pct"),
        ("Satz1:short Satz2:like Bewertung:five", "Bewertung"),
        ("Satz_A:short Satz_B:like Ähnlichkeit:float", "Ähnlichkeit"),
        ("phrase__1:short phrase__2:like similarité:percent", "similarité"),
        ("frase1:short frase2:like puntuación:five", "puntuación"),
        ("предложение_1:short предложение_2:like оценка:five", "оценка"),
        ("句子1:short 句子2:like 相似度:float", "相似度"),
        ("文1:short 文2:like スコア:five", "スコア"),
        ("query:short passage:long relevance:three", "relevance"),
        ("question:short answer:long label:binary document__title:name", "label"),
        ("question:short answer:long rating:five", "rating"),
        ("question1:short question2:like same:yes", "same"),
        ("x:short y:like z:percent", "z"),
        ("a:short b:like c:five", "c"),
        ("Word1:name Word2:name score:float", "score"),
    ],
)
def test_a_score_beside_two_texts_is_a_score(columns, score):
    task, found = task_and_columns(table(columns), "score")
    assert (task, found) == ("similarity", score)


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        ("headline:short category:class", "headline", "category"),
        ("text:short label:three label__text:class", "text", "label_text"),
        ("message:short target:binary topic:class", "message", "topic"),
        ("id:nth text:short annotator:two split:split status:yes intent:class", "text", "intent"),
        ("annotation__id:nth annotator:binary choice:class created__at:date text:short", "text", "choice"),
        ("foo:short bar:binary baz:class", "foo", "baz"),
        (
            "review__id:nth review__title:few review__body:long star__rating:five date:date",
            "review_body",
            "star_rating",
        ),
        ("title:short body:long rating:five", "body", "rating"),
        ("rating:five title:few text:long asin:name user__id:name timestamp:nth", "text", "rating"),
        ("reviewId:name userName:name content:short score:five at:date replyContent:long", "content", "score"),
        (
            "link:link headline:short category:class short__description:long authors:name",
            "short_description",
            "category",
        ),
        ("title:short text:long subject:class date:date", "text", "subject"),
        ("v1:two v2:short", "v2", "v1"),
        ("name:name description:long product__type:class", "description", "product_type"),
        ("tweet:short class:three hate__speech:five", "tweet", "class"),
        ("lang:two text:short sentiment:three", "text", "sentiment"),
        ("question:short label:class", "question", "label"),
        ("query:short intent:class split:split", "query", "intent"),
        ("Nachricht:long Kategorie:class Datum:date Bearbeiter:two", "Nachricht", "Kategorie"),
        ("texto:short etiqueta:class fecha:date", "texto", "etiqueta"),
        ("текст:short метка:class автор:two", "текст", "метка"),
        ("评论:short 标签:class 日期:date", "评论", "标签"),
        ("column_1:five column_2:few column_3:long", "column 3", "column 1"),
        ("column_1:class column_2:short", "column 2", "column 1"),
        ("comment:short coder:two label:class id:nth", "comment", "label"),
        ("intent__id:three intent__name:class text:short", "text", "intent_name"),
        ("subject:few body:long answer:like type:class queue:two", "body", "type"),
        ("Email_Address:link What_did_you_like?:short Department:class How_likely?:five",)
        + ("What did you like?", "Department"),
    ],
)
def test_labelled_texts_are_told_by_names_and_by_what_reads_like_text(columns, text, label):
    assert task_and_columns(table(columns), "text", "label") == ("classification", text, label)


@pytest.mark.parametrize(
    ("columns", "query", "positive"),
    [
        ("question:short answer:long category:class", "question", "answer"),
        ("question:short answer:long votes:nth", "question", "answer"),
        ("Frage:short Antwort:long", "Frage", "Antwort"),
        ("질문:short 답변:long", "질문", "답변"),
        ("id:nth title:name context:long question:short answers:object", "question", "context"),
        ("instruction:short input:name output:long", "instruction", "output"),
        ("anchor:short positive:long negative__1:like negative__2:like", "anchor", "positive"),
        ("query:short positive:long negative:like score:float", "query", "positive"),
        ("user__says:short bot__says:long channel:two", "user_says", "bot_says"),
        ("sentence1:short sentence2:like", "sentence1", "sentence2"),
        ("subject:short body:long", "subject", "body"),
    ],
)
def test_questions_and_answers_are_told(columns, query, positive):
    assert task_and_columns(table(columns), "query", "positive") == ("retrieval", query, positive)


def test_one_column_is_never_text_and_title_at_once():
    for columns in ("headline:short category:class", "title:short label:class", "subject:short", "title:few text:long"):
        found = recognise(table(columns))
        assert found.text is not None
        assert found.text != found.title


def test_a_column_of_one_or_two_words_never_wins_over_a_longer_one():
    for columns in ("text:name remark:long", "content:name remark:long", "document:name notes:short label:class"):
        names = [column.split(":") for column in columns.split()]
        longest = next(name for name, kind in names if kind in ("long", "short"))
        assert recognise(table(columns)).text == longest


def test_an_object_is_never_guessed():
    found = recognise(table("text:object label:object note:short"))
    assert (found.text, found.label) == ("note", None)


def test_scripts_without_spaces_have_words_too():
    for path in sorted((CASES / "23-other-scripts").iterdir()):
        assert task_and_columns(read_table(path).frame, "text", "label") == ("classification", "text", "label")
    frame = read_table(CASES / "23-other-scripts" / "thai.csv").frame.set_axis(["a", "b"], axis=1)
    assert task_and_columns(frame, "text", "label") == ("classification", "a", "b")


def test_every_guess_has_a_reason():
    found = find_columns(table("id:nth title:few text:long topic:class"))
    assert {role: each.column for role, each in found.items()} == {"text": "text", "title": "title", "label": "topic"}
    assert all(each.reason.endswith(".") for each in found.values())


def test_a_named_column_that_does_not_exist_is_left_to_whoever_reads_it():
    assert recognise(table("text:short label:class"), label="nope").label == "nope"
