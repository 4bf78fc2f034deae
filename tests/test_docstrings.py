import sys

import pytest

from mote_demo.data import docstrings
from mote_demo.data.docstrings import labelled_queries, load_docstrings
from mote_demo.data.prose import clean, cut, first_sentence
from mote_demo.data.samples import load_samples
from mote_demo.errors import UserError

REST = "It takes every value in turn and writes the result to the file that was opened before, " * 2


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put two small packages on the path and make them the only known ones."""

    def write(path, source):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")

    def function(name, summary):
        return f'def {name}():\n    """{summary}\n\n    {REST}{name}\n    """\n'

    padding = '""""""\n' * 4
    boom = "raise RuntimeError('imported')\n"
    write("moteaa/__init__.py", boom + "offered = 1\n")
    write(
        "moteaa/io.py",
        padding + function("save", "Write all the rows. Then close.") + function("_hide", "Hide a row away."),
    )
    write(
        "moteaa/_inner.py", padding + function("offered", "Offer a thing to all.") + function("kept", "Keep it to us.")
    )
    write("moteaa/tests/test_io.py", padding + function("check", "Check that it is saved."))
    write("moteaa/_vendor/six.py", padding + function("old", "Do it the old way."))
    write("moteaa/broken.py", padding + "def (:\n")
    write("motebb/__init__.py", boom)
    write(
        "motebb/core.py",
        padding + function("load", "Read the rows back in.") + function("save2", "Write all the rows."),
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(docstrings, "PACKAGES", ("moteaa", "absent_package", "motebb"))


def test_only_public_documentation_is_read_and_nothing_is_imported(installed):
    texts = load_docstrings()
    titles = set(texts.frame["title"])
    assert {"moteaa.io.save", "moteaa.offered", "motebb.core.load"} <= titles
    assert not any("hide" in title or "kept" in title or "tests" in title or "old" in title for title in titles)
    assert "moteaa" not in sys.modules


def test_what_a_package_offers_comes_before_what_its_files_hold(installed):
    (installed_first, *_) = load_docstrings(1).frame["title"]
    assert installed_first == "moteaa.io.save"


def test_the_names_that_people_search_for_are_there():
    titles = set(load_docstrings().frame["title"])
    wanted = {"pandas.read_csv", "sklearn.model_selection.train_test_split", "sklearn.cluster.KMeans", "numpy.linspace"}
    assert wanted <= titles
    assert len(titles) >= 8000


def test_the_first_sentence_is_the_summary_and_is_not_in_the_text(installed):
    frame = load_docstrings().frame.set_index("title")
    row = frame.loc["motebb.core.load"]
    assert row["summary"] == "Read the rows back in."
    assert row["text"].startswith("It takes every value")
    assert row["package"] == "motebb"


def test_packages_take_turns_up_to_the_limit(installed):
    assert sorted(load_docstrings(2).frame["package"]) == ["moteaa", "motebb"]


def test_without_packages_there_is_an_error_for_the_user(monkeypatch):
    monkeypatch.setattr(docstrings, "PACKAGES", ("absent_package",))
    with pytest.raises(UserError, match="No documentation"):
        load_docstrings()


def test_what_was_collected_is_kept_until_a_package_changes(installed, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = load_docstrings(cache=cache)
    with monkeypatch.context() as patch:
        patch.setattr(docstrings, "_collect", lambda _: pytest.fail("collected again"))
        again = load_docstrings(cache=cache)
    assert again.frame.equals(first.frame)
    assert len(load_docstrings(2, cache)) == 2
    (tmp_path / "motebb" / "__init__.py").write_text("another = 'version'\n", encoding="utf-8")
    (tmp_path / "motebb" / "core.py").unlink()
    assert set(load_docstrings(cache=cache).frame["package"]) == {"moteaa"}


def test_a_damaged_or_unwritable_cache_costs_time_alone(installed, tmp_path):
    cache = tmp_path / "cache"
    first = load_docstrings(cache=cache)
    whole = next(cache.iterdir()).read_text(encoding="utf-8")
    word = str(first.frame["text"][0]).split()[0]
    for damaged in ("", "[]", '{"made_of": 1}', "not JSON", whole.replace(word, word[:-1] + "~")):
        next(cache.iterdir()).write_text(damaged, encoding="utf-8")
        assert load_docstrings(cache=cache).frame.equals(first.frame)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert load_docstrings(cache=tmp_path / "file" / "cache").frame.equals(first.frame)


def test_installed_packages_give_a_stable_and_clean_corpus():
    texts, again = load_docstrings(150), load_docstrings(150)
    frame = texts.frame
    assert texts.fingerprint == again.fingerprint
    assert len(texts) == 150
    assert frame["package"].nunique() >= 8
    assert not frame["text"].duplicated().any()
    assert frame["text"].str.len().max() <= 600
    assert frame["text"].str.split().str.len().min() >= 20
    assert frame["summary"].str.split().str.len().min() >= 2
    assert not frame["title"].str.contains(r"\._|tests").any()


def test_labelled_queries_pair_each_summary_with_its_row():
    texts = load_docstrings(40)
    pairs = labelled_queries(texts, 10)
    assert len(pairs) == 10
    assert all(texts.frame["summary"][row] == summary for summary, row in pairs)
    assert len(labelled_queries(texts, 1000)) == 40
    with pytest.raises(UserError, match="summary"):
        labelled_queries(load_samples(), 3)


@pytest.mark.parametrize(
    ("docstring", "summary"),
    [
        ("Sum the values, e.g. of a list. Or not.", "Sum the values, e.g. of a list."),
        ("Sum the values\n\nof a list.", "Sum the values"),
        ("Use :class:`~a.b.Thing` and ``x`` now.", "Use a.b.Thing and x now."),
    ],
)
def test_first_sentence(docstring, summary):
    assert first_sentence(docstring)[0] == summary


def test_markup_is_cleaned():
    marked = "Title\n=====\n.. note:: hm\n>>> f(1)\nSee [docs](https://a.b) and `this <https://c>`_.\n```\ncode\n```\n**End**"
    assert clean(marked) == "Title See docs and this. End"


def test_cut_keeps_whole_words():
    assert cut("one two three", 7) == "one two"
    assert cut("one two three", 9) == "one two"
    assert cut("abcdefghij", 4) == "abcd"
