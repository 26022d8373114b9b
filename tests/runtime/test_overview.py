"""The overview of a piece: true to its samples, of bounded size, the same for any chunking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime.tiny_model import FRONTEND, noise

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.overview import Overview, OverviewMaker, decibels

FRONT_END = FrontEnd(FRONTEND)
SAMPLES = noise(3.0, 0.5)


def overview(samples: np.ndarray, cuts: list[int], most: int) -> Overview:
    maker = OverviewMaker(FRONT_END, most)
    for piece in np.split(samples, sorted(cuts)):
        maker.push(piece)
    return maker.finish()


def test_a_short_piece_has_a_column_for_each_frame() -> None:
    found = overview(SAMPLES, [], 1000)
    hops = SAMPLES.reshape(-1, FRONTEND.hop_length)
    assert found.column_seconds == pytest.approx(0.01)
    assert found.seconds == pytest.approx(3)
    np.testing.assert_array_equal(found.peaks, np.stack([hops.min(1), hops.max(1)], axis=1))
    frames = FRONT_END.logmel(SAMPLES)
    np.testing.assert_allclose(found.levels, decibels(frames, FRONTEND), atol=1e-4)


def test_a_long_piece_has_the_extremes_and_the_mean_level_of_each_column() -> None:
    found = overview(SAMPLES, [], 100)  # 300 hops: columns of 4
    columns = SAMPLES.reshape(75, -1)
    assert found.column_seconds == pytest.approx(0.04)
    np.testing.assert_array_equal(found.peaks, np.stack([columns.min(1), columns.max(1)], axis=1))
    levels = decibels(FRONT_END.logmel(SAMPLES), FRONTEND)
    expected = levels[:300].reshape(75, 4, -1).mean(axis=1)
    np.testing.assert_allclose(found.levels[:75], expected, atol=1e-4)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(FRONTEND.n_fft, len(SAMPLES)),
    st.lists(st.integers(0, len(SAMPLES)), max_size=6),
    st.sampled_from([2, 10, 64]),
)
def test_the_overview_is_the_same_for_any_chunking(length: int, cuts: list[int], most: int) -> None:
    samples = SAMPLES[:length]
    whole, pieces = overview(samples, [], most), overview(samples, cuts, most)
    np.testing.assert_allclose(whole.peaks, pieces.peaks)
    np.testing.assert_allclose(whole.levels, pieces.levels, atol=1e-4)
    assert whole.column_seconds == pieces.column_seconds
    assert len(whole.peaks) <= most
    assert whole.peaks[:, 0].min() == samples.min()
    assert whole.peaks[:, 1].max() == samples.max()
    assert len(whole.peaks) * whole.column_seconds >= whole.seconds - 1e-9


@pytest.mark.parametrize("logarithm", ["ln", "db"])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_levels_are_decibels_of_power_whatever_the_constants(logarithm: str, power: float) -> None:
    constants = {**FRONTEND.to_dict(), "logarithm": logarithm, "power": power, "log_offset": 1e-9}
    config = FrontEndConfig.from_dict(constants)
    loud = decibels(FrontEnd(config).logmel(SAMPLES), config)
    quiet = decibels(FrontEnd(config).logmel(SAMPLES / 10), config)
    np.testing.assert_allclose(loud - quiet, 20, atol=0.01)
