"""Augmentation: every transform keeps length and finiteness, and does what it is named for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge_training import augment

RATE = 16_000
ROOM = np.exp(-np.arange(800) / 100).astype(np.float32)
HISS = np.random.default_rng(1).standard_normal(3000).astype(np.float32)

TRANSFORMS: dict[str, augment.Transform] = {
    "room": augment.Room([ROOM]),
    "band limit": augment.BandLimit(RATE, (4000, 8000, 11_025)),
    "mp3": augment.Codec(RATE, (("MP3", "MPEG_LAYER_III"),)),
    "opus": augment.Codec(RATE, (("OGG", "OPUS"),)),
    "vorbis": augment.Codec(RATE, (("OGG", "VORBIS"),)),
    "noise": augment.Noise([HISS]),
    "tilt": augment.Tilt(RATE),
    "level": augment.Level(),
}
CODECS = ("mp3", "opus", "vorbis")


def chord(seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    tones = [np.sin(2 * np.pi * f * t) for f in (220.0, 330.0, 1100.0)]
    return (0.1 * np.sum(tones, axis=0)).astype(np.float32)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


@pytest.mark.parametrize("name", TRANSFORMS)
@given(
    n=st.integers(100, 6000),
    level=st.sampled_from([0.0, 1e-8, 1e-3, 1.0, 10.0]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=12, deadline=None)
def test_length_type_and_finiteness_are_kept(name: str, n: int, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (level * rng.uniform(-1, 1, n)).astype(np.float32)
    before = samples.copy()
    result = TRANSFORMS[name](samples, rng)
    assert result.shape == (n,)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(samples, before, "the input was changed")


@pytest.mark.parametrize("name", TRANSFORMS)
def test_silence_stays_silence(name: str) -> None:
    result = TRANSFORMS[name](np.zeros(4000, np.float32), np.random.default_rng(0))
    assert np.abs(result).max() < 1e-4


@pytest.mark.parametrize("name", TRANSFORMS)
def test_same_generator_gives_the_same_result(name: str) -> None:
    first, second = (TRANSFORMS[name](chord(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", CODECS)
def test_codec_changes_the_signal_but_keeps_it_recognisable(name: str) -> None:
    samples = chord(2.0)
    for seed in range(4):
        result = TRANSFORMS[name](samples, np.random.default_rng(seed))
        assert not np.array_equal(result, samples)
        # Codecs may delay by some samples, so the best of a small range of shifts counts.
        middle = slice(RATE // 2, 3 * RATE // 2)
        best = max(
            np.corrcoef(samples[middle], np.roll(result, -shift)[middle])[0, 1]
            for shift in range(-40, 41)
        )
        assert best > 0.9


@given(st.floats(-45, -20), st.integers(0, 2**32))
def test_level_is_set_where_nothing_clips(decibels: float, seed: int) -> None:
    level = augment.Level(decibels, decibels)
    result = level(0.01 * chord(0.2), np.random.default_rng(seed))
    assert 20 * np.log10(rms(result)) == pytest.approx(decibels, abs=0.1)


def test_level_clips_at_full_scale() -> None:
    result = augment.Level(-1, -1)(chord(), np.random.default_rng(0))
    assert np.abs(result).max() == 1


@pytest.mark.parametrize("narrow", [4000, 8000])
def test_band_limit_removes_what_is_above_its_band(narrow: int) -> None:
    samples = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) / 10
    result = augment.BandLimit(RATE, (narrow,))(samples, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(result * np.hanning(len(result)))) ** 2
    frequency = np.fft.rfftfreq(len(result), 1 / RATE)
    above = spectrum[frequency > narrow / 2 * 1.05].sum()
    below = spectrum[frequency < narrow / 2 * 0.8].sum()
    assert 10 * np.log10(above / below) < -50
    kept = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    assert below == pytest.approx(kept[frequency < narrow / 2 * 0.8].sum(), rel=0.05)


def test_noise_has_the_ratio_asked_for() -> None:
    samples = chord()
    result = augment.Noise([HISS], 10, 10)(samples, np.random.default_rng(0))
    assert 20 * np.log10(rms(samples) / rms(result - samples)) == pytest.approx(10, abs=0.3)


def test_tilt_stays_within_its_decibels() -> None:
    samples = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    result = augment.Tilt(RATE, 6)(samples, np.random.default_rng(1))
    gains = 20 * np.log10(np.abs(np.fft.rfft(result)) / np.abs(np.fft.rfft(samples)))
    assert np.abs(gains[1:-1]).max() <= 6.01
    assert np.ptp(gains[1:-1]) > 1


def test_room_makes_a_click_ring_at_the_same_level() -> None:
    click = np.zeros(4000, np.float32)
    click[100] = 0.5
    result = augment.Room([ROOM])(click, np.random.default_rng(0))
    assert np.abs(result[:100]).max() < 1e-6
    assert np.abs(result[300:600]).max() > 1e-4


def test_sometimes_is_as_often_as_its_probability() -> None:
    rng = np.random.default_rng(0)
    ones = np.ones(4, np.float32)
    sometimes = augment.Sometimes(0.3, lambda samples, rng: -samples)
    share = np.mean([sometimes(ones, rng)[0] < 0 for _ in range(4000)])
    assert share == pytest.approx(0.3, abs=0.03)


def test_chain_applies_in_order() -> None:
    chain = augment.Chain([lambda samples, rng: samples + 1, lambda samples, rng: samples * 2])
    np.testing.assert_array_equal(chain(np.zeros(2, np.float32), np.random.default_rng(0)), 2)


@given(st.integers(1, 50), st.integers(1, 200))
def test_fitting_and_repeating_give_the_length(have: int, want: int) -> None:
    samples = np.arange(1, have + 1, dtype=np.float32)
    fitted = augment.fit_length(samples, want)
    assert len(fitted) == want
    np.testing.assert_array_equal(fitted[: min(have, want)], samples[: min(have, want)])
    assert not fitted[have:].any()
    repeated = augment.repeat_to(samples, want)
    np.testing.assert_array_equal(repeated, samples[np.arange(want) % have])
