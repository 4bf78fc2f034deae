"""Routes as files of other runtimes, run there."""

import json
import sys

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from mote_demo.cli import main
from mote_demo.errors import UserError
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.exporting import export
from mote_demo.model.pooling import pool

TEXTS = ["my card is lost", "what is a vector?", "", "big " * 20, "the cat"]
ROUTE = "document"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tiny_mote, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("exporting") / "mote"
    save_checkpoint(tiny_mote, tiny_tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory, checkpoint):
    made = {}

    def make(form):
        needed = {"onnx": "onnx", "onnx-int8": "onnx", "openvino": "openvino"}[form]
        pytest.importorskip(needed)
        if form not in made:
            made[form] = tmp_path_factory.mktemp("made") / form
            export(checkpoint, ROUTE, form, made[form])
        return made[form]

    return make


def session_of(folder, form):
    """Return what runs a folder: ids and mask in, vectors of tokens out."""
    if form == "openvino":
        import openvino

        hints = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(folder / "openvino" / "openvino_model.xml", "CPU", hints)
        return lambda ids, mask: compiled({"input_ids": ids, "attention_mask": mask})["last_hidden_state"]
    runtime = pytest.importorskip("onnxruntime")
    (file,) = (folder / "onnx").iterdir()
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": mask})[0]


def vectors_of(folder, form, texts):
    """Encode as any client does: the folder's own tokenizer and prompt, padding, and the mean over the tokens."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    said = json.loads((folder / "config_sentence_transformers.json").read_text("utf-8"))
    prompt = said["prompts"].get(said.get("default_prompt_name"), "")
    encoded = tokenizer.encode_batch([prompt + text for text in texts])
    ids, mask = (np.array([getattr(each, name) for each in encoded]) for name in ("ids", "attention_mask"))
    return pool(torch.from_numpy(session_of(folder, form)(ids, mask)), torch.from_numpy(mask)).numpy()


@pytest.mark.slow
@pytest.mark.parametrize(("form", "atol"), [("onnx", 1e-5), ("openvino", 1e-5), ("onnx-int8", 0.3)])
def test_each_format_gives_the_vectors_of_the_route_in_its_runtime(exported, checkpoint, form, atol):
    from mote_demo.loading import load

    expected = load(str(checkpoint)).encode(TEXTS, route=ROUTE)
    for texts in (TEXTS, TEXTS[:1], TEXTS * 3):  # any number of texts and tokens
        found = vectors_of(exported(form), form, texts)
        np.testing.assert_allclose(found, [expected[TEXTS.index(text)] for text in texts], atol=atol)
    assert (found * [expected[TEXTS.index(text)] for text in texts]).sum(1).min() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_the_folder_has_what_clients_look_for(exported, form):
    folder = exported(form)
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "modules.json", "1_Pooling/config.json"} <= names
    special = json.loads((folder / "special_tokens_map.json").read_text("utf-8"))
    assert (special["cls_token"], special["pad_token"]) == ("[CLS]", "[PAD]")
    assert ("onnx/model.onnx" in names) == (form == "onnx")
    assert not [name for name in names if name.endswith(".safetensors")]
    assert json.loads((folder / "config.json").read_text("utf-8"))["model_type"] == "bert"


def test_an_unknown_format_lists_them(checkpoint, tmp_path, capsys):
    arguments = ["export", str(checkpoint), "--route", ROUTE, "--format", "gguf", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "format 'gguf'. Choose one of: 'onnx', 'onnx-int8', 'openvino'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_package_names_the_command_and_writes_nothing(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r"needs openvino.*pip install 'mote-demo\[export\]'"):
        export(checkpoint, ROUTE, "openvino", tmp_path / "out")
    assert not (tmp_path / "out").exists()
