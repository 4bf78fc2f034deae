import socket
from types import SimpleNamespace

import pandas as pd
import pytest

from mote_demo.data.columns import Columns
from mote_demo.data.hub import HUB_SETS, load_hub
from mote_demo.errors import UserError


class Stream:
    """Stand in for a streamed data set; counts the rows that were read."""

    def __init__(self, rows, features=None):
        self.rows, self.features, self.read = rows, features, 0

    def __iter__(self):
        for row in self.rows:
            self.read += 1
            yield row


class ClassLabel:
    names = ["World", "Sports"]


@pytest.fixture
def hub(monkeypatch):
    """Replace the Hub by what a test puts there; an exception is raised."""
    datasets = pytest.importorskip("datasets")
    content = {"calls": [], "tokens": [], "files": {}, "card": {}, "names": []}

    def load_dataset_builder(path, config=None, *, token):
        content["calls"].append((path, config))
        content["tokens"].append(token)
        if isinstance(content["hub"], Exception):
            raise content["hub"]
        return SimpleNamespace(
            config=SimpleNamespace(data_files=content["files"]), as_streaming_dataset=lambda: content["hub"]
        )

    def dataset_info(api, path):
        content["tokens"].append(api.token)
        card = SimpleNamespace(to_dict=lambda: content["card"])
        return SimpleNamespace(card_data=card, siblings=[SimpleNamespace(rfilename=name) for name in content["names"]])

    monkeypatch.setattr(datasets, "load_dataset_builder", load_dataset_builder)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", dataset_info)
    return content


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    for part in range(2):
        rows = [f"message number {part}{n} about a lamp" for n in range(5)]
        frame = pd.DataFrame({"text": rows, "label": [f"kind {n % 2}" for n in range(5)]})
        frame.to_parquet(tmp_path / "data" / f"part-{part}.parquet")
    return tmp_path


def test_of_a_folder_of_parquet_files_rows_of_all_are_drawn_in_order(folder):
    texts = load_hub(str(folder), limit=7)
    numbers = texts.frame["text"].str[15:17].tolist()
    assert numbers == sorted(numbers)
    assert len(numbers) == 7
    assert {number[0] for number in numbers} == {"0", "1"}
    assert texts.labels == ("label",)
    assert "Kept 7 of 10 rows" in texts.notes[0]
    assert load_hub(str(folder), limit=7).fingerprint == texts.fingerprint
    assert load_hub(str(folder), limit=7, seed=1).fingerprint != texts.fingerprint


def test_columns_may_be_given(folder):
    texts = load_hub(str(folder), columns=Columns(text="label", title="text"))
    assert texts.frame["text"][0] == "kind 0"
    assert texts.labels == ()
    with pytest.raises(UserError, match="Unknown column"):
        load_hub(str(folder), columns=Columns(text="nope"))


def test_a_folder_without_parquet_files_is_refused_before_the_hub_is_asked(hub, tmp_path):
    hub["hub"] = AssertionError("asked")
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="no Parquet files"):
            load_hub(str(path))


def test_a_damaged_file_in_a_folder_is_named(folder):
    (folder / "data" / "part-1.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserError, match=r"part-1\.parquet is a damaged"):
        load_hub(str(folder))


def test_folders_can_be_forbidden(folder, monkeypatch, hub):
    hub["hub"] = AssertionError("asked")
    monkeypatch.chdir(folder)
    for name in (str(folder), "data", "../x", "a b", "", "owner/name/more"):
        with pytest.raises(UserError, match="no name of a Hub data set"):
            load_hub(name, trusted=False)


def test_a_format_of_the_client_is_no_data_set_so_no_file_of_the_server_is_read(tmp_path, monkeypatch):
    packaged = pytest.importorskip("datasets.packaged_modules")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.txt").write_text("a line of the server\n" * 3)
    pd.DataFrame({"text": ["a row of the server"]}).to_csv(tmp_path / "private.csv")
    for name in {*packaged._PACKAGED_DATASETS_MODULES, "text", "csv", "json", "parquet"}:
        for folders in (False, True):
            with pytest.raises(UserError, match="no name of a Hub data set"):
                load_hub(name, trusted=folders)


def test_rows_are_drawn_from_the_whole_stream_and_classes_get_their_names(hub):
    stream = Stream([{"text": f"news {n}", "label": n // 25} for n in range(50)], {"label": ClassLabel(), "text": None})
    hub["hub"] = {"train": Stream([]), "test": stream}
    texts = load_hub("ag-news", limit=10)
    assert len(texts) == 10
    assert stream.read == 50
    assert set(texts.frame["label"]) == {"World", "Sports"}
    assert texts.notes == ("Kept 10 of 50 rows, drawn at random from the whole file (seed 0).",)
    assert texts.queries
    assert hub["calls"] == [("fancyzhx/ag_news", None)]


def test_of_a_large_set_only_parts_spread_over_it_are_streamed(hub, tmp_path):
    """The client's own streams are cut by the row groups of their Parquet files."""
    datasets = pytest.importorskip("datasets")
    labels = ["first" if n < 50_000 else "second" for n in range(100_000)]
    frame = pd.DataFrame({"text": [f"text {n}" for n in range(100_000)], "label": labels})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=500)
    loaded = datasets.IterableDataset.from_parquet(str(tmp_path / "a.parquet"))
    hub["hub"] = {"train": loaded}
    texts = load_hub("owner/name", limit=100)
    assert len(texts) == 100
    assert set(texts.frame["label"]) == {"first", "second"}
    assert texts.frame["text"].str[5:].astype(int).is_monotonic_increasing
    assert any("25 parts spread over the set" in note for note in texts.notes)


def test_a_stream_that_cannot_be_cut_is_read_no_further_than_a_limit(hub):
    stream = Stream([{"text": f"text {n}"} for n in range(60_000)])
    hub["hub"] = {"train": stream}
    texts = load_hub("owner/name", limit=100)
    assert len(texts) == 100
    assert stream.read == 50_001
    assert any("from its beginning" in note for note in texts.notes)


@pytest.mark.parametrize("name", HUB_SETS)
def test_known_sets_use_their_own_columns(hub, name):
    known = HUB_SETS[name]
    columns = [column for column in vars(known.columns).values() if column]
    hub["hub"] = {known.split: Stream([{column: f"{column} {n}" for column in columns} for n in range(3)])}
    texts = load_hub(name)
    assert texts.name == name
    assert texts.title == known.title
    assert texts.frame["text"][0] == f"{known.columns.text} 0"


def test_any_other_set_is_recognised_and_its_split_may_be_chosen(hub):
    hub["hub"] = {"train": Stream([{"id": "1", "body": "some longer words"}]), "odd": Stream([{"body": "odd one"}])}
    assert load_hub("owner/name").frame["text"].tolist() == ["some longer words"]
    assert load_hub("owner/name", split="odd", config="en").frame["text"].tolist() == ["odd one"]
    assert hub["calls"][-1] == ("owner/name", "en")
    with pytest.raises(UserError, match="no split 'dev'.*train, odd"):
        load_hub("owner/name", split="dev")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("no route to host"), "cannot be reached.*network"),
        (RuntimeError("Offline mode is enabled"), "cannot be reached.*HF_HUB_OFFLINE"),
        (FileNotFoundError("Dataset 'x' doesn't exist"), "not found.*spelling"),
        (FileNotFoundError("Dataset 'x' is a gated dataset"), "permission.*HF_TOKEN"),
        (ValueError("Config name is missing. Pick one among: ['en', 'de']"), "configurations.*'en', 'de'"),
        (KeyError("odd"), "cannot be read"),
    ],
)
def test_whatever_goes_wrong_says_what_to_do(hub, error, message):
    hub["hub"] = error
    with pytest.raises(UserError, match=message) as caught:
        load_hub("owner/name")
    assert "Parquet" in str(caught.value)
    assert caught.value.__cause__ is error


def test_a_failure_half_way_through_the_stream_is_told_too(hub):
    def rows():
        yield {"text": "first"}
        raise ConnectionError("reset by peer")

    hub["hub"] = {"train": Stream(rows())}
    with pytest.raises(UserError, match="cannot be reached"):
        load_hub("owner/name")


def test_without_a_network_the_real_client_gives_a_user_error(monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(UserError, match="Parquet"):
        load_hub("scifact", limit=1)


def test_a_limit_below_one_is_refused(folder):
    with pytest.raises(UserError, match="at least 1"):
        load_hub(str(folder), limit=0)


def test_a_visitor_is_never_answered_with_the_servers_token(hub):
    hub["hub"] = {"train": Stream([{"text": "some longer words"}])}
    load_hub("owner/name", trusted=False)
    assert hub["tokens"] == [False, False]
    hub["tokens"].clear()
    load_hub("owner/name")
    assert hub["tokens"] == [None]


@pytest.mark.parametrize(
    "pattern",
    [
        "/etc/*",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "zip://a.csv::/root/b.zip",
        "../../x.csv",
        "a/..",
        "~/x",
        "\\\\host\\x",
        "hf://datasets/other/set/a.csv",
    ],
)
def test_a_data_set_that_names_files_elsewhere_is_not_read_for_a_visitor(hub, pattern):
    hub["hub"] = {"train": Stream([{"text": "some longer words"}])}
    hub["card"] = {"configs": [{"config_name": "a", "data_files": [{"split": "train", "path": [pattern]}]}]}
    with pytest.raises(UserError, match="not its own"):
        load_hub("owner/name", trusted=False)
    assert not hub["calls"]
    hub["card"] = {"configs": [{"config_name": "a", "data_files": "data/*.csv"}]}
    assert len(load_hub("owner/name", trusted=False)) == 1
    hub["names"] = [".huggingface.yaml"]
    with pytest.raises(UserError, match="not its own"):
        load_hub("owner/name", trusted=False)


@pytest.mark.parametrize("file", ["/etc/passwd", "hf://datasets/owner/other@1/a.csv", "zip://a.csv::/root/b.zip"])
def test_nobody_reads_files_that_a_data_set_resolves_to_elsewhere(hub, file):
    hub["hub"] = {"train": Stream([{"text": "some longer words"}])}
    hub["files"] = {"train": ["hf://datasets/owner/name@1/a.csv", "zip://a.csv::hf://datasets/owner/name@1/b.zip"]}
    assert len(load_hub("owner/name")) == 1
    hub["files"] = {"train": [*hub["files"]["train"], file]}
    with pytest.raises(UserError, match="not its own"):
        load_hub("owner/name")


def test_a_name_of_hundreds_of_letters_is_refused_in_few_words(hub):
    hub["hub"] = {}
    with pytest.raises(UserError, match="no name of a Hub data set") as raised:
        load_hub("owner/" + "n" * 300, trusted=False)
    assert len(str(raised.value)) < 300
    assert not hub["calls"]
