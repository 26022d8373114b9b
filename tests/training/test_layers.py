"""The layers of a network: shown as they are, and neighbours counted as they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from musicedge_training.architectures.cnn import MobileNetV3
from musicedge_training.checkpoint import CheckpointError
from musicedge_training.layers import (
    NEIGHBOURS,
    backbone_of,
    first_filters,
    flat_map,
    layer_maps,
    neighbour_shares,
)


@pytest.fixture(scope="module")
def backbone() -> MobileNetV3:
    torch.manual_seed(0)
    return MobileNetV3().eval()


def test_first_filters_are_the_first_layer_s_weights(backbone: MobileNetV3) -> None:
    filters = first_filters(backbone)
    assert filters.shape == (8, 3, 3)
    np.testing.assert_array_equal(filters, backbone.features[0][0].weight.detach().numpy()[:, 0])


def test_maps_are_what_the_layers_give_the_lowest_band_first(backbone: MobileNetV3) -> None:
    window = np.random.default_rng(0).standard_normal((100, 128)).astype(np.float32)
    maps = layer_maps(backbone, window)
    assert [each.index for each in maps] == [0, 3, 6, 10, 13, 16]
    with torch.inference_mode():
        expected = backbone.features(torch.from_numpy(window).T[None, None])[0].numpy()
    last = maps[-1]
    assert last.channels == len(expected) == 384
    np.testing.assert_allclose(last.mean, np.abs(expected).mean(axis=0), rtol=1e-4, atol=1e-6)
    variances = expected.var(axis=(1, 2))
    for values, rank in zip(last.liveliest, np.argsort(-variances), strict=False):
        np.testing.assert_allclose(values, expected[rank], rtol=1e-4, atol=1e-6)
    assert maps[0].mean.shape == (64, 50)


def test_neighbours_are_counted_by_genre_and_never_by_the_same_artist() -> None:
    rng = np.random.default_rng(0)
    genres = ["jazz"] * 30 + ["rock"] * 30
    centres = np.repeat([[5.0, 0, 0], [-5.0, 0, 0]], 30, axis=0)
    embeddings = (centres + 0.1 * rng.standard_normal((60, 3))).astype(np.float32)
    artists = [str(index) for index in range(60)]
    names, shares = neighbour_shares(embeddings, genres, artists)
    assert names == ("jazz", "rock")
    np.testing.assert_allclose(shares, np.eye(2), atol=0.05)
    one_jazz_band = ["band"] * 30 + artists[30:]
    _, shares = neighbour_shares(embeddings, genres, one_jazz_band)
    np.testing.assert_allclose(shares, [[0, 1], [0, 1]], atol=0.05)
    assert NEIGHBOURS < 30


def test_a_flat_map_keeps_what_lies_together_together() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(10 * rng.standard_normal((3, 20)), 20, axis=0)
    places = flat_map((centres + 0.1 * rng.standard_normal(centres.shape)).astype(np.float32))
    groups = places.reshape(3, 20, 2)
    spread = groups.std(axis=1).max()
    middles = groups.mean(axis=1)
    apart = min(np.linalg.norm(middles[one] - middles[other]) for one, other in ((0, 1), (0, 2)))
    assert places.shape == (60, 2)
    assert apart > 3 * spread


def test_a_network_that_is_no_cnn_is_refused_by_name() -> None:
    network = nn.Module()
    network.backbone = nn.Linear(1, 1)
    with pytest.raises(CheckpointError, match=r"x\.safetensors: it holds no CNN"):
        backbone_of(network, "x.safetensors")
