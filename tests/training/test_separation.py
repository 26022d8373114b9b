"""What the founding features share, each part against librosa's and scipy's."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest
from scipy.ndimage import median_filter

from musicedge_training.representations.constantq import chroma, estimate_tuning
from musicedge_training.representations.medians import running_median
from musicedge_training.representations.percussion import percussive_share, percussive_spectrum
from musicedge_training.representations.spectrum import samples_of, spectrum
from musicedge_training.representations.tempo import estimate_tempo

RATE = 22_050


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Return a chord that is 30 cents sharp, with noise that comes and goes."""
    t = np.arange(3 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * 2 ** (n / 12 + 0.025) * 220 * t) for n in (0, 4, 7))
    noise = np.random.default_rng(0).standard_normal(len(t)) * (t % 0.5 < 0.05)
    return (0.1 * chord + 0.2 * noise).astype(np.float32)


@pytest.mark.parametrize("shape", [(31, 50), (64, 47), (67, 48), (203, 97)])
def test_running_median_is_that_of_scipy(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).exponential(size=shape).astype(np.float32)
    expected = median_filter(rows, (31, 1), mode="reflect")
    np.testing.assert_array_equal(running_median(rows), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 14, 16, 30])
def test_running_median_of_few_rows_is_that_of_their_mirror_images(count: int) -> None:
    rows = np.random.default_rng(0).exponential(size=(count, 5)).astype(np.float32)
    mirrored = np.pad(rows, ((15, 15), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, 31, axis=0)
    np.testing.assert_array_equal(running_median(rows), np.median(windows, axis=-1))


def test_running_median_of_equal_values_is_that_value() -> None:
    rows = np.repeat(np.float32([[0, 1]]), 40, axis=0)
    np.testing.assert_array_equal(running_median(rows), rows)


def test_spectrum_is_that_of_librosa(sound: np.ndarray) -> None:
    np.testing.assert_allclose(spectrum(sound), librosa.stft(sound).T, atol=1e-4)


@pytest.mark.parametrize("n", [2048, 10_000, 10_240])
def test_samples_of_a_changed_spectrum_are_those_of_librosa(sound: np.ndarray, n: int) -> None:
    changed = spectrum(sound[:n])
    changed[:, ::3] = 0
    expected = librosa.istft(changed.T, length=n)
    np.testing.assert_allclose(samples_of(changed, n), expected, atol=1e-6)


def test_percussive_part_is_that_of_librosa(sound: np.ndarray) -> None:
    both = spectrum(sound)
    _, expected = librosa.decompose.hpss(both.T)
    np.testing.assert_allclose(percussive_spectrum(both), expected.T, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("level", [1e-30, 1.0, 1e30])
def test_percussive_share_is_that_of_librosa_at_any_level(level: float) -> None:
    magnitude = np.random.default_rng(0).exponential(size=(200, 64)).astype(np.float32)
    magnitude[20:90, :40] = 0
    _, expected = librosa.decompose.hpss((magnitude * np.float32(level)).T, mask=True)
    share = percussive_share(magnitude * np.float32(level))
    np.testing.assert_allclose(share, expected.T, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cents", [-13, 0, 8, 16])
def test_tuning_is_that_of_librosa(sound: np.ndarray, cents: int) -> None:
    bent = librosa.resample(sound, orig_sr=RATE, target_sr=RATE * 2 ** (-cents / 1200))
    expected = librosa.estimate_tuning(y=bent, sr=RATE, bins_per_octave=36)
    assert estimate_tuning(np.abs(spectrum(bent)), RATE) == expected


@pytest.mark.filterwarnings("ignore:.*empty frequency set")
def test_silence_is_in_tune() -> None:
    silence = np.zeros(10_000, np.float32)
    assert estimate_tuning(np.abs(spectrum(silence)), RATE) == 0
    assert librosa.estimate_tuning(y=silence, sr=RATE, bins_per_octave=36) == 0


@pytest.mark.parametrize("n", [1, 511, 600, 3001, 20_000])
def test_chroma_is_that_of_librosa_for_any_length(sound: np.ndarray, n: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of sounds shorter than a transform
        expected = librosa.feature.chroma_cqt(y=sound[:n], sr=RATE).T
    found = chroma(sound[:n], np.abs(spectrum(sound[:n])), RATE)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("period", [22, 31.5, 43, 1000])
def test_tempo_is_that_of_librosa(period: float) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(700)
    onsets = (t % period < 1) + 0.3 * rng.random(len(t)) * (t > 100)
    expected = librosa.feature.tempo(onset_envelope=onsets.astype(np.float32), sr=RATE)
    np.testing.assert_array_equal(estimate_tempo(onsets.astype(np.float32), RATE), expected)
