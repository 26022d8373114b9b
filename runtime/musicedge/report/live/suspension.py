"""Ctrl-Z on a screen of one's own: the terminal is given back first, and taken again afterwards."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class Suspension:
    """Between `begin` and `end`, Ctrl-Z only sets `wanted`, until `suspend` does what it means.

    It does nothing where there is no such signal, or where it is ignored, or outside the main
    thread.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._is_handled = False

    def begin(self) -> None:
        """Take over the signal."""
        if not hasattr(signal, "SIGTSTP"):
            return
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._handle)
            self._is_handled = True

    def end(self) -> None:
        """Give the signal back."""
        if self._is_handled and hasattr(signal, "SIGTSTP"):
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            self._is_handled = False

    def suspend(self) -> None:
        """Stop the process, as the signal would have done; returns when it goes on."""
        self.wanted = False
        if hasattr(signal, "SIGTSTP"):
            self.end()
            os.kill(os.getpid(), signal.SIGTSTP)
            self.begin()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.wanted = True
