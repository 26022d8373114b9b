"""Digital silence, told from the samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge.silence import SILENCE_PEAK, SilenceMeter

HOP = 10


def meter_of(samples: np.ndarray, pieces: list[int]) -> SilenceMeter:
    meter = SilenceMeter(HOP)
    start = 0
    for size in pieces:
        meter.push(samples[start : start + size])
        start += size
    meter.push(samples[start:])
    return meter


def test_dithered_16_bit_silence_is_silence():
    rng = np.random.default_rng(0)
    dither = rng.uniform(-0.5, 0.5, (2, 10_000)).sum(axis=0)  # triangular, two steps wide
    steps = np.round(dither) / 2**15
    assert meter_of(steps.astype(np.float32), []).is_silent(0, 1000)


@pytest.mark.parametrize("offset", [0.0, 0.25, -1.0])
@pytest.mark.parametrize(("decibels", "silent"), [(-82, True), (-78, False)])
def test_minus_80_dbfs_is_the_limit_whatever_the_offset(
    offset: float, decibels: float, silent: bool
):
    tone = 10 ** (decibels / 20) * np.sin(np.arange(10_000) / 7)
    assert meter_of((tone + offset).astype(np.float32), []).is_silent(0, 1000) is silent


def test_one_click_is_no_silence():
    samples = np.zeros(10_000, np.float32)
    samples[5005] = 0.5
    meter = meter_of(samples, [])
    assert not meter.is_silent(0, 1000)
    assert meter.is_silent(0, 500)
    assert not meter.is_silent(500, 501)
    assert meter.is_silent(501, 1000)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 3e-5, 1.0]), min_size=1, max_size=60),
    st.lists(st.integers(0, 40), max_size=6),
    st.data(),
)
def test_verdicts_are_those_of_the_samples_for_any_chunking(
    levels: list[float], pieces: list[int], data: st.DataObject
):
    samples = np.array(levels, np.float32)
    last = -(-len(samples) // HOP)
    start = data.draw(st.integers(0, last - 1))
    end = data.draw(st.integers(start + 1, last + 3))  # the front-end gives a few frames more
    under = samples[start * HOP : end * HOP]
    expected = (under.max() - under.min()) / 2 < SILENCE_PEAK
    meter = meter_of(samples, pieces)
    meter.forget(start)
    assert meter.is_silent(start, end) == expected


def test_what_was_forgotten_is_not_guessed():
    meter = meter_of(np.zeros(100, np.float32), [])
    meter.forget(5)
    with pytest.raises(ValueError, match="frame 4"):
        meter.is_silent(4, 6)
    assert len(meter._track._rows) == 5
