"""A model held as the tensors of its files is the same model, and costs less to load."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.growing.training import copy_expert
from mote_demo.model import MoteModel
from mote_demo.model.checkpoint import load_model, save_checkpoint
from mote_demo.model.tensor_model import TensorModel
from mote_demo.settings import ROOT
from mote_demo.tasks import ROUTES, Route

TEXTS = ["a cat", "my card is lost and the bank is late", ""]


@pytest.fixture(scope="module")
def folder(tiny_mote, tiny_tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "mote"
    save_checkpoint(tiny_mote, tiny_tokenizer, path)
    return path


@pytest.fixture
def encoder(folder):
    return Encoder.from_pretrained(folder)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_has_the_tensors_and_vectors_of_the_module(encoder, folder, route):
    module = load_model(folder)
    expected, found = module.dense_tensors(route), encoder.network.dense_tensors(route)
    assert set(found) == set(expected)
    assert all(torch.equal(found[name].float(), tensor) for name, tensor in expected.items())
    whole = Encoder(module, encoder._tokenizer, "whole")
    np.testing.assert_allclose(encoder.encode(TEXTS, route=route), whole.encode(TEXTS, route=route), atol=1e-6)
    assert encoder.fingerprint(route) == whole.fingerprint(route)
    assert encoder.network.count_parameters() == module.count_parameters()


def test_nothing_is_copied_until_it_is_needed(encoder):
    assert {tensor.dtype for tensor in encoder.network.tensors.values()} == {torch.float16}
    words = "embeddings.word_embeddings.weight"
    one, other = (encoder.network.dense_tensors(route)[words] for route in ("sts", "query"))
    assert one.data_ptr() == other.data_ptr()


def test_the_module_is_built_once_whoever_asks(encoder):
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: encoder.model, range(8))
    assert all(other is first for other in others)
    assert not first.training
    assert isinstance(first, MoteModel)


def test_a_grown_route_shares_every_other_tensor_and_its_module_too(encoder):
    grown = encoder.with_route("mine", Route("mine", "mine: "), copy_expert(encoder, "sts"))
    assert "mine" not in encoder.routes
    trunk = encoder.network.tensors.items()
    assert all(grown.network.tensors[name] is tensor for name, tensor in trunk)
    assert grown.model.get_input_embeddings().weight is encoder.model.get_input_embeddings().weight
    expected = Encoder(grown.model, encoder._tokenizer, "module").encode(TEXTS, route="mine")
    np.testing.assert_allclose(grown.encode(TEXTS, route="mine"), expected, atol=1e-6)
    with pytest.raises(UserError, match="'mine' already"):
        grown.with_route("mine", Route("other", ""), {})


@pytest.mark.parametrize(
    ("file", "words"),
    [("model.safetensors", "checkpoint"), ("tokenizer.json", "tokenizer.json"), ("config.json", "config.json")],
)
def test_a_missing_file_is_named(tiny_mote, tiny_tokenizer, tmp_path, file, words):
    save_checkpoint(tiny_mote, tiny_tokenizer, tmp_path / "mote")
    (tmp_path / "mote" / file).unlink()
    with pytest.raises(UserError, match=words):
        Encoder.from_pretrained(tmp_path / "mote")


def test_a_name_of_the_hub_is_downloaded_and_one_that_is_not_there_is_a_clear_error(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: asked.append(name) or str(folder))
    found = Encoder.from_pretrained("somebody/mote")
    assert (asked, found.name) == (["somebody/mote"], "mote")
    monkeypatch.undo()
    with pytest.raises(UserError, match="somebody/mote is no folder, and cannot be read from the Hub"):
        Encoder.from_pretrained("somebody/mote")


def test_a_tensor_of_another_shape_is_named(tiny_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(tiny_mote, tiny_tokenizer, tmp_path / "mote")
    file = tmp_path / "mote" / "model.safetensors"
    tensors = load_file(file)
    name = "backbone.encoder.layer.1.output.dense.sts.weight"
    save_file({**tensors, name: tensors[name][:, :3].contiguous()}, file)
    with pytest.raises(UserError, match=r"encoder\.layer\.1\.output\.dense\.weight of the route 'sts' has the shape"):
        Encoder.from_pretrained(tmp_path / "mote")


def test_an_index_that_is_no_index_is_a_clear_error(folder, encoder, tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(UserError, match="Cannot load the checkpoint"):
        TensorModel.read(tmp_path, encoder.config)


def test_the_first_answer_needs_neither_modeling_code_nor_what_measures_and_maps(folder, tmp_path):
    for name in ("baseline", "mote"):
        (tmp_path / name).symlink_to(folder)
    heavy = ["transformers.modeling_utils", "sentence_transformers", "sklearn", "scipy.stats", "umap", "datasets"]
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from mote_demo.serving.shelf import Shelf\n"
        "from mote_demo.serving.sessions import Session\nfrom mote_demo.ui.app import build_app\n"
        f"shelf = Shelf.open(Path({str(tmp_path)!r}), Path({str(tmp_path / 'cache')!r}))\n"
        "build_app(shelf)\nsession = Session(shelf)\n"
        "session.pair(*session.both('retrieval')).ask('a lost card', session.texts('samples'))\n"
        f"print('imported', [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "imported []"
