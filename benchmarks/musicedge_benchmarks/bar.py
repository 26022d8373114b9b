"""How far a run has come, for people: a bar, what is being done, and about what time is left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_PAUSE = 0.1  # seconds between two drawings, at least


class RunBar:
    """A bar on standard error; it shows nothing where that is no terminal.

    It is drawn between two measurements and never by itself, which would take time from them.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._drawn = 0.0

    def __enter__(self) -> RunBar:
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                BarColumn(20),
                TimeRemainingColumn(compact=True),
                TextColumn("left; {task.description}"),
                console=Console(stderr=True),
                auto_refresh=False,
                transient=True,
                speed_estimate_period=600,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.add_task("", total=1.0)
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

    def tell(self, text: str, share: float) -> None:
        """Show what is being done, and which share of all, in [0, 1], is done."""
        if self._bar is None:
            return
        self._bar.update(self._bar.task_ids[0], completed=share, description=text)
        if (now := time.monotonic()) - self._drawn >= _PAUSE:
            self._drawn = now
            self._bar.refresh()
