"""Two real processes that train one model together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from tests.tiny_recipe import SETTINGS, tiny_recipe, write_data

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_backbone_path):
    """A recipe whose tasks differ in rate and batch, and its data."""
    folder = tmp_path_factory.mktemp("processes")
    write_data(folder)
    slow = {**SETTINGS, "learning_rate_factor": 0.5, "batch_size": 6}
    values = {**tiny_recipe(tiny_backbone_path), "tasks": {"retrieval": SETTINGS, "classification": slow}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder / "recipe.yaml"


def train(recipe, out, processes):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes), "-m"]
    module = ["-m"] if processes == 1 else launcher
    command = ["mote_demo", "train", str(recipe), "--data", str(recipe.parent), "--arm", "mote"]
    folders = ["--out", str(out / "out"), "--work", str(out / "work")]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *module, *command, *folders]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((out / "out" / "mote" / "training.json").read_text("utf-8")), done.stdout


def weights_of(folder):
    files = (folder / "out" / "mote").glob("*.safetensors")
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def test_two_processes_train_the_model_that_one_trains(recipe, tmp_path):
    one, _ = train(recipe, tmp_path / "one", 1)
    two, said = train(recipe, tmp_path / "two", 2)
    assert two["hardware"].startswith("2 processes")
    assert [entry["step"] for entry in one["loss"]] == [entry["step"] for entry in two["loss"]]
    losses = [[entry["loss"] for entry in facts["loss"]] for facts in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
    expected, found = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        if name.endswith("key.bias"):
            continue  # a softmax does not see it: its gradient is rounding, which Adam makes a step of
        np.testing.assert_allclose(found[name], tensor, atol=2e-3, err_msg=name)
    assert said.count("saved to") == 1
