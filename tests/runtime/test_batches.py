"""Windows through a network: what is run at once, in which order it comes back, what is held."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from musicedge.batches import in_batches, through
from musicedge.road import Judged
from musicedge.session import BATCH
from musicedge.windows import FrameWindow


def windows(count: int) -> Iterator[Judged]:
    for index in range(count):
        yield Judged(FrameWindow(index, index + 1, np.full((1, 1), index, np.float32)), False)


def first_values(frames: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {"value": np.array([each[0, 0] for each in frames])}


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 3 * BATCH + 2])
def test_the_first_windows_are_run_one_by_one_and_all_are_run_once(count: int):
    batches = list(in_batches(windows(count)))
    assert [window.start for batch in batches for window, _ in batch] == list(range(count))
    assert all(len(batch) == 1 for batch in batches[:BATCH])
    assert all(len(batch) == BATCH for batch in batches[BATCH:-1])


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_outputs_come_in_the_order_of_the_windows(at_once: int):
    found = list(through(first_values, windows(23), at_once))
    assert [v for _, said in found for v in said["value"]] == list(range(23))
    for batch, said in found:
        assert [window.start for window, _ in batch] == said["value"].tolist()


def test_as_many_runs_at_once_as_are_allowed_and_few_windows_are_held():
    busy, most, made = 0, 0, 0
    lock, together = threading.Lock(), threading.Barrier(3)

    def run(frames: list[np.ndarray]) -> dict[str, np.ndarray]:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        together.wait(timeout=60)
        with lock:
            busy -= 1
        return first_values(frames)

    def counted() -> Iterator[Judged]:
        nonlocal made
        for window in windows(3 * BATCH):  # BATCH runs of one window, and 2 of the rest: in threes
            made += 1
            yield window

    outputs = through(run, counted(), 3)
    next(outputs)
    assert made == 4
    list(outputs)
    assert most == 3


def test_what_a_run_raises_reaches_whoever_takes_the_outputs():
    def fails(frames: list[np.ndarray]) -> dict[str, np.ndarray]:
        raise ValueError("no network")

    with pytest.raises(ValueError, match="no network"):
        list(through(fails, windows(9), 2))


def test_what_making_windows_raises_begins_no_more_runs():
    runs = 0

    def counted(frames: list[np.ndarray]) -> dict[str, np.ndarray]:
        nonlocal runs
        runs += 1
        return first_values(frames)

    def broken() -> Iterator[Judged]:
        yield from windows(2)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(through(counted, broken(), 2))
    assert runs <= 2
