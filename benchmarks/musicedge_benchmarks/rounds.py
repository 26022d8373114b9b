"""Repetitions that take turns, so that what slows the machine down for a while slows all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Tell = Callable[[str, float], None]
"""Told what is being done, and which share of it, in [0, 1], is done already."""


def silence(text: str, share: float) -> None:
    """Tell nobody."""


def portion(tell: Tell, start: float, end: float, about: str = "") -> Tell:
    """Return what tells of a part of a measurement, which goes from one share of it to another."""
    return lambda text, share: tell(about + text, start + share * (end - start))


class RoundsInterrupted(KeyboardInterrupt):
    """Ctrl-C between rounds.

    Attributes
    ----------
    measured
        The rounds that were complete, as `interleave` returns them; at least one.
    """

    def __init__(self, measured: dict[str, list[float]]) -> None:
        super().__init__()
        self.measured = measured


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing, none left out.

    Attributes
    ----------
    median, low, high
        The median, and the quartiles (the extremes, where there are fewer than four).
    count
        How many there were.
    """

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        low, high = min(values), max(values)
        if len(values) >= 4:
            low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high, len(values))


@dataclass(frozen=True)
class Percentiles:
    """What most, nearly all, and all but the rarest of many measurements stay below.

    Attributes
    ----------
    p50, p95, p99
        The 50th, 95th and 99th percentile.
    count
        How many there were.
    """

    p50: float
    p95: float
    p99: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Percentiles:
        """Summarise at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        return cls(cuts[49], cuts[94], cuts[98], len(values))


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def interleave(
    tasks: Mapping[str, Callable[[], float]],
    rounds: int,
    *,
    on_round: Tell = silence,
) -> dict[str, list[float]]:
    """Run every task once a round, in turn.

    Parameters
    ----------
    tasks
        What to run, by name; each returns its own measurement.
    rounds
        How many rounds count; one more, the first, warms up and is thrown away.
    on_round
        Told which round begins.

    Returns
    -------
    dict of str to list
        The measurements of each task, one a round.

    Raises
    ------
    RoundsInterrupted
        Ctrl-C, after the first round that counts.
    """
    measured: dict[str, list[float]] = {name: [] for name in tasks}
    names = list(tasks)
    try:
        for number in range(rounds + 1):
            what = f"round {number} of {rounds}" if number else "warming up"
            on_round(what, number / (rounds + 1))
            # Whoever follows another would have the same caches each time: the order turns.
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                value = tasks[name]()
                if number:
                    measured[name].append(value)
    except KeyboardInterrupt:
        complete = min(map(len, measured.values()))
        if not complete:
            raise
        raise RoundsInterrupted({k: each[:complete] for k, each in measured.items()}) from None
    return measured


def median_of_ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Summarise the ratio of two measurements, formed within each round."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])
