"""Frames that arrive in pieces, cut into windows of fixed length in one pass."""

from __future__ import annotations

from collections import deque
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

    One window ends every `hop_frames`, the first after `first_frames`; those that would begin
    before the signal does are filled by repeating what is there (`fill_window`). Where the signal
    ends between two of them, one more ends with it, provided that it shows at least a quarter of a
    hop of new frames, or is the only one.

    At most a window, a piece and what arrives between two windows' ends are held.

    Parameters
    ----------
    window_frames, hop_frames
        Length of a window, and the step from one to the next.
    first_frames
        Where the first window ends; None for a whole window, so that none is filled but that of a
        signal which is shorter.
    """

    def __init__(
        self, window_frames: int, hop_frames: int, first_frames: int | None = None
    ) -> None:
        first_frames = window_frames if first_frames is None else first_frames
        if min(window_frames, hop_frames, first_frames) < 1:
            raise ValueError(
                f"a window of {window_frames} frames, a hop of {hop_frames}, the first one after "
                f"{first_frames}: must be at least 1"
            )
        self._window = window_frames
        self._hop = hop_frames
        self._pieces: deque[Float32] = deque()  # joined when a window ends, not at each push
        self._start = 0  # which frame of the signal the pieces begin with
        self._end = 0
        self._covered = 0  # where the latest window ends
        self._next_end = first_frames
        self._finished = False

    @property
    def next_end(self) -> int:
        """Where the next window ends, in frames of the signal."""
        return self._next_end

    def push(self, frames: Float32) -> list[FrameWindow]:
        """Take frames, np.ndarray [shape=(t, n_mels)], and return the windows they complete."""
        if self._finished:
            raise RuntimeError("the signal was finished: take a new WindowCutter")
        if len(frames):
            self._pieces.append(frames.copy())
            self._end += len(frames)
        windows = []
        if self._next_end <= self._end:
            buffer = np.concatenate(list(self._pieces))
            while self._next_end <= self._end:
                windows.append(self._cut(buffer, self._next_end))
                self._next_end += self._hop
            self._start = max(self._start, self._end - self._window)
            self._pieces = deque([buffer[-self._window :].copy()])
        # No window to come can begin before the last `window_frames` that are here.
        while self._pieces and self._end - self._start - len(self._pieces[0]) >= self._window:
            self._start += len(self._pieces.popleft())
        return windows

    def finish(self) -> list[FrameWindow]:
        """End the signal and return its last window, if there is one more."""
        if self._finished:
            raise RuntimeError("the signal was finished already")
        self._finished = True
        unseen = self._end - self._covered
        if unseen == 0 or (self._covered and unseen < _LEAST_REST * self._hop):
            return []
        return [self._cut(np.concatenate(list(self._pieces)), self._end)]

    def _cut(self, buffer: Float32, end: int) -> FrameWindow:
        self._covered = end
        start = max(0, end - self._window)
        frames = buffer[start - self._start : end - self._start]
        if end - start < self._window:
            frames = fill_window(frames, self._window)
        return FrameWindow(start, end, frames)
