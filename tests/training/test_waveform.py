"""Wear on a waveform: every transform keeps length and is finite, and does what it is named for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge_training.augmentation import waveform
from musicedge_training.augmentation.catalogue import STANDARD, crop_transforms
from musicedge_training.augmentation.transform import Clean

RATE = 16_000
ROOM = np.exp(-np.arange(800) / 100).astype(np.float32)
HISS = np.random.default_rng(1).standard_normal(3000).astype(np.float32)

PLACE = waveform.Surroundings(RATE, [ROOM], [HISS])

TRANSFORMS: dict[str, waveform.SoundTransform] = {
    "room": waveform.Room(),
    "band limit": waveform.BandLimit(rates=(4000, 8000, 11_025)),
    "mp3": waveform.Codec(formats=("mp3",)),
    "opus": waveform.Codec(formats=("opus",)),
    "vorbis": waveform.Codec(formats=("vorbis",)),
    "noise": waveform.Noise(),
    "tilt": waveform.Tilt(),
    "level": waveform.Level(),
    "gain": waveform.Gain(),
    "time shift": waveform.TimeShift(seconds=0.1),
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
    result = TRANSFORMS[name].apply(samples, PLACE, rng)
    assert result.shape == (n,)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(samples, before, "the input was changed")


@pytest.mark.parametrize("name", TRANSFORMS)
def test_silence_stays_silence(name: str) -> None:
    result = TRANSFORMS[name].apply(np.zeros(4000, np.float32), PLACE, np.random.default_rng(0))
    assert np.abs(result).max() < 1e-4


@pytest.mark.parametrize("name", TRANSFORMS)
def test_same_generator_gives_the_same_result(name: str) -> None:
    first, second = (
        TRANSFORMS[name].apply(chord(), PLACE, np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", CODECS)
def test_codec_changes_the_signal_but_keeps_it_recognisable(name: str) -> None:
    samples = chord(2.0)
    for seed in range(4):
        result = TRANSFORMS[name].apply(samples, PLACE, np.random.default_rng(seed))
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
    level = waveform.Level(dbfs=(decibels, decibels))
    result = level.apply(0.01 * chord(0.2), PLACE, np.random.default_rng(seed))
    assert 20 * np.log10(rms(result)) == pytest.approx(decibels, abs=0.1)


def test_level_clips_at_full_scale() -> None:
    result = waveform.Level(dbfs=(-1, -1)).apply(chord(), PLACE, np.random.default_rng(0))
    assert np.abs(result).max() == 1


@pytest.mark.parametrize("narrow", [4000, 8000])
def test_band_limit_removes_what_is_above_its_band(narrow: int) -> None:
    samples = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) / 10
    limit = waveform.BandLimit(rates=(narrow,))
    result = limit.apply(samples, PLACE, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(result * np.hanning(len(result)))) ** 2
    frequency = np.fft.rfftfreq(len(result), 1 / RATE)
    above = spectrum[frequency > narrow / 2 * 1.05].sum()
    below = spectrum[frequency < narrow / 2 * 0.8].sum()
    assert 10 * np.log10(above / below) < -50
    kept = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    assert below == pytest.approx(kept[frequency < narrow / 2 * 0.8].sum(), rel=0.05)


def test_noise_has_the_ratio_asked_for() -> None:
    samples = chord()
    result = waveform.Noise(snr_db=(10, 10)).apply(samples, PLACE, np.random.default_rng(0))
    assert 20 * np.log10(rms(samples) / rms(result - samples)) == pytest.approx(10, abs=0.3)


def test_tilt_stays_within_its_decibels() -> None:
    samples = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    result = waveform.Tilt(decibels=6).apply(samples, PLACE, np.random.default_rng(1))
    gains = 20 * np.log10(np.abs(np.fft.rfft(result)) / np.abs(np.fft.rfft(samples)))
    assert np.abs(gains[1:-1]).max() <= 6.01
    assert np.ptp(gains[1:-1]) > 1


def test_room_makes_a_click_ring_at_the_same_level() -> None:
    click = np.zeros(4000, np.float32)
    click[100] = 0.5
    result = waveform.Room().apply(click, PLACE, np.random.default_rng(0))
    assert np.abs(result[:100]).max() < 1e-6
    assert np.abs(result[300:600]).max() > 1e-4


@given(st.floats(-40, 20), st.integers(0, 2**32))
@settings(deadline=None)
def test_gain_is_what_was_asked_for_and_peaks_clip(decibels: float, seed: int) -> None:
    samples = chord(0.05)
    gain = waveform.Gain(decibels=(decibels, decibels))
    result = gain.apply(samples, PLACE, np.random.default_rng(seed))
    expected = np.clip(samples * 10 ** (decibels / 20), -1, 1)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@given(st.integers(1, 40), st.integers(-60, 60))
def test_shift_moves_later_or_earlier_and_fills_with_zeros(n: int, steps: int) -> None:
    values = np.arange(1, n + 1, dtype=np.float32)
    expected = [values[i - steps] if 0 <= i - steps < n else 0 for i in range(n)]
    np.testing.assert_array_equal(waveform.shifted(values, steps), expected)


def test_time_shifts_go_both_ways_as_far_as_asked_for() -> None:
    click = np.zeros(2001, np.float32)
    click[1000] = 1
    shift = waveform.TimeShift(seconds=500 / RATE)
    rng = np.random.default_rng(0)
    places = [int(shift.apply(click, PLACE, rng).argmax()) - 1000 for _ in range(300)]
    assert -500 <= min(places) < -450
    assert 450 < max(places) <= 500


def test_transforms_are_applied_in_order_each_as_often_as_its_probability() -> None:
    half = {"decibels": (-6.0, -6.0), "probability": 0.3}
    loud = waveform.Level(dbfs=(-20, -20), probability=1)
    rng = np.random.default_rng(0)
    ones = np.full(8, 0.5, np.float32)
    levels = [rms(waveform.roughen(ones, [waveform.Gain(**half)], PLACE, rng)) for _ in range(2000)]
    assert np.mean(np.array(levels) < 0.3) == pytest.approx(0.3, abs=0.04)
    # The level is set at the end, whatever was done before; and not when it comes first.
    always = waveform.Gain(decibels=(-6, -6))
    last = waveform.roughen(ones, [always, loud], PLACE, rng)
    first = waveform.roughen(ones, [loud, always], PLACE, rng)
    assert 20 * np.log10(rms(last)) == pytest.approx(-20, abs=0.01)
    assert 20 * np.log10(rms(first)) == pytest.approx(-26, abs=0.05)


def test_clean_leaves_out_what_follows_as_often_as_its_probability() -> None:
    rng = np.random.default_rng(0)
    quiet = waveform.Gain(decibels=(-20, -20))
    ones = np.full(8, 0.5, np.float32)
    chain = [Clean(probability=0.25), quiet]
    kept = [np.array_equal(waveform.roughen(ones, chain, PLACE, rng), ones) for _ in range(2000)]
    assert np.mean(kept) == pytest.approx(0.25, abs=0.04)
    assert rms(waveform.roughen(ones, [quiet, Clean(probability=1)], PLACE, rng)) < 0.06


def test_standard_wear_is_made_of_all_that_happens_to_sounds() -> None:
    kinds = [transform.kind for transform in crop_transforms(STANDARD["waveform"])]
    assert kinds == ["room", "tilt", "noise", "band-limit", "codec", "codec", "codec", "level"]
    rough = waveform.roughen(
        chord(), crop_transforms(STANDARD["waveform"]), PLACE, np.random.default_rng(2)
    )
    assert rough.shape == chord().shape
    assert not np.array_equal(rough, chord())


@given(st.integers(1, 50), st.integers(1, 200))
def test_fitting_and_repeating_give_the_length(have: int, want: int) -> None:
    samples = np.arange(1, have + 1, dtype=np.float32)
    fitted = waveform.fit_length(samples, want)
    assert len(fitted) == want
    np.testing.assert_array_equal(fitted[: min(have, want)], samples[: min(have, want)])
    assert not fitted[have:].any()
    repeated = waveform.repeat_to(samples, want)
    np.testing.assert_array_equal(repeated, samples[np.arange(want) % have])
