"""Levels in dBFS, told from the samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge.level import FLOOR, LevelMeter

HOP = 10


def meter_of(samples: np.ndarray, pieces: list[int]) -> LevelMeter:
    meter = LevelMeter(HOP)
    for piece in np.split(samples.astype(np.float32), np.cumsum(pieces)):
        meter.push(piece)
    return meter


@pytest.mark.parametrize(("amplitude", "level"), [(1.0, -3.01), (0.1, -23.01), (2.0, 3.01)])
def test_a_sine_lies_3_db_below_its_peak(amplitude: float, level: float):
    sine = amplitude * np.sin(2 * np.pi * np.arange(1000) / 20)
    assert meter_of(sine, []).dbfs(0, 100) == pytest.approx(level, abs=0.01)


def test_a_square_wave_at_full_scale_has_0_dbfs():
    assert meter_of(np.sign(np.sin(np.arange(1000) + 0.5)), []).dbfs(0, 100) == pytest.approx(0)


@pytest.mark.parametrize("amplitude", [0.0, 1e-9])
def test_silence_reads_the_floor(amplitude: float):
    assert meter_of(np.full(100, amplitude), []).dbfs(0, 10) == FLOOR


def test_where_there_is_nothing_yet_is_the_floor():
    assert LevelMeter(HOP).dbfs(0, 10) == FLOOR


@settings(deadline=None)
@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=80),
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(0, 7),
    st.integers(1, 8),
)
def test_levels_are_those_of_the_samples_for_any_chunking(
    values: list[float], pieces: list[int], start: int, length: int
):
    samples = np.array(values)
    meter = meter_of(samples, pieces)
    meter.forget(start)
    heard = samples[start * HOP : (start + length) * HOP]
    power = float(np.mean(heard**2)) if len(heard) else 0.0
    expected = max(FLOOR, 10 * math.log10(power)) if power > 0 else FLOOR
    if start * HOP <= len(samples):
        assert meter.dbfs(start, start + length) == pytest.approx(expected, abs=1e-3)
