"""Durations of a whole session, in memory that does not grow with it."""

from __future__ import annotations

from collections import Counter

_STEPS = 10  # to a millisecond


class Durations:
    """Milliseconds, counted to a tenth, of which any percentile can be told."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, milliseconds: float) -> None:
        """Count one."""
        self._counts[round(milliseconds * _STEPS)] += 1

    def percentile(self, percent: float) -> float:
        """Return the smallest duration that so many per cent of all do not exceed.

        Examples
        --------
        >>> durations = Durations()
        >>> for each in (1.0, 2.0, 3.0, 40.0):
        ...     durations.add(each)
        >>> durations.percentile(50), durations.percentile(95)
        (2.0, 40.0)
        """
        needed = percent / 100 * len(self)
        so_far = 0
        for step in sorted(self._counts):
            so_far += self._counts[step]
            if so_far >= needed:
                break
        return step / _STEPS
