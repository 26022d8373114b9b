"""The progress of a run, for people: a bar while it lasts, a summary at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from musicedge.cli.diagnostics import is_on_terminal
from musicedge.errors import MusicedgeError

if TYPE_CHECKING:
    from rich.progress import Progress

    from musicedge.analysis import Analysis


class RunProgress:
    """A bar that steps aside while results and failures are printed.

    It shows nothing where standard error is no terminal, or where there is but one file.

    Parameters
    ----------
    total
        Files.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._files = 0
        self._failed = 0
        self._seconds = 0.0
        self._begun = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> RunProgress:
        if self._total > 1 and is_on_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                "files",
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,  # standard output is for results only
                redirect_stderr=False,
            )
            self._bar.add_task("classify", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            if error is None:
                self._bar.console.print(self._summary(), style="dim", highlight=False)

    def advance(self, result: Analysis | MusicedgeError) -> None:
        """Count one file."""
        self._files += 1
        if isinstance(result, MusicedgeError):
            self._failed += 1
        else:
            self._seconds += result.duration
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])

    @contextmanager
    def aside(self, *, when: bool) -> Iterator[None]:
        """Clear the bar, where there is one, while something else is printed to the terminal."""
        if self._bar is None or not when:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def _summary(self) -> str:
        took = time.monotonic() - self._begun
        failed = f", {self._failed} failed" if self._failed else ""
        of = f" of {self._total}" if self._files < self._total else ""
        return (
            f"{self._files}{of} files{failed}; {self._seconds / 60:.1f} minutes of audio in "
            f"{took:.1f} s ({self._seconds / took:.0f} x real time)"
        )
