"""The LSTM: its shape by construction, and that time matters to it."""

from __future__ import annotations

import pytest
import torch

from musicedge_training.architectures.early import EARLY_LAYERS
from musicedge_training.architectures.lstm import PooledLSTM


@pytest.fixture(scope="module")
def backbone() -> PooledLSTM:
    torch.manual_seed(0)
    return PooledLSTM().eval()


@pytest.mark.parametrize("frames", [1, 7, 100, 1003])
def test_any_time_length_gives_one_embedding(frames: int, backbone: PooledLSTM) -> None:
    with torch.inference_mode():
        embedding = backbone(torch.randn(2, 1, 128, frames))
    assert embedding.shape == (2, backbone.embedding_size)
    assert torch.isfinite(embedding).all()
    assert backbone.final_mean(embedding) is embedding
    assert backbone.final_size == backbone.embedding_size


def test_lstm_reads_every_sixteenth_frame(backbone: PooledLSTM) -> None:
    seen: list[torch.Size] = []
    handle = backbone.lstm.register_forward_hook(lambda _, given, out: seen.append(given[0].shape))
    with torch.inference_mode():
        backbone(torch.zeros(1, 1, 128, 1000))
    handle.remove()
    assert seen == [(1, 63, 128)]


def test_order_of_time_matters(backbone: PooledLSTM) -> None:
    maps = torch.randn(1, 48, 8, 20)
    with torch.inference_mode():
        same = backbone(maps, start=EARLY_LAYERS)
        assert not torch.allclose(same, backbone(maps.roll(10, dims=3), start=EARLY_LAYERS))


def test_embedding_is_mean_and_deviation_of_what_the_lstm_gives(backbone: PooledLSTM) -> None:
    seen = []
    handle = backbone.lstm.register_forward_hook(lambda _, given, out: seen.append(out[0]))
    with torch.inference_mode():
        embedding = backbone(torch.randn(2, 1, 128, 320))
    handle.remove()
    expected = torch.cat([seen[0].mean(dim=1), seen[0].std(dim=1, correction=0)], dim=1)
    torch.testing.assert_close(embedding, expected, atol=2e-3, rtol=1e-3)


def test_layers_before_start_are_left_out(backbone: PooledLSTM) -> None:
    x = torch.randn(1, 1, 128, 320)
    with torch.inference_mode():
        maps = backbone.features(x)
        torch.testing.assert_close(backbone(maps, start=EARLY_LAYERS), backbone(x))


def test_silence_has_a_finite_gradient(backbone: PooledLSTM) -> None:
    x = torch.zeros(1, 1, 128, 32, requires_grad=True)
    backbone(x).sum().backward()
    assert torch.isfinite(x.grad).all()
