"""Synthetic sounds: of the right length, finite, within full scale, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge_training.datasets import synthetic

MAKERS = {**synthetic.TRAINED, **synthetic.HELD_OUT}
RATE = 8000


@pytest.mark.parametrize("name", MAKERS)
@given(seed=st.integers(0, 2**32), n=st.integers(RATE // 2, 2 * RATE))
@settings(max_examples=15, deadline=None)
def test_sound_is_finite_and_of_the_length_asked_for(name: str, seed: int, n: int) -> None:
    samples = MAKERS[name](np.random.default_rng(seed), n, RATE)
    assert samples.shape == (n,)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1


@pytest.mark.parametrize("name", MAKERS)
def test_same_generator_gives_the_same_sound(name: str) -> None:
    first, second = (MAKERS[name](np.random.default_rng(5), RATE, RATE) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_held_out_sounds_are_never_trained_on() -> None:
    assert not set(synthetic.TRAINED) & set(synthetic.HELD_OUT)
    assert synthetic.HELD_OUT


def test_silence_is_digital_silence_and_nothing_else_is() -> None:
    rng = np.random.default_rng(0)
    assert not synthetic.silence(rng, RATE, RATE).any()
    for name, maker in MAKERS.items():
        assert name == "silence" or maker(rng, RATE, RATE).any()


def test_hum_lies_at_the_mains_frequency_and_its_harmonics() -> None:
    for seed in range(5):
        samples = synthetic.hum(np.random.default_rng(seed), 8 * RATE, RATE)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        peak = np.argmax(spectrum) / 8
        assert min(peak % 50, 50 - peak % 50, peak % 60, 60 - peak % 60) < 0.5
