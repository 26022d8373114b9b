"""Frames that arrive in pieces, cut into windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musicedge.windows import FrameWindow, WindowCutter, fill_window

SIZES = st.integers(1, 40).flatmap(
    lambda window: st.tuples(st.just(window), st.integers(1, window))
)


def numbered(n_frames: int) -> np.ndarray:
    """Return frames that hold their own number."""
    return np.repeat(np.arange(n_frames, dtype=np.float32)[:, None], 3, axis=1)


def cut(
    frames: np.ndarray, window: int, hop: int, pieces: list[int], first: int | None = None
) -> list[FrameWindow]:
    cutter = WindowCutter(window, hop, first)
    windows, start = [], 0
    for size in pieces:
        windows += cutter.push(frames[start : start + size])
        start += size
    windows += cutter.push(frames[start:])
    return windows + cutter.finish()


def starts_by_the_rule(n_frames: int, window: int, hop: int) -> list[int]:
    """The rule as the documentation words it, for a whole signal at once."""
    starts = [start for start in range(0, n_frames, hop) if start + window <= n_frames]
    if starts and n_frames - (starts[-1] + window) >= hop / 4 and starts[-1] + window < n_frames:
        starts.append(n_frames - window)
    return starts


@settings(deadline=None)
@given(SIZES, st.integers(0, 200), st.lists(st.integers(0, 60), max_size=8))
@example((4, 4), 5, [])  # one frame is a quarter of a hop: just enough
@example((5, 5), 6, [])  # one frame is less
def test_windows_follow_the_rule_for_any_chunking(
    sizes: tuple[int, int], n_frames: int, pieces: list[int]
):
    window, hop = sizes
    frames = numbered(n_frames)
    windows = cut(frames, window, hop, pieces)
    if 0 < n_frames < window:
        assert [(w.start, w.end) for w in windows] == [(0, n_frames)]
        np.testing.assert_array_equal(windows[0].frames, fill_window(frames, window))
        return
    assert [w.start for w in windows] == starts_by_the_rule(n_frames, window, hop)
    for start, end, shown in windows:
        assert end == start + window
        np.testing.assert_array_equal(shown, frames[start:end])


@settings(deadline=None)
@given(SIZES, st.integers(1, 200))
def test_all_but_a_quarter_of_a_hop_is_seen(sizes: tuple[int, int], n_frames: int):
    window, hop = sizes
    windows = cut(numbered(n_frames), window, hop, [])
    seen = np.zeros(n_frames, bool)
    for start, end, _ in windows:
        seen[start:end] = True
    unseen = n_frames - np.count_nonzero(seen)
    assert unseen < hop / 4
    assert seen[: n_frames - unseen].all()


def test_memory_is_bounded_by_a_window_a_hop_and_a_piece():
    cutter = WindowCutter(100, 50)
    for _ in range(1000):
        cutter.push(numbered(7))
        assert sum(len(piece) for piece in cutter._pieces) <= 100 + 50 + 7
        # A view would keep the whole of what it was cut from alive.
        assert all(piece.base is None for piece in cutter._pieces)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 60))
def test_a_short_clip_is_repeated_from_its_first_frame(n_frames: int, more: int):
    window = n_frames + more
    filled = fill_window(numbered(n_frames), window)
    assert filled.shape == (window, 3)
    np.testing.assert_array_equal(filled[:, 0], np.arange(window) % n_frames)


@pytest.mark.parametrize("n_frames", [0, 11])
def test_what_does_not_fit_a_window_is_refused(n_frames: int):
    with pytest.raises(ValueError, match=f"{n_frames} frames"):
        fill_window(numbered(n_frames), 10)


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 30), st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 200),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_windows_end_from_the_first_on_at_every_hop(
    sizes: tuple[int, int, int], n_frames: int, pieces: list[int]
):
    window, hop, first = sizes
    frames = numbered(n_frames)
    windows = cut(frames, window, hop, pieces, first)
    ends = list(range(first, n_frames + 1, hop))
    unseen = n_frames - (ends[-1] if ends else 0)
    if unseen and (not ends or unseen >= hop / 4):
        ends.append(n_frames)
    assert [w.end for w in windows] == ends
    for start, end, shown in windows:
        assert start == max(0, end - window)
        np.testing.assert_array_equal(shown, fill_window(frames[start:end], window))


@pytest.mark.parametrize("sizes", [(0, 5, 5), (10, 0, 5), (10, 5, 0)])
def test_no_length_may_be_nothing(sizes: tuple[int, int, int]):
    with pytest.raises(ValueError, match="must be at least 1"):
        WindowCutter(*sizes)


def test_a_finished_signal_takes_no_more():
    cutter = WindowCutter(10, 5)
    assert cutter.finish() == []
    with pytest.raises(RuntimeError):
        cutter.push(numbered(1))
    with pytest.raises(RuntimeError):
        cutter.finish()
