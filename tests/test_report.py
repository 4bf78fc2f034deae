"""Proposals with reasons, roles that a person changes, and what comes of them."""

from pathlib import Path

import pytest

from mote_demo.data.proposal import Role, columns_of, propose, propose_texts, task_of, texts_of, with_role
from mote_demo.data.report import check, describe
from mote_demo.data.tables import Table, read_table
from mote_demo.data.unlabelled import EXPECT
from mote_demo.errors import UserError
from mote_demo.explore.maps import colour_choices
from tests.test_columns import CASES, ROWS, table

TEXT, LABEL, QUESTION, ANSWER, SCORE, IGNORE = (
    *(Role.TEXT, Role.LABEL, Role.QUESTION, Role.ANSWER),
    *(Role.SCORE, Role.IGNORE),
)


def checked(table, task=None, **changes):
    return check(table, {**propose(table, task).roles, **changes}, task)


def made(columns):
    return Table(table(columns), (), "made.csv")


@pytest.mark.parametrize(
    "path",
    [
        *sorted((CASES / "07-pairs-with-a-label").iterdir()),
        *sorted((CASES / "08-scores-out-of-range").iterdir()),
        *sorted((CASES / "36-scores-on-other-scales").iterdir()),
    ],
    ids=lambda path: path.name,
)
def test_scored_pairs_are_trained_as_similarity(path: Path):
    read = read_table(path)
    proposal = propose(read)
    assert proposal.task == "similarity"
    report = check(read, proposal.roles, proposal.task)
    assert not report.error
    assert len(report.examples) == ROWS
    assert report.train + report.test == ROWS
    scores = report.examples.frame["score"]
    alike = report.examples.frame["sentence2"].str.contains("What is the way|has not come")
    assert scores[alike].min() > 0.7 > 0.5 > scores[~alike].max()


@pytest.mark.parametrize("path", sorted(CASES.glob("*-scores-*/*")), ids=lambda path: path.name)
def test_a_pair_of_a_low_score_is_never_a_right_answer(path):
    report = checked(read_table(path), "retrieval")
    assert report.examples.frame["positive"].str.contains("What is the way|has not come").all()
    assert "are no right answers" in " ".join(report.examples.notes)
    assert {problem.words for problem in report.problems} == {"is too low for a right answer"}


def test_several_labels_have_no_order_and_a_blank_one_is_left_out():
    report = checked(read_table(CASES / "11-doccano-lists" / "csv-export.csv"))
    assert set(report.examples.counts) >= {"refund", "refund#urgent", "howto#urgent"}
    assert not {"urgent#refund", "urgent#howto", ""} & set(report.examples.counts)
    assert "Left out 20 row(s) without text or label." in report.examples.notes
    assert sum(problem.words == "is blank" for problem in report.problems) == 20


@pytest.mark.parametrize(("name", "answers"), [("faq.csv", 3), ("two-answers.csv", 2)])
def test_an_faq_with_few_answers_trains_or_says_when_checked_what_it_takes(name, answers):
    read = read_table(CASES / "30-faq-few-answers" / name)
    report = checked(read)
    if report.error:
        assert f"{answers} answers" in report.error
        assert "at most" in report.error
        assert f"({answers} labels)" in report.error
    as_labels = checked(read, question=TEXT, answer=LABEL)
    assert as_labels.task == "classification"
    assert not as_labels.error
    assert len(as_labels.examples.counts) == answers


def test_labels_at_random_are_shown_beside_a_guess_of_the_majority():
    report = checked(read_table(CASES / "25-noise-training" / "random-labels.csv"))
    assert report.majority == max(report.examples.counts.values()) / len(report.examples) < 0.4


def test_what_a_model_cannot_read_is_counted_and_told_by_row(tiny_encoder):
    report = describe(
        read_table(CASES / "23-other-scripts" / "thai.csv"), {"text": TEXT}, count_tokens=tiny_encoder.count_tokens
    )
    assert report.unreadable > 0.9
    assert report.lengths.unit == "tokens"
    assert len(report.problems) == 24
    assert report.to_frame().columns.tolist() == ["row", "column", "problem", "cell"]
    assert "cannot read" in report.problems[0].words
    english = describe(made("text:short"), {"text": TEXT}, count_tokens=tiny_encoder.count_tokens, most_tokens=4)
    assert english.unreadable == 0
    assert english.lengths.cut == ROWS


def test_every_column_has_a_role_and_a_reason():
    proposal = propose(made("id:nth when:date text:short topic:class price:float note:two"))
    assert [each.role for each in proposal.columns] == [IGNORE, IGNORE, TEXT, LABEL, IGNORE, IGNORE]
    assert all(each.reason for each in proposal.columns)
    assert "Dates" in proposal.columns[1].reason
    assert "Numbers" in proposal.columns[4].reason
    assert "'topic'" in proposal.reason


def test_other_roles_make_another_task():
    roles = propose(made("question:short answer:long kind:class")).roles
    assert task_of(roles) == "retrieval"
    assert task_of({**roles, "question": TEXT, "answer": IGNORE, "kind": LABEL}) == "classification"
    assert task_of({"a": TEXT, "b": TEXT, "c": SCORE}) == "similarity"
    assert task_of({"a": TEXT, "b": LABEL}, "clustering") == "clustering"


def test_a_role_is_given_up_by_the_column_that_had_it():
    roles = {"a": TEXT, "b": LABEL, "c": IGNORE}
    assert with_role(roles, "c", LABEL) == {"a": TEXT, "b": IGNORE, "c": LABEL}
    assert with_role(roles, "c", TEXT, most=2) == {"a": TEXT, "b": LABEL, "c": TEXT}
    assert with_role(roles, "a", IGNORE) == {"a": IGNORE, "b": LABEL, "c": IGNORE}


def test_roles_that_a_task_cannot_use_are_refused_in_the_words_of_the_screen():
    with pytest.raises(UserError, match="Similarity needs two columns of Text and one Score; here is Text: 'a'"):
        columns_of({"a": TEXT, "b": LABEL, "c": SCORE}, "similarity")
    with pytest.raises(UserError, match="Text: none"):
        columns_of({"a": LABEL}, "classification")
    with pytest.raises(UserError, match="Text: 'a' and 'b'"):
        columns_of({"a": TEXT, "b": TEXT, "c": LABEL}, "clustering")


def test_texts_without_a_label_are_trained_on_alone_and_that_is_said():
    read = made("text:short label:class")
    column = str(read.frame.columns[0])
    report = check(read, {column: TEXT}, "classification")
    assert not report.error
    assert list(report.examples.frame.columns) == ["text"]
    assert EXPECT in report.notes


def test_too_few_rows_say_how_many_are_missing():
    read = made("text:short label:class")
    few = Table(read.frame.head(7), (), "few.csv")
    assert "Please add 1 or more" in checked(few).error


def test_held_out_pairs_of_one_score_are_told_when_checked():
    read = made("sentence1:short sentence2:like score:binary")
    report = check(read, propose(read).roles, "similarity", try_split=lambda rows: (rows, one_score(rows), ()))
    assert "have the same score" in report.error


def one_score(examples):
    return type(examples)(examples.task, examples.frame[examples.frame["score"] == 1])


def test_rows_that_repeat_a_text_are_counted():
    read = made("text:class label:two")
    assert describe(read, {"text": TEXT}).duplicates == ROWS - 3


def test_all_columns_of_texts_are_there_to_colour_by_and_numbers_are_numbers():
    read = made("text:short topic:class price:float stars:five when:date")
    proposal = propose_texts(read)
    texts = texts_of(read, proposal.roles)
    assert texts.labels == ("topic",)
    assert texts.frame["price"].dtype == texts.frame["stars"].dtype == "float64"
    assert colour_choices(texts)[:4] == ["topic", "price", "stars", "when"]
    both = texts_of(read, {**proposal.roles, "stars": LABEL})
    assert both.labels == ("topic", "stars")


def test_texts_of_questions_and_answers_are_the_answers_and_the_questions_are_asked():
    texts = texts_of(read := made("question:short answer:long"), propose_texts(read).roles)
    assert texts.frame["text"][0].startswith("Within")
    assert texts.queries[0].startswith("How do I")
    with pytest.raises(UserError, match="one column that is the Text"):
        texts_of(read, {"question": IGNORE})
