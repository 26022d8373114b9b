"""The road that all sound takes: mono samples in pieces, the windows that they complete out."""

from __future__ import annotations

from typing import NamedTuple

from musicedge.frontend import Float32, FrontEnd
from musicedge.silence import SilenceMeter
from musicedge.windows import FrameWindow, WindowCutter


class Judged(NamedTuple):
    """A window, and whether the samples under it are digital silence."""

    window: FrameWindow
    is_silent: bool


class Road:
    """From samples to windows. Files and streams differ in when their windows end, and only there.

    Parameters
    ----------
    front_end
        What makes frames of samples.
    cutter
        What makes windows of frames.
    """

    def __init__(self, front_end: FrontEnd, cutter: WindowCutter) -> None:
        self._rate = front_end.config.sample_rate
        self._hop = front_end.config.hop_length
        self._frames = front_end.stream()
        self._cutter = cutter
        self._meter = SilenceMeter(self._hop)
        self._n_samples = 0

    @property
    def seconds(self) -> float:
        """Length of the signal so far."""
        return self._n_samples / self._rate

    @property
    def due(self) -> int:
        """Samples of the signal, from its beginning, before which no further window is complete."""
        return (self._cutter.next_end - 1) * self._hop

    def push(self, samples: Float32) -> list[Judged]:
        """Take samples at the front-end's rate, np.ndarray [shape=(n,)]; n may be 0."""
        self._n_samples += len(samples)
        self._meter.push(samples)
        return self._judged(self._cutter.push(self._frames.push(samples)))

    def finish(self) -> list[Judged]:
        """End the signal, and return the windows that its end completes."""
        windows = self._cutter.push(self._frames.finish())
        return self._judged(windows) + self._judged(self._cutter.finish())

    def _judged(self, windows: list[FrameWindow]) -> list[Judged]:
        judged = []
        for window in windows:
            judged.append(Judged(window, self._meter.is_silent(window.start, window.end)))
            self._meter.forget(window.start)
        return judged
