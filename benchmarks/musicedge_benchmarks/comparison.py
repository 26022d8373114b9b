"""Models beside each other: how fast, how large and how hungry, in one run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from musicedge.card import Card
from musicedge.session import Session
from musicedge_benchmarks.contenders import Contender
from musicedge_benchmarks.processes import trace_memory
from musicedge_benchmarks.rounds import (
    Percentiles,
    RoundsInterrupted,
    Spread,
    Tell,
    interleave,
    median_of_ratios,
    portion,
    seconds,
    silence,
)

# A process that does what a listener does: opens one model, and runs window after window.
_RUNS = """
import sys
import numpy as np
from musicedge import bundle
from musicedge.session import Session
session = Session(bundle.open(sys.argv[1]), sys.argv[2], 1)
window = np.zeros(session.window_shape, np.float32)
for _ in range(5):
    session.run([window])
"""


@dataclass(frozen=True)
class Row:
    """What one model costs, with so many threads and windows at once.

    Attributes
    ----------
    model
        Name and variant.
    provider
        What it runs on.
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
    provider: str
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
    models: Sequence[Contender],
    rows: list[Row],
    *,
    threads: Sequence[int],
    batches: Sequence[int],
    rounds: int,
    openings: int,
    on_round: Tell = silence,
) -> None:
    """Run all models in turn.

    Parameters
    ----------
    models
        The first is what the others are compared with.
    rows
        Gets a row for each model, number of threads and number of windows at a time; also where it
        is interrupted after a round.
    threads
        With which each is run.
    batches
        How many windows are run at a time.
    rounds, openings
        How often each is run, and opened.
    on_round
        Told which round begins.
    """
    opening = interleave(
        {m.key: partial(seconds, m.session) for m in models},
        openings,
        on_round=portion(on_round, 0, 0.1, "opening, "),
    )
    peaks = {}
    for number, model in enumerate(models):
        on_round(f"memory of {model.name}", 0.1 + 0.2 * number / len(models))
        command = (sys.executable, "-c", _RUNS, model.bundle.source, model.device)
        peaks[model.key] = trace_memory(command).peak
    settings = [(m, count, batch) for count in threads for batch in batches for m in models]
    tasks = {
        _key(m, count, batch): partial(_window_ms, m.session(count), batch)
        for m, count, batch in settings
    }
    interrupted = None
    try:
        times = interleave(tasks, rounds, on_round=portion(on_round, 0.3, 1))
    except RoundsInterrupted as stop:
        times, interrupted = stop.measured, stop
    first = times[_key(*settings[0])]
    for model, count, batch in settings:
        mine, card = times[_key(model, count, batch)], model.bundle.card
        window = Percentiles.of(mine)
        rows.append(
            Row(
                model=model.name,
                provider=model.provider,
                threads=count,
                batch=batch,
                bytes=len(model.bundle.data),
                parameters=card.graph.parameters,
                macs=card.graph.macs,
                accuracy=_accuracy(card),
                opening=Spread.of(opening[model.key]),
                window=window,
                to_first=median_of_ratios(mine, first),
                times_real_time=1e3 * card.hop_seconds / window.p50,
                peak=peaks[model.key],
                times=mine,
            )
        )
    if interrupted is not None:
        raise interrupted


def _window_ms(session: Session, batch: int) -> float:
    """Return the milliseconds of a window, in a run of so many."""
    rng = np.random.default_rng(0)
    windows = list(rng.standard_normal((batch, *session.window_shape), np.float32))
    return 1e3 * seconds(lambda: session.run(windows)) / batch


def _accuracy(card: Card) -> float | None:
    """Return the accuracy on held-out tracks; of a variant made of an fp32 file, that of the file.

    From which it differs by no more than the export lets pass.
    """
    folds = card.scores.get("five folds", card.scores.get("five folds, in fp32"))
    value = folds.get("genre/accuracy") if isinstance(folds, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _key(model: Contender, threads: int, batch: int) -> str:
    return f"{model.key} {threads} {batch}"
