"""Frames that arrive in pieces, cut into windows of fixed length in one pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musicedge.frontend import Float32

_LEAST_REST = 0.25  # of a hop: fewer new frames at the end do not earn a window of their own


class FrameWindow(NamedTuple):
    """One window of a signal.

    Attributes
    ----------
    start, end
        The frames ``[start, end)`` of the signal that the window shows.
    frames
        np.ndarray [shape=(window_frames, n_mels)]; longer than ``end - start`` where a short signal
        was repeated to fill it.
    """

    start: int
    end: int
    frames: Float32


def fill_window(frames: Float32, window_frames: int) -> Float32:
    """Repeat a short clip's frames until they fill a window. Training and analysis both do this.

    Parameters
    ----------
    frames : np.ndarray [shape=(t, n_mels)]
        At least one frame, at most `window_frames`.
    window_frames
        The length to fill.

    Returns
    -------
    np.ndarray [shape=(window_frames, n_mels)]
        The frames, again and again from the first, the last time as far as they fit.

    Raises
    ------
    ValueError
        There is no frame, or there are more than fit.
    """
    if not 1 <= len(frames) <= window_frames:
        raise ValueError(f"{len(frames)} frames: must be 1 to {window_frames} to fill a window")
    return np.resize(frames, (window_frames, *frames.shape[1:]))


class WindowCutter:
    """Windows of a signal whose frames arrive in pieces of any length.

    Windows start every `hop_frames`. Where the signal ends between two of them, the last window is
    aligned with the end, provided that it shows at least a quarter of a hop of new frames; fewer
    are left out. A signal shorter than a window is repeated to fill one (`fill_window`).

    At most a window, a hop and a piece are held.

    Parameters
    ----------
    window_frames, hop_frames
        Length of a window, and the step from one to the next, at most as long.
    """

    def __init__(self, window_frames: int, hop_frames: int) -> None:
        if not 1 <= hop_frames <= window_frames:
            raise ValueError(f"a hop of {hop_frames} frames: must be 1 to {window_frames}")
        self._window = window_frames
        self._hop = hop_frames
        self._pieces: list[Float32] = []  # joined when a window is complete, not at each push
        self._start = 0  # which frame of the signal the pieces begin with
        self._end = 0
        self._next_start = 0
        self._finished = False

    def push(self, frames: Float32) -> list[FrameWindow]:
        """Take frames, np.ndarray [shape=(t, n_mels)], and return the windows they complete."""
        if self._finished:
            raise RuntimeError("the signal was finished: take a new WindowCutter")
        if len(frames):
            self._pieces.append(frames.copy())
            self._end += len(frames)
        if self._next_start + self._window > self._end:
            return []
        buffer = np.concatenate(self._pieces)
        windows = []
        while self._next_start + self._window <= self._end:
            windows.append(self._cut(buffer, self._next_start, self._next_start + self._window))
            self._next_start += self._hop
        # The latest window's own frames stay: one that is aligned with the end overlaps it.
        keep = self._next_start - self._hop
        self._pieces = [buffer[keep - self._start :].copy()]
        self._start = keep
        return windows

    def finish(self) -> list[FrameWindow]:
        """End the signal and return its last window, if there is one more."""
        if self._finished:
            raise RuntimeError("the signal was finished already")
        self._finished = True
        if not self._pieces:
            return []
        buffer = np.concatenate(self._pieces)
        if self._next_start == 0:
            return [FrameWindow(0, self._end, fill_window(buffer, self._window))]
        covered = self._next_start - self._hop + self._window
        if self._end - covered < _LEAST_REST * self._hop:
            return []
        return [self._cut(buffer, self._end - self._window, self._end)]

    def _cut(self, buffer: Float32, start: int, end: int) -> FrameWindow:
        return FrameWindow(start, end, buffer[start - self._start : end - self._start])
