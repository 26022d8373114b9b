"""Many files: found in folders, analysed in parallel, handed back in order, stopped at any time."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from musicedge.decoding.sources import printable
from musicedge.errors import AudioNotFound, AudioPermission, InternalError, MusicedgeError
from musicedge.suffixes import AUDIO_SUFFIXES
from musicedge.workers import Task, Workers

if TYPE_CHECKING:
    from musicedge.analysis import Analysis
    from musicedge.model import Model

STDIN = "-"  # the path that stands for standard input, as in the command
STDIN_NAME = "standard input"  # what people and errors call it

_AHEAD = 4  # files a worker that may be done before the one that is due: bounds what is held
_POLL = 0.1  # seconds between two looks at `stop` while nothing finishes
_MOST_JOBS = 16  # beyond this, the threads wait for the interpreter's lock more than they compute
_LONGEST_MESSAGE = 300  # characters of an unexpected exception's own text


class Outcome(NamedTuple):
    """What became of one input.

    Attributes
    ----------
    path
        The path as it was given, or as it was found in a folder that was given.
    result
        The analysis, or the error that stands in its place.
    """

    path: str
    result: Analysis | MusicedgeError


def find_audio(
    paths: Iterable[str | os.PathLike[str]], *, stop: Callable[[], bool] | None = None
) -> Iterator[str]:
    """Yield the audio files that are meant by files and folders, in a fixed order.

    Folders are searched to any depth, by the suffixes in `musicedge.suffixes`, in the order of
    names; hidden files and folders in them are passed over; a folder is entered once, however many
    links lead to it. Everything else is yielded as it is. So is a folder that holds
    no audio or may not be read: `analyze_many` turns it into the error that says so.

    Parameters
    ----------
    paths
        Files and folders.
    stop
        Asked now and then; the search ends when it answers True.
    """
    for given in paths:
        path = os.fspath(given)
        if path == STDIN or not _is_folder(path):
            yield path
            continue
        found = False
        for inner in _search(Path(path), stop or _never):
            found = True
            yield str(inner)
        if not found:
            yield path


def analyze_many(
    model: Model,
    paths: Iterable[str | os.PathLike[str]],
    *,
    jobs: int | None = None,
    offset: float = 0.0,
    duration: float | None = None,
    stop: Callable[[], bool] | None = None,
) -> Generator[Outcome, None, None]:
    """Analyse many files in parallel and yield the outcomes in the order of the files.

    The first files are begun at once, before an outcome is asked for. A file that fails does not
    end the run: its outcome holds the error. Closing the generator, or an exception in the waiting
    thread such as KeyboardInterrupt, drops what has not finished; the interpreter's end still waits
    for the threads to finish the files that they are at.

    Parameters
    ----------
    model
        The model; with more than one job it is best loaded with ``threads=1``.
    paths
        Files and folders, as for `find_audio`; ``"-"`` is standard input.
    jobs
        Files analysed at the same time; None for `default_jobs`.
    offset, duration
        The part of every file to analyse, in seconds.
    stop
        Asked several times a second; when it answers True, no further file is begun, the running
        ones are not waited for, and the iterator ends after the outcomes that are ready.

    Examples
    --------
    >>> import musicedge
    >>> model = musicedge.load("cnn", threads=1)                          # doctest: +SKIP
    >>> for outcome in analyze_many(model, ["music/"]):                   # doctest: +SKIP
    ...     print(outcome.path, outcome.result)
    """
    if jobs is None:
        jobs = default_jobs()
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    dropped = threading.Event()

    def stopped() -> bool:
        return dropped.is_set() or (stop is not None and stop())

    def analyze(path: str) -> Outcome:
        return Outcome(path, _analyze_one(model, path, offset, duration))

    workers = Workers(jobs, analyze)
    outcomes = _outcomes(workers, find_audio(paths, stop=stopped), _AHEAD * jobs, stopped, dropped)
    next(outcomes)
    return outcomes


def _outcomes(
    workers: Workers[str, Outcome],
    found: Iterator[str],
    most: int,
    stopped: Callable[[], bool],
    dropped: threading.Event,
) -> Generator[Any, None, None]:
    """Yield None once the first files have been begun, and then the outcomes."""
    pending: deque[Task[Outcome]] = deque()

    def begin_more() -> None:
        while len(pending) < most and not stopped():
            path = next(found, None)
            if path is None:
                return
            pending.append(workers.take(path))

    try:
        begin_more()
        yield None
        while pending and not stopped():
            if pending[0].done.wait(_POLL):
                yield pending.popleft().outcome()
                begin_more()
        workers.drop()
        yield from [task.outcome() for task in pending if task.done.is_set()]
    finally:
        dropped.set()
        workers.drop()


def default_jobs() -> int:
    """Return how many files to analyse at the same time: one for each CPU that may be used."""
    from musicedge.cpus import available_cpus

    return min(available_cpus(), _MOST_JOBS)


def displayed(path: str) -> str:
    """Return a path as text that every encoding of Unicode can hold.

    Bytes of a file name that are not UTF-8 (which Python keeps as lone surrogates) become escapes.

    Examples
    --------
    >>> displayed("caf\\udce9.wav")
    'caf\\\\udce9.wav'
    """
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def named(path: str) -> str:
    """Return what people read in a path's place: one line that cannot steer a terminal."""
    return STDIN_NAME if path == STDIN else printable(path)


def _analyze_one(
    model: Model, path: str, offset: float, duration: float | None
) -> Analysis | MusicedgeError:
    try:
        if path == STDIN:
            stream = sys.stdin.buffer
            return model.analyze(stream, offset=offset, duration=duration, name=STDIN_NAME)
        if _is_folder(path):
            return _folder_error(path)
        return model.analyze(path, offset=offset, duration=duration)
    except MusicedgeError as error:
        return error
    except Exception as error:  # a bug: it costs this file, not the run
        failure = InternalError(f"{named(path)}: {unexpected(error)}")
        failure.__cause__ = error
        return failure


def unexpected(error: BaseException) -> str:
    """Say in one line that an exception is a bug, and what to do."""
    text = printable(str(error))[:_LONGEST_MESSAGE]
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"unexpected {what}; this is a bug in musicedge, please report it"


def _folder_error(path: str) -> MusicedgeError:
    name = printable(path)
    try:
        os.scandir(path).close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return AudioPermission(
            f"{name}: the folder cannot be read ({reason}); check its permissions"
        )
    return AudioNotFound(
        f"{name}: the folder holds no audio file; name files, or a folder that holds some"
    )


def _search(folder: Path, stop: Callable[[], bool]) -> Iterator[Path]:
    """Yield the audio files under a folder, and the folders in it that cannot be read."""
    entered: set[tuple[int, int]] = set()
    waiting = [folder]  # a stack, so that no depth of folders is too deep
    while waiting and not stop():
        path = waiting.pop()
        try:
            status = path.stat()
        except OSError:  # a link that leads nowhere: analysing it says so
            yield path
            continue
        if stat.S_ISREG(status.st_mode):
            yield path
        if not stat.S_ISDIR(status.st_mode):  # opening a pipe or a device could wait for ever
            continue
        identity = (status.st_dev, status.st_ino)
        if status.st_ino and identity in entered:  # 0 where the file system has no such number
            continue
        entered.add(identity)
        try:
            inner = sorted(path.iterdir(), reverse=True)
        except OSError:
            if path != folder:
                yield path
            continue
        waiting.extend(
            each
            for each in inner
            if not each.name.startswith(".")
            and (each.suffix.lower() in AUDIO_SUFFIXES or _is_folder(each))
        )


def _is_folder(path: str | Path) -> bool:
    try:
        return path != "" and Path(path).is_dir()
    except (OSError, ValueError):  # no permission to look, a name too long: the error comes later
        return False


def _never() -> bool:
    return False
