"""A checkpoint where this package is not installed: one process of this environment that cannot import it.

`make ecosystem` does the same in clean environments of several versions.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

from mote_demo.encoder import Encoder
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.tasks import ROUTES

TEXTS = ["my card is late", "", "where is the parcel? " * 30]
SCRIPT = """
import json, sys, warnings
sys.modules["mote_demo"] = None
warnings.simplefilter("error", FutureWarning)
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModel, AutoTokenizer
torch.set_num_threads(1)
folder, saved, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
trust = {"trust_remote_code": True}
model = SentenceTransformer(folder, device="cpu", **trust)
routes = list(model[0].config.routes)
found = {
    "task": {route: model.encode(texts, task=route).tolist() for route in routes},
    "prompt": {route: model.encode(texts, prompt_name=route).tolist() for route in routes},
    "default": {route: SentenceTransformer(folder, device="cpu", default_prompt_name=route, **trust)
                .encode(texts).tolist() for route in routes[:1]},
}
model.save_pretrained(saved)
again = SentenceTransformer(saved, device="cpu", **trust)
found["saved"] = {route: again.encode(texts, task=route).tolist() for route in routes}
config, tokenizer = AutoConfig.from_pretrained(saved, **trust), AutoTokenizer.from_pretrained(saved, **trust)
plain = AutoModel.from_pretrained(saved, **trust).eval()
found["plain"] = {}
for name, route in config.routes.items():
    told = [route["instruction"] + text for text in texts]
    batch = tokenizer(told, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        found["plain"][name] = plain(**batch, route=name).pooler_output.tolist()
try:
    model.encode(texts)
except ValueError as error:
    found["refused"] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folders(tiny_mote, tiny_tokenizer, tmp_path_factory):
    """A checkpoint, and where the other process saved it."""
    folder = tmp_path_factory.mktemp("portable")
    save_checkpoint(tiny_mote, tiny_tokenizer, folder / "mote")
    return folder / "mote", folder / "saved"


@pytest.fixture(scope="module")
def found(folders):
    """What the other process computed, by how it asked."""
    command = [sys.executable, "-I", "-c", SCRIPT, *map(str, folders), json.dumps(TEXTS)]
    done = subprocess.run(command, cwd=folders[0].parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["task", "prompt", "default", "saved", "plain"])
def test_the_vectors_are_those_of_the_package(found, folders, way):
    encoder = Encoder.from_pretrained(folders[0])
    assert set(found[way]) <= set(ROUTES)
    for route, vectors in found[way].items():
        np.testing.assert_allclose(vectors, encoder.encode(TEXTS, route=route), atol=1e-6)


def test_without_a_route_it_lists_them(found):
    assert "'clustering'" in found["refused"]


def test_what_is_saved_has_code_prompts_and_hashes_too(found, folders):
    names = {path.name for path in folders[0].iterdir()}
    assert names <= {path.name for path in folders[1].iterdir()}
    for name in sorted(names):
        if name.endswith("_mote.py"):
            assert (folders[1] / name).read_bytes() == (folders[0] / name).read_bytes()
    modules, config = (json.loads((folders[1] / name).read_text("utf-8")) for name in ("modules.json", "config.json"))
    assert modules[0]["type"] == "sentence_mote.MoteTransformer"
    assert config["auto_map"]["AutoModel"] == "modeling_mote.MoteModel"
    assert Encoder.from_pretrained(folders[1]).routes == tuple(ROUTES)


def test_none_of_the_code_names_the_package(folders):
    for path in folders[0].glob("*_mote.py"):
        lines = [line for line in path.read_text("utf-8").splitlines() if "import" in line]
        assert not [line for line in lines if "mote_demo" in line], path.name
