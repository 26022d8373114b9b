"""Audio Spectrogram Transformers: shapes, overlapping patches, any length, an ImageNet start."""

from __future__ import annotations

import pytest
import timm
import torch

from musicedge_training.architectures.ast import (
    SpectrogramTransformer,
    linear_ast,
    shipped_ast,
    start_from_image_network,
)
from musicedge_training.architectures.early import EARLY_LAYERS


@pytest.fixture(scope="module")
def shipped() -> SpectrogramTransformer:
    torch.manual_seed(0)
    return shipped_ast().eval()


@pytest.mark.parametrize("frames", [100, 600, 1000, 1200])
def test_any_time_length_gives_one_embedding(frames: int, shipped: SpectrogramTransformer) -> None:
    with torch.inference_mode():
        embedding = shipped(torch.randn(2, 1, 128, frames))
    assert embedding.shape == (2, shipped.embedding_size)
    assert torch.isfinite(embedding).all()


def test_shipped_one_is_of_a_size_for_the_edge(shipped: SpectrogramTransformer) -> None:
    assert sum(parameter.numel() for parameter in shipped.parameters()) < 6_000_000


def test_order_of_time_matters(shipped: SpectrogramTransformer) -> None:
    maps = torch.randn(1, 48, 8, 63)
    with torch.inference_mode():
        same = shipped(maps, start=EARLY_LAYERS)
        assert not torch.allclose(same, shipped(maps.roll(30, dims=3), start=EARLY_LAYERS))


def test_layers_before_start_are_left_out(shipped: SpectrogramTransformer) -> None:
    x = torch.randn(1, 1, 128, 1000)
    with torch.inference_mode():
        maps = shipped.features(x)
        torch.testing.assert_close(shipped(maps, start=EARLY_LAYERS), shipped(x))


def test_linear_patches_overlap() -> None:
    network = linear_ast()
    patches = network.vit.patch_embed
    assert patches.proj.stride < patches.proj.kernel_size
    with torch.inference_mode():
        grid = patches(torch.zeros(1, 1, 128, 1000)).shape
    assert grid == (1, *patches.grid_size, 192)
    assert patches.grid_size == (12, 99)


def test_image_network_gives_blocks_summed_channels_and_stretched_positions() -> None:
    torch.manual_seed(1)
    image = timm.create_model("deit_tiny_patch16_224", pretrained=False)
    network = linear_ast()
    start_from_image_network(network, image)
    for mine, theirs in zip(
        network.vit.blocks.parameters(), image.blocks.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)
    summed = image.patch_embed.proj.weight.sum(dim=1, keepdim=True)
    assert torch.equal(network.vit.patch_embed.proj.weight, summed)
    mean = image.pos_embed[:, 1:].mean()
    torch.testing.assert_close(network.vit.pos_embed.mean(), mean, atol=1e-3, rtol=0.1)
