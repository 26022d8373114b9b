"""The CNN: the published weights and their golden outputs, and its shape by construction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from tests.training.tiny_corpus import WEIGHTS

from musicedge.frontend import FrontEnd
from musicedge_training.architectures.cnn import (
    POOLING,
    AudioTagger,
    MobileNetV3,
    deviation_over_time,
    load_audio_tagger,
    make_divisible,
)

PUBLISHED = WEIGHTS / "mn04_as.safetensors"
PUBLISHED_PARAMETERS = 983_599


def needs_weights(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs the published weights."""
    absent = pytest.mark.skipif(not PUBLISHED.is_file(), reason="the weights are not there")
    return pytest.mark.corpus(absent(test))


def test_tagger_has_as_many_parameters_as_the_published_one() -> None:
    assert sum(p.numel() for p in AudioTagger().parameters()) == PUBLISHED_PARAMETERS


@given(st.integers(1, 5000), st.sampled_from([1, 4, 8, 16]))
def test_divisible_count_is_near_and_never_much_lower(value: int, divisor: int) -> None:
    rounded = make_divisible(value, divisor)
    assert rounded % divisor == 0
    assert rounded >= divisor
    assert rounded >= 0.9 * value
    assert rounded <= max(divisor, value + divisor)


@pytest.mark.parametrize(
    ("value", "expected"),
    # 16 x 0.4, 24 x 0.4, 72 x 0.4, 160 x 0.4, and a value that 10 % down would miss.
    [(6.4, 8), (9.6, 16), (28.8, 32), (64.0, 64), (11.0, 16), (36.5, 40)],
)
def test_divisible_count_of_known_values(value: float, expected: int) -> None:
    assert make_divisible(value) == expected


@pytest.mark.parametrize("frames", [1, 7, 100, 1003])
def test_any_time_length_gives_one_embedding(frames: int, tagger: AudioTagger) -> None:
    with torch.inference_mode():
        x = torch.zeros(2, 1, 128, frames)
        assert MobileNetV3.forward(tagger, x).shape == (2, tagger.embedding_size)
        assert tagger(x).shape == (2, 527)


def test_strides_are_those_of_the_paper(tagger: AudioTagger) -> None:
    x = torch.zeros(1, 1, 128, 64)
    widths = []
    with torch.inference_mode():
        for layer in tagger.features:
            x = layer(x)
            widths.append(x.shape[-1])
    # The stem halves; then the 2nd, 4th, 7th and 13th block do.
    assert widths == [32, 32, *[16] * 2, *[8] * 3, *[4] * 6, *[2] * 4]


def test_embedding_is_what_the_pooling_says(tagger: AudioTagger) -> None:
    backbone = MobileNetV3(pooling=POOLING).eval()
    backbone.features.load_state_dict(tagger.features.state_dict())
    x = torch.randn(2, 1, 128, 100)
    means, deviations = [], []
    with torch.inference_mode():
        y = x
        for index, layer in enumerate(backbone.features):
            y = layer(y)
            if index in POOLING.means:
                means.append(y.mean(dim=(2, 3)))
            if index in POOLING.deviations:
                deviations.append(y.mean(dim=2).std(dim=2, correction=0))
        embedding = backbone(x)
        final = y.mean(dim=3).flatten(1)
        assert y.shape[2] == POOLING.bands
        expected = torch.cat([*means, *deviations, final], dim=1)
        torch.testing.assert_close(embedding, expected, atol=2e-4, rtol=1e-4)
        assert embedding.shape == (2, backbone.embedding_size)
        pretrained = MobileNetV3.forward(tagger, x)
        torch.testing.assert_close(backbone.final_mean(embedding), pretrained)
        torch.testing.assert_close(tagger.final_mean(pretrained), pretrained)


@pytest.mark.parametrize("start", [1, 4, 7])
def test_embedding_goes_on_from_what_the_first_layers_give(start: int, tagger: AudioTagger) -> None:
    backbone = MobileNetV3(pooling=POOLING).eval()
    x = torch.randn(1, 1, 128, 40)
    with torch.inference_mode():
        rest = backbone(backbone.features[:start](x), start=start)
        torch.testing.assert_close(rest, backbone(x))


def test_what_does_not_change_has_no_deviation_and_a_finite_gradient() -> None:
    x = torch.ones(1, 2, 4, 5, requires_grad=True)
    deviation = deviation_over_time(x)
    deviation.sum().backward()
    assert (deviation < 1e-3).all()
    assert torch.isfinite(x.grad).all()


def test_loaded_network_equals_the_saved_one(tagger: AudioTagger, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(tagger.state_dict(), path)
    loaded = load_audio_tagger(path)
    assert not loaded.training
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, tagger.state_dict()[name])


@pytest.mark.parametrize("change", ["lacks", "adds"])
def test_weights_load_strictly(change: str, tagger: AudioTagger, tmp_path: Path) -> None:
    tensors = dict(tagger.state_dict())
    if change == "lacks":
        del tensors["features.3.block.0.0.weight"]
    else:
        tensors["features.99.weight"] = torch.zeros(1)
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(RuntimeError, match=r"features\.(3\.block|99)"):
        load_audio_tagger(tmp_path / "weights.safetensors")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(WEIGHTS / "mn04_as_golden.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


@needs_weights
def test_logits_and_embedding_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    network = load_audio_tagger(PUBLISHED)
    with torch.inference_mode():
        x = torch.from_numpy(golden["logmel"].astype(np.float32))
        x = x.reshape(1, 1, *x.shape[-2:])
        embedding = MobileNetV3.forward(network, x)[0].numpy()
        logits = network(x)[0].numpy()
    np.testing.assert_allclose(embedding, golden["embedding"], atol=1e-3)
    np.testing.assert_allclose(logits, golden["logits"], atol=1e-3)


@needs_weights
def test_outputs_from_the_waveform_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    network = load_audio_tagger(PUBLISHED)
    frames = FrontEnd().logmel(golden["waveform"].astype(np.float32) / 32768)
    with torch.inference_mode():
        logits = network(torch.from_numpy(frames.T.copy())[None, None])[0].numpy()
    np.testing.assert_allclose(logits, golden["logits"], atol=1e-3)
