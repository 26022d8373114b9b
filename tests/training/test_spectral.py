"""Wear on a log-mel: what each kind does to powers, and that nothing else happens."""

from __future__ import annotations

import numpy as np
import pytest

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.augmentation import spectral, waveform
from musicedge_training.augmentation.catalogue import KINDS, STANDARD, crop_transforms

CONFIG = FrontEndConfig()
BANDS = spectral.Bands.of(CONFIG)
USUAL = crop_transforms(STANDARD["spectrogram"])
SPECTRAL = sorted(
    name for name, kind in KINDS.items() if issubclass(kind, spectral.SpectralTransform)
)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    rng = np.random.default_rng(3)
    noise = 0.1 * rng.standard_normal(3 * CONFIG.sample_rate).astype(np.float32)
    return FrontEnd(CONFIG).logmel(noise)


@pytest.mark.parametrize("seed", range(20))
def test_roughened_frames_are_frames(seed: int, frames: np.ndarray) -> None:
    rough = spectral.roughen(frames, USUAL, CONFIG, np.random.default_rng(seed))
    assert rough.shape == frames.shape
    assert rough.dtype == np.float32
    assert np.isfinite(rough).all()
    assert rough.min() >= spectral.silence(1, CONFIG).min() - 1e-5


def test_equal_generators_give_equal_wear_and_others_another(frames: np.ndarray) -> None:
    first, same, other = (
        spectral.roughen(frames, USUAL, CONFIG, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_silence_is_what_the_front_end_gives_for_zeros() -> None:
    zeros = FrontEnd(CONFIG).logmel(np.zeros(CONFIG.sample_rate, np.float32))
    np.testing.assert_allclose(spectral.silence(len(zeros), CONFIG), zeros, atol=1e-5)


@pytest.mark.parametrize("kind", SPECTRAL)
def test_powers_stay_powers_and_those_given_stay_as_they_are(kind: str) -> None:
    power = np.random.default_rng(0).gamma(2, 1e-3, (300, CONFIG.n_mels)).astype(np.float32)
    before = power.copy()
    for seed in range(4):
        result = KINDS[kind]().apply(power, BANDS, np.random.default_rng(seed))
        assert result.shape == power.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()
        assert result.min() >= 0
        assert not np.array_equal(result, power)
        np.testing.assert_array_equal(power, before)
    np.testing.assert_array_equal(
        KINDS[kind]().apply(np.zeros_like(power), BANDS, np.random.default_rng(0)), 0
    )


def test_nothing_to_do_leaves_every_bit(frames: np.ndarray) -> None:
    assert spectral.roughen(frames, (), CONFIG, np.random.default_rng(0)) is frames


def test_band_limit_does_what_resampling_does_to_the_sound() -> None:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal(3 * CONFIG.sample_rate).astype(np.float32)
    front = FrontEnd(CONFIG)
    place = waveform.Surroundings(CONFIG.sample_rate)
    narrow = front.logmel(waveform.BandLimit(rates=(8_000,)).apply(samples, place, rng))
    limit = spectral.SpectralBandLimit(cutoffs=(4_000,))
    gains = limit.apply(np.ones(CONFIG.n_mels, np.float32), BANDS, _First())
    top = np.flatnonzero(gains < 1e-6)[0]
    level = spectral.silence(1, CONFIG)[0, 0]
    # Both leave nothing above about 4 kHz, and all that is well below.
    assert np.median(narrow[:, top + 2 :]) < level + 0.2
    assert np.allclose(gains[: top - 6], 1)
    assert np.median(np.abs(narrow - front.logmel(samples))[:, : top - 6]) < 0.05


def test_room_smears_time_and_keeps_the_energy() -> None:
    power = np.zeros((200, 4), np.float32)
    power[50] = 1
    place = spectral.Bands(BANDS.centres[:4], 100.0)
    wet = spectral.SpectralRoom().apply(power, place, np.random.default_rng(0))
    assert wet.sum() == pytest.approx(power.sum(), rel=1e-3)
    assert wet[:50].max() < 1e-6
    assert (np.diff(wet[51:150, 0]) <= 0).all()


def test_noise_has_the_ratio_asked_for() -> None:
    power = np.random.default_rng(0).gamma(2, 1e-3, (300, CONFIG.n_mels)).astype(np.float32)
    noise = spectral.SpectralNoise(snr_db=(10, 10))
    noisy = noise.apply(power, BANDS, np.random.default_rng(1))
    assert 10 * np.log10(power.sum() / (noisy - power).sum()) == pytest.approx(10, abs=0.01)


def test_gain_moves_the_logmel_as_it_does_when_put_on_the_sound(frames: np.ndarray) -> None:
    louder = spectral.SpectralGain(decibels=(6, 6))
    moved = spectral.roughen(frames, [louder], CONFIG, np.random.default_rng(0))
    rng = np.random.default_rng(3)
    noise = 0.1 * rng.standard_normal(3 * CONFIG.sample_rate).astype(np.float32)
    sound = FrontEnd(CONFIG).logmel(noise * 10 ** (6 / 20))
    np.testing.assert_allclose(moved, sound, atol=2e-3)


def test_codec_loses_what_is_far_below_a_frames_loudest_band() -> None:
    power = np.full((50, CONFIG.n_mels), 1e-6, np.float32)
    power[:, 7] = 1
    codec = spectral.SpectralCodec(masked_db=(-50, -50), grain_db=(0, 0))
    result = codec.apply(power, BANDS, np.random.default_rng(0))
    np.testing.assert_array_equal(result[:, 7], 1)
    assert np.delete(result, 7, axis=1).max() == 0


def test_time_shift_moves_the_frames_and_fills_with_silence() -> None:
    power = np.random.default_rng(0).gamma(2, 1e-3, (300, CONFIG.n_mels)).astype(np.float32)
    shift = spectral.SpectralTimeShift(seconds=0.5)
    for seed in range(6):
        result = shift.apply(power, BANDS, np.random.default_rng(seed))
        silent = np.flatnonzero(result.max(axis=1) == 0)
        n = len(silent)
        assert n <= 0.5 * CONFIG.frame_rate + 1
        start = n if n and silent[0] == 0 else 0
        np.testing.assert_array_equal(
            result[start : start + 300 - n], power[n - start :][: 300 - n]
        )


class _First:
    """A generator that draws the first of several and the top of a range."""

    def integers(self, high: int) -> int:
        return 0

    def uniform(self, low: float, high: float) -> float:
        return high
