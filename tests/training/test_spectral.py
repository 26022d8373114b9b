"""Wear on a log-mel: what each kind does to powers, and that nothing else happens."""

from __future__ import annotations

import numpy as np
import pytest

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_training import augment, spectral

CONFIG = FrontEndConfig()


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    rng = np.random.default_rng(3)
    noise = 0.1 * rng.standard_normal(3 * CONFIG.sample_rate).astype(np.float32)
    return FrontEnd(CONFIG).logmel(noise)


@pytest.mark.parametrize("seed", range(20))
def test_roughened_frames_are_frames(seed: int, frames: np.ndarray) -> None:
    rough = spectral.roughen(frames, CONFIG, np.random.default_rng(seed))
    assert rough.shape == frames.shape
    assert rough.dtype == np.float32
    assert np.isfinite(rough).all()
    assert rough.min() >= spectral.silence(1, CONFIG).min() - 1e-5


def test_equal_generators_give_equal_wear_and_others_another(frames: np.ndarray) -> None:
    first, same, other = (
        spectral.roughen(frames, CONFIG, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_silence_is_what_the_front_end_gives_for_zeros() -> None:
    zeros = FrontEnd(CONFIG).logmel(np.zeros(CONFIG.sample_rate, np.float32))
    np.testing.assert_allclose(spectral.silence(len(zeros), CONFIG), zeros, atol=1e-5)


def test_band_limit_does_what_resampling_does_to_the_sound() -> None:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal(3 * CONFIG.sample_rate).astype(np.float32)
    front = FrontEnd(CONFIG)
    narrow = front.logmel(augment.BandLimit(CONFIG.sample_rate, rates=(8_000,))(samples, rng))
    gains = spectral._band_limit(spectral._mel_centres(CONFIG), _First())
    top = np.flatnonzero(gains < 1e-6)[0]
    level = spectral.silence(1, CONFIG)[0, 0]
    # Both leave nothing above about 4 kHz, and all that is well below.
    assert np.median(narrow[:, top + 2 :]) < level + 0.2
    assert np.allclose(gains[: top - 6], 1)
    assert np.median(np.abs(narrow - front.logmel(samples))[:, : top - 6]) < 0.05


def test_room_smears_time_and_keeps_the_energy() -> None:
    power = np.zeros((200, 4), np.float32)
    power[50] = 1
    wet = spectral._room(power, 100.0, np.random.default_rng(0))
    assert wet.sum() == pytest.approx(power.sum(), rel=1e-3)
    assert wet[:50].max() < 1e-6
    assert (np.diff(wet[51:150, 0]) <= 0).all()


class _First:
    """A generator that draws the first of several and the top of a range."""

    def integers(self, high: int) -> int:
        return 0

    def uniform(self, low: float, high: float) -> float:
        return high
