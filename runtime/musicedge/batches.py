"""The windows of a file, through the network: some at once, and several runs at once if wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from musicedge.road import Judged
from musicedge.session import BATCH
from musicedge.workers import Task, Workers

if TYPE_CHECKING:
    from musicedge.frontend import Float32

Outputs = dict[str, "Float32"]


def in_batches(windows: Iterable[Judged]) -> Iterator[list[Judged]]:
    """Divide windows, as they come, into those that are run at once.

    The first `BATCH` are run one by one, so that the network begins while a short file is still
    being decoded; those behind them by `BATCH`.
    """
    waiting = iter(windows)
    for first in islice(waiting, BATCH):
        yield [first]
    while batch := list(islice(waiting, BATCH)):
        yield batch


def through(
    run: Callable[[list[Float32]], Outputs], windows: Iterable[Judged], at_once: int
) -> Iterator[tuple[list[Judged], Outputs]]:
    """Yield windows in batches, in order, each with the network's outputs for it.

    Parameters
    ----------
    run
        What gives the outputs of windows, each np.ndarray [shape=(window_frames, n_mels)].
    windows
        As they come.
    at_once
        Runs at once, while further windows are being made in the calling thread; with 1, all is
        done there.
    """

    def run_batch(batch: list[Judged]) -> Outputs:
        with np.errstate(all="ignore"):  # each thread has its own
            return run([window.frames for window, _ in batch])

    if at_once == 1:
        for batch in in_batches(windows):
            yield batch, run_batch(batch)
        return
    workers = Workers(at_once, run_batch)
    running: deque[tuple[list[Judged], Task[Outputs]]] = deque()
    try:
        for batch in in_batches(windows):
            running.append((batch, workers.take(batch)))
            if len(running) > at_once:  # bounds what is held
                done, task = running.popleft()
                yield done, task.outcome()
        while running:
            done, task = running.popleft()
            yield done, task.outcome()
    finally:
        workers.drop()
