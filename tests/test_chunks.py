import pytest
import torch

from mote_demo.training.chunks import embed


class Recorder(torch.nn.Module):
    """A model whose vectors depend on every token; it remembers the shapes it computed."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(50, 8)
        self.layer = torch.nn.Linear(8, 8)
        self.shapes = []

    def forward(self, features):
        ids, mask = features["input_ids"], features["attention_mask"]
        self.shapes.append(tuple(ids.shape))
        hidden = torch.tanh(self.layer(self.table(ids))) * mask.unsqueeze(-1)
        return {**features, "sentence_embedding": hidden.sum(1) / mask.sum(1, keepdim=True)}


@pytest.fixture
def features():
    """Seven texts of 2 to 12 tokens in no order, padded to 16."""
    lengths = torch.tensor([3, 12, 2, 7, 7, 12, 4])
    mask = (torch.arange(16) < lengths.unsqueeze(1)).long()
    ids = torch.randint(1, 50, (7, 16), generator=torch.Generator().manual_seed(1)) * mask
    return {"input_ids": ids, "attention_mask": mask, "route": "query"}


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("most_tokens", [1, 24, 10_000])
def test_chunks_give_the_vectors_and_gradients_of_the_whole_batch(features, most_tokens, recompute):
    model = Recorder()
    whole = model(features)["sentence_embedding"]
    whole.pow(3).sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    chunked = embed(model, features, most_tokens=most_tokens, recompute=recompute)
    assert torch.allclose(chunked, whole, atol=1e-6)
    chunked.pow(3).sum().backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)


def test_texts_of_like_length_are_computed_together_without_their_padding(features):
    model = Recorder()
    embed(model, features, most_tokens=24)
    assert model.shapes == [(2, 12), (3, 7), (2, 3)]


def test_recomputing_runs_every_chunk_a_second_time_for_the_gradients(features):
    model = Recorder()
    vectors = embed(model, features, most_tokens=24, recompute=True)
    assert len(model.shapes) == 3
    vectors.sum().backward()
    assert len(model.shapes) == 6
