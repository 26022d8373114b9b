"""The LSTM: its shape by construction, and that time matters to it."""

from __future__ import annotations

import pytest
import torch

from musicedge_training.architectures.backbones import BACKBONES
from musicedge_training.architectures.lstm import PooledLSTM
from musicedge_training.recipe import Recipe


@pytest.fixture(scope="module")
def backbone() -> PooledLSTM:
    torch.manual_seed(0)
    return PooledLSTM().eval()


@pytest.mark.parametrize("frames", [2, 7, 100, 1003])
def test_any_time_length_gives_one_embedding(frames: int, backbone: PooledLSTM) -> None:
    with torch.inference_mode():
        embedding = backbone(torch.randn(2, 1, 128, frames))
    assert embedding.shape == (2, backbone.embedding_size)
    assert torch.isfinite(embedding).all()
    assert backbone.final_mean(embedding) is embedding
    assert backbone.final_size == backbone.embedding_size


def test_lstm_reads_every_eighth_frame(backbone: PooledLSTM) -> None:
    with torch.inference_mode():
        assert backbone.front(torch.zeros(1, 128, 1000)).shape == (1, 160, 125)


def test_order_of_time_matters(backbone: PooledLSTM) -> None:
    x = torch.randn(1, 1, 128, 80)
    with torch.inference_mode():
        assert not torch.allclose(backbone(x), backbone(x.roll(40, dims=3)), atol=1e-4)


def test_embedding_is_mean_and_deviation_of_what_the_lstm_gives(backbone: PooledLSTM) -> None:
    x = torch.randn(2, 1, 128, 80)
    with torch.inference_mode():
        course, _ = backbone.lstm(backbone.front(x[:, 0]).transpose(1, 2))
        expected = torch.cat([course.mean(dim=1), course.std(dim=1, correction=0)], dim=1)
        torch.testing.assert_close(backbone(x), expected, atol=1e-4, rtol=1e-4)


def test_silence_has_a_finite_gradient(backbone: PooledLSTM) -> None:
    x = torch.zeros(1, 1, 128, 16, requires_grad=True)
    backbone(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_recipe_can_name_every_backbone() -> None:
    for architecture in BACKBONES:
        Recipe(name="mine", architecture=architecture, frozen_blocks=0)
