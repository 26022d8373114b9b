"""Time that is spent here and there, added up lap by lap."""

from __future__ import annotations

import time


class Stopwatch:
    """Runs inside its ``with`` blocks, and stands still between them."""

    def __init__(self) -> None:
        self._begun = 0.0
        self._before = 0.0  # seconds of this lap in earlier blocks

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._before += time.perf_counter() - self._begun

    def lap(self) -> float:
        """Return the seconds since the lap before, and begin the next; only inside a block."""
        now = time.perf_counter()
        lap = self._before + now - self._begun
        self._before, self._begun = 0.0, now
        return lap
