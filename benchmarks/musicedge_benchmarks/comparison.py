"""Models beside each other: how fast, how large and how hungry, in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from musicedge.bundle import Bundle
from musicedge.card import Card
from musicedge.session import BATCH, Session
from musicedge_benchmarks.processes import trace_memory
from musicedge_benchmarks.rounds import (
    Percentiles,
    Spread,
    interleave,
    median_of_ratios,
    seconds,
)

# A process that does what a listener does: opens one model, and runs window after window.
_RUNS = """
import sys
import numpy as np
from musicedge import bundle
from musicedge.session import Session
session = Session(bundle.open(sys.argv[1]), "cpu", 1)
window = np.zeros(session.window_shape, np.float32)
for _ in range(20):
    session.run([window])
"""


@dataclass(frozen=True)
class Row:
    """What one model costs, with so many threads and windows at once.

    Attributes
    ----------
    model
        Name and variant.
    threads, batch
        Threads for one run, and windows in it.
    bytes, parameters, macs
        Of the file; of the network; multiply-accumulates of a window.
    accuracy
        The genre accuracy on held-out tracks that its card tells; None where it tells none.
    opening
        Seconds to open the verified file.
    window
        Milliseconds a window.
    to_first
        That over the first row's, formed within each round.
    times_real_time
        Seconds of music a second, of the network alone: a window's hop over the median.
    peak
        The most bytes that are resident in a process that opens the model and runs it, one thread
        and one window at a time.
    times
        Milliseconds a window of every round, none left out.
    """

    model: str
    threads: int
    batch: int
    bytes: int
    parameters: int
    macs: int
    accuracy: float | None
    opening: Spread
    window: Percentiles
    to_first: Spread
    times_real_time: float
    peak: int
    times: list[float]


def measure_comparison(
    models: Sequence[Bundle],
    *,
    threads: Sequence[int],
    rounds: int,
    openings: int,
    on_round: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Run all models in turn.

    Parameters
    ----------
    models
        The first is what the others are compared with.
    threads
        Each model is run with each of these, one window and `BATCH` windows at a time.
    rounds, openings
        How often each is run, and opened.
    on_round
        Told which round begins.
    """
    opening = interleave(
        {_key(m): partial(seconds, partial(Session, m, "cpu", 1)) for m in models},
        openings,
        on_round=lambda text: on_round(f"opening, {text}"),
    )
    settings = [(m, count, batch) for count in threads for batch in (1, BATCH) for m in models]
    tasks = {
        _key(m, count, batch): partial(_window_ms, Session(m, "cpu", count), batch)
        for m, count, batch in settings
    }
    times = interleave(tasks, rounds, on_round=on_round)
    peaks = {}
    for model in models:
        on_round(f"memory of {_name(model)}")
        command = (sys.executable, "-c", _RUNS, model.source)
        peaks[_key(model)] = trace_memory(command).peak
    first = times[_key(*settings[0])]
    rows = []
    for model, count, batch in settings:
        mine, graph = times[_key(model, count, batch)], model.card.graph
        window = Percentiles.of(mine)
        rows.append(
            Row(
                model=_name(model),
                threads=count,
                batch=batch,
                bytes=len(model.data),
                parameters=graph.parameters,
                macs=graph.macs,
                accuracy=_accuracy(model.card),
                opening=Spread.of(opening[_key(model)]),
                window=window,
                to_first=median_of_ratios(mine, first),
                times_real_time=1e3 * model.card.hop_seconds / window.p50,
                peak=peaks[_key(model)],
                times=mine,
            )
        )
    return rows


def _window_ms(session: Session, batch: int) -> float:
    """Return the milliseconds of a window, in a run of so many."""
    rng = np.random.default_rng(0)
    windows = list(rng.standard_normal((batch, *session.window_shape), np.float32))
    return 1e3 * seconds(lambda: session.run(windows)) / batch


def _accuracy(card: Card) -> float | None:
    folds = card.scores.get("five folds")
    value = folds.get("genre/accuracy") if isinstance(folds, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _name(model: Bundle) -> str:
    return f"{model.card.name}.{model.card.variant}"


def _key(model: Bundle, *setting: int) -> str:
    return " ".join([model.sha256, *map(str, setting)])
