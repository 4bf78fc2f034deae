"""Two real processes that train one model together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from mote_demo.training.lesson import Lesson
from mote_demo.training.losses import TaskContrastiveLoss
from mote_demo.training.processes import own_share
from mote_demo.training.recipe import TaskSettings
from tests.tiny_recipe import SETTINGS, tiny_recipe, write_data

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]

STEP = """
import sys
import torch
from mote_demo.training.processes import add_gradients, is_main
from tests.test_processes import loss_of_a_batch
torch.distributed.init_process_group("gloo")
model, loss = loss_of_a_batch()
loss.backward()
add_gradients(model.parameters())
if is_main():
    torch.save({"loss": loss.detach(), "gradient": model.words.weight.grad}, sys.argv[1])
"""


class Words(torch.nn.Module):
    """A model that is quick: the mean of what stands for each token."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(50, 8)

    def forward(self, features):
        mask = features["attention_mask"].unsqueeze(-1)
        mean = (self.words(features["input_ids"]) * mask).sum(1) / mask.sum(1)
        return {"sentence_embedding": torch.nn.functional.normalize(mean, dim=1)}


def loss_of_a_batch():
    """Compute the loss of a batch, or of this process's share of it."""
    torch.manual_seed(0)
    model, taught = Words(), torch.nn.functional.normalize(torch.randn(40, 4), dim=1).half()
    lesson = Lesson(torch.tensor([0, 1, 2, 0, 1, 2, 3, 3, 4, 5]), torch.arange(20).view(2, 10), taught)
    rows = own_share([9, 0, 3, 6, 7, 2])
    ids = torch.randint(1, 50, (2, 10, 5))
    features = [
        {"input_ids": side[rows], "attention_mask": torch.ones(len(rows), 5, dtype=torch.int64)} for side in ids
    ]
    settings = TaskSettings(**SETTINGS)
    return model, TaskContrastiveLoss(model, settings, lesson, chunk_tokens=10)(features, torch.tensor(rows))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_backbone_path):
    """A recipe whose tasks differ in rate and batch, and its data."""
    folder = tmp_path_factory.mktemp("processes")
    write_data(folder)
    slow = {**SETTINGS, "learning_rate_factor": 0.5, "batch_size": 6}
    values = {**tiny_recipe(tiny_backbone_path), "tasks": {"retrieval": SETTINGS, "classification": slow}}
    values |= {"steps": 40, "learning_rate": 1e-4, "expert_learning_rate": 1e-3}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder / "recipe.yaml"


def train(recipe, out, processes):
    module = ["-m"] if processes == 1 else [*LAUNCH, "-m"]
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


def test_the_gradients_of_two_processes_are_those_of_one(tmp_path):
    (tmp_path / "step.py").write_text(STEP, encoding="utf-8")
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *LAUNCH, str(tmp_path / "step.py"), str(tmp_path / "step.pt")]
    subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True)
    found = torch.load(tmp_path / "step.pt")
    model, loss = loss_of_a_batch()
    loss.backward()
    torch.testing.assert_close(found["loss"], loss.detach(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found["gradient"], model.words.weight.grad, rtol=1e-5, atol=1e-7)


def test_two_processes_train_the_model_that_one_trains(recipe, tmp_path):
    one, _ = train(recipe, tmp_path / "one", 1)
    two, said = train(recipe, tmp_path / "two", 2)
    assert two["hardware"].startswith("2 processes")
    assert [entry["step"] for entry in one["loss"]] == [entry["step"] for entry in two["loss"]]
    losses = [[entry["loss"] for entry in facts["loss"]] for facts in (one, two)]
    assert len(losses[0]) == 4
    # Another rounding alone, as by smaller chunks in one process, moves the later ones by some thousandths.
    np.testing.assert_allclose(losses[1][:1], losses[0][:1], rtol=1e-3)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-2)
    expected, found = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        # Where a gradient is nothing but rounding, as of a bias that a softmax does not see, Adam makes a step of it.
        apart = np.abs(found[name].astype(np.float32) - tensor.astype(np.float32))
        assert name.endswith("key.bias") or apart.mean() < 2e-4, name
    assert said.count("saved to") == 1
