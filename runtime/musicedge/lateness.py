"""How much live sound is missing, by the clock."""

from __future__ import annotations

import sys
import time

GAP = 1.0
"""Seconds of sound that may be late without being missed: servers deliver in bursts."""

SETTLED = 0.25
"""Seconds that are waited for what is later than that; it may come from a server's buffer."""

DRIFT = 1e-3
"""How much slower than the computer's clock the device's may run."""


class Lateness:
    """The sound that should have come and has not.

    A driver that reports an overflow does not say how much was lost; a computer that slept, or a
    program that was stopped, gets no report at all.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._late = 0.0
        self._since: float | None = None

    def after(self, seconds: float, now: float, *, overflow: bool = False) -> float:
        """Count a block of sound that has come.

        Parameters
        ----------
        seconds
            Its length.
        now
            When it came, by `clock`.
        overflow
            Whether the driver says that sound was lost before it: then nothing is waited for.

        Returns
        -------
        float
            Seconds of sound that are lost for good.
        """
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        self._late = max(0.0, self._late + passed * (1 - DRIFT) - seconds)
        if self._late < GAP:
            self._since = None
        elif self._since is None:
            self._since = now
        if overflow or (self._since is not None and now - self._since >= SETTLED):
            lost, self._late, self._since = self._late, 0.0, None
            return lost
        return 0.0


def clock() -> float:
    """Return seconds that go on while the computer sleeps, as `time.monotonic` may not."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()
