"""Threads that work off what they are given, and end when there is nothing to do."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


class Task(Generic[Made]):
    """A piece of work, and what came of it once it is done.

    Attributes
    ----------
    done
        Set when there is an outcome.
    """

    def __init__(self) -> None:
        self.done = threading.Event()
        self._made: Any = None
        self._failure: BaseException | None = None

    def outcome(self) -> Made:
        """Wait for what was made of it, or raise what ended it."""
        self.done.wait()
        if self._failure is not None:
            raise self._failure
        made: Made = self._made
        return made

    def do(self, work: Callable[[Given], Made], given: Given) -> None:
        """Do the work and keep its outcome."""
        try:
            self._made = work(given)
        except BaseException as error:  # for whoever waits for it
            self._failure = error
        self.done.set()


class Workers(Generic[Given, Made]):
    """Threads that end when there is nothing to do, so that nobody has to end them.

    The standard library's pool imports its logging, which is a fiftieth of a short run.

    Parameters
    ----------
    most
        Threads.
    work
        What is done with each thing that is given.
    """

    def __init__(self, most: int, work: Callable[[Given], Made]) -> None:
        self._most = most
        self._work = work
        self._count = 0
        self._waiting: deque[tuple[Task[Made], Given]] = deque()
        self._lock = threading.Lock()

    def take(self, given: Given) -> Task[Made]:
        """Have a thing worked on as soon as one of the threads is free."""
        task: Task[Made] = Task()
        with self._lock:
            self._waiting.append((task, given))
            if self._count == self._most:
                return task
            self._count += 1
        threading.Thread(target=self._run, name="musicedge").start()
        return task

    def drop(self) -> None:
        """Forget what has not been begun."""
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._count -= 1
                    return
                task, given = self._waiting.popleft()
            task.do(self._work, given)
