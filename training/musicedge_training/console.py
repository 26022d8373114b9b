"""Progress and notes on standard error, silent where it is no terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def is_first_process() -> bool:
    """Return whether this is the one of several processes of a training that speaks for all.

    It is told by what Lightning and torchrun set for each process, before there is a group of them.
    """
    own = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or "0"
    return own == "0"


console = Console(stderr=True, quiet=not is_first_process())


def track_progress(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """Yield `items` with a progress bar where standard error is a terminal."""
    yield from track(
        items,
        description=title,
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
