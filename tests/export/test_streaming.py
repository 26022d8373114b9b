"""Streams against the whole: agreement is found, and what is wrong with a stream as well."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto
from tests.export.conftest import FRAMES, candidate_of
from tests.runtime.tiny_model import noise

import musicedge
from musicedge_export.streaming import check_streaming
from musicedge_export.verify import VerificationError

RATE = 32_000


@pytest.fixture(scope="module")
def model(fp32: ModelProto) -> ModelProto:
    """The random network's graph with its card."""
    return candidate_of(fp32).model


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Some windows of noise."""
    return noise(5.3 * FRAMES / 100, 0.5, sample_rate=RATE)


def test_stream_of_a_model_agrees_with_the_whole(model: ModelProto, sound: np.ndarray) -> None:
    assert check_streaming(model, sound, RATE) <= 1e-4


def test_stream_that_hears_something_else_is_found_out(
    model: ModelProto, sound: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = musicedge.Stream.push

    def quieter(self: musicedge.Stream, samples: np.ndarray) -> list[musicedge.Reading]:
        return push(self, 0.01 * samples)

    monkeypatch.setattr(musicedge.Stream, "push", quieter)
    with pytest.raises(VerificationError, match="a stream's readings differ"):
        check_streaming(model, sound, RATE)


def test_sound_without_a_window_proves_nothing(model: ModelProto, sound: np.ndarray) -> None:
    with pytest.raises(VerificationError, match="no window"):
        check_streaming(model, sound[: RATE // 10], RATE)
