"""The maps of the frozen layers: equal to running the layers, and computed once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.banks import FRAMES, write_bank

from musicedge_training.architectures.cnn import LAYERS, POOLING, AudioTagger, MobileNetV3
from musicedge_training.crops import CropBank
from musicedge_training.stem import StemMaps


@pytest.fixture
def bank(tmp_path: Path) -> CropBank:
    return write_bank(tmp_path, variants=1)


def as_images(crops: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(crops.astype(np.float32)).mT[:, None]


def test_no_frozen_layer_gives_the_logmel(bank: CropBank, tagger: AudioTagger) -> None:
    maps = StemMaps(bank, tagger, 0).open(0)
    assert not list(bank.folder.glob("000-clean-*.npy"))  # the crops are not written twice
    clean, rough = bank.open(0)
    assert maps.clean.shape == (len(bank.tracks), 1, 128, FRAMES)
    np.testing.assert_array_equal(maps.clean[:, 0], clean.transpose(0, 2, 1))
    np.testing.assert_array_equal(maps.rough[:, 0], rough.transpose(0, 2, 1))


@pytest.mark.parametrize("frozen", [2, LAYERS - 1])
def test_maps_equal_running_the_layers(bank: CropBank, tagger: AudioTagger, frozen: int) -> None:
    maps = StemMaps(bank, tagger, frozen).open(0)
    with torch.inference_mode():
        for given, crops in zip(maps[:2], bank.open(0), strict=True):
            expected = tagger.features[:frozen](as_images(crops)).numpy()
            np.testing.assert_allclose(given, expected, atol=2e-3, rtol=2e-3)


def test_all_layers_frozen_give_the_embedding(bank: CropBank, tagger: AudioTagger) -> None:
    backbone = MobileNetV3(pooling=POOLING).eval()
    backbone.features.load_state_dict(tagger.features.state_dict())
    maps = StemMaps(bank, tagger, LAYERS).open(0)
    with torch.inference_mode():
        for given, crops in zip(maps[:2], bank.open(0), strict=True):
            expected = backbone(as_images(crops)).numpy()
            assert given.shape == (len(bank.tracks), backbone.embedding_size)
            np.testing.assert_allclose(given, expected, atol=2e-3, rtol=2e-3)


def test_tags_are_the_networks_outputs_of_the_clean_crop(
    bank: CropBank, tagger: AudioTagger
) -> None:
    with torch.inference_mode():
        expected = tagger(as_images(bank.open(0)[0])).numpy()
    for frozen in (0, 3, LAYERS):
        tags = StemMaps(bank, tagger, frozen).open(0).tags
        next(bank.folder.glob("000-tags-*.npy")).unlink()
        np.testing.assert_allclose(tags, expected, atol=2e-3, rtol=2e-3)


def test_maps_are_computed_once(bank: CropBank, tagger: AudioTagger) -> None:
    StemMaps(bank, tagger, 2).open(0)
    files = sorted(bank.folder.iterdir())
    for path in files:
        os.utime(path, (1, 1))
    StemMaps(bank, tagger, 2).open(0)
    assert sorted(bank.folder.iterdir()) == files
    assert {path.stat().st_mtime for path in files} == {1}


def test_lost_file_is_computed_again(bank: CropBank, tagger: AudioTagger) -> None:
    before = np.array(StemMaps(bank, tagger, 2).open(0).rough)
    next(bank.folder.glob("000-rough-2-*.npy")).unlink()
    np.testing.assert_array_equal(StemMaps(bank, tagger, 2).open(0).rough, before)
