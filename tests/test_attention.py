"""Attention of texts laid end to end."""

import pytest
import torch
from torch.nn import functional

from mote_demo.runtime.attention import Span, attention

HEADS, WIDTH = 3, 4
SPANS = [Span(0, 10, 2, 5), Span(10, 90, 2, 40), Span(90, 190, 1, 100), Span(190, 401, 1, 211)]


@pytest.fixture
def qkv():
    return torch.randn(408, 3 * HEADS * WIDTH, generator=torch.Generator().manual_seed(0))


def expected(qkv):
    """Return softmax(Q K' / sqrt(w)) V of every text and head, by the formula."""
    mixed = torch.zeros(len(qkv), HEADS * WIDTH, dtype=torch.float64)
    for span in SPANS:
        for start in range(span.start, span.stop, span.length):
            rows = qkv[start : start + span.length].double().view(span.length, 3, HEADS, WIDTH)
            for head in range(HEADS):
                query, key, value = rows[:, :, head].unbind(1)
                weights = functional.softmax(query @ key.T / WIDTH**0.5, dim=-1)
                mixed[start : start + span.length, head * WIDTH : (head + 1) * WIDTH] = weights @ value
    return mixed


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_every_token_attends_to_its_text_alone(qkv, mode):
    with mode():
        found = attention(qkv, SPANS, HEADS)
    torch.testing.assert_close(found.double(), expected(qkv), atol=1e-6, rtol=1e-5)


def test_rows_of_no_text_are_zeros_and_disturb_nothing(qkv):
    odd = qkv.clone()
    odd[SPANS[-1].stop :] = float("nan")
    with torch.inference_mode():
        found = attention(odd, SPANS, HEADS)
        assert torch.equal(found, attention(qkv, SPANS, HEADS))
    assert not found[SPANS[-1].stop :].any()


def test_gradients_reach_every_token_of_every_text(qkv):
    live = qkv.requires_grad_()
    attention(live, SPANS, HEADS).square().sum().backward()
    assert live.grad[: SPANS[-1].stop].abs().sum(1).min() > 0
    assert not live.grad[SPANS[-1].stop :].any()
