"""Progress and notes on standard error, silent where it is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")

console = Console(stderr=True)


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
