"""Fresh processes, measured from outside: wall time, processor time and resident memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import musicedge
from musicedge.errors import MusicedgeError
from musicedge_benchmarks.pinning import unpinned

# What the `musicedge` script of an installation holds.
COMMAND = (sys.executable, "-c", "from musicedge.cli import command; command()")

_SAMPLE_EVERY = 0.05  # seconds between two looks at a process's memory


class ProcessFailed(MusicedgeError):
    """A process that was to be measured did not end well."""


@dataclass(frozen=True)
class Run:
    """One process, from its start to its end.

    Attributes
    ----------
    wall, cpu
        Seconds that passed, and seconds of processor time over all its threads.
    printed
        What it wrote to standard output.
    """

    wall: float
    cpu: float
    printed: str


@dataclass(frozen=True)
class MemoryTrace:
    """The resident memory of one process while it ran.

    Attributes
    ----------
    wall, cpu
        Seconds that it took, and seconds of processor time over all its threads.
    peak
        The most bytes that were resident.
    settled
        The most bytes in its first tenth: where this is about the peak, memory does not grow.
    samples
        Seconds since its start, and the bytes that were resident then.
    """

    wall: float
    cpu: float
    peak: int
    settled: int
    samples: list[tuple[float, int]]


def run(arguments: Sequence[str | Path]) -> Run:
    """Run a process to its end and measure it."""
    before, begun = _cpu_of_children(), time.perf_counter()
    process = _start(arguments)
    try:
        printed, complaints = process.communicate()
    finally:
        _end(process)
    wall, cpu = time.perf_counter() - begun, _cpu_of_children() - before
    _check(process, complaints)
    return Run(wall, cpu, printed.decode("utf-8", "replace"))


def first_line(arguments: Sequence[str | Path]) -> float:
    """Start a process and return the seconds until its first line of output; then end it."""
    begun = time.perf_counter()
    process = _start(arguments)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken = time.perf_counter() - begun
        if not line:
            _, complaints = process.communicate()
            _check(process, complaints)
            raise ProcessFailed("a measured process ended without a line of output")
    finally:
        _end(process)
    return taken


def trace_memory(
    arguments: Sequence[str | Path], memory: Callable[[int], int] | None = None
) -> MemoryTrace:
    """Run a process to its end and follow its resident memory.

    Parameters
    ----------
    memory
        What is followed instead: bytes, of the process with a given identifier.
    """
    import psutil

    before, begun = _cpu_of_children(), time.perf_counter()
    process = _start(arguments)
    samples: list[tuple[float, int]] = []
    peak = 0
    try:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                if memory is None:
                    resident = watched.memory_info().rss
                    peak = max(peak, resident, _high_water(process.pid))
                else:
                    resident = memory(process.pid)
                    peak = max(peak, resident)
                if resident:  # none is left where it has just ended
                    samples.append((time.perf_counter() - begun, resident))
            except psutil.Error:  # it has just ended
                break
            time.sleep(_SAMPLE_EVERY)
        _, complaints = process.communicate()
    finally:
        _end(process)
    wall, cpu = time.perf_counter() - begun, _cpu_of_children() - before
    _check(process, complaints)
    settled = max((resident for at, resident in samples if at <= wall / 10), default=0)
    return MemoryTrace(wall, cpu, peak, settled, samples)


def own_memory(pid: int) -> int:
    """Return the bytes that a process and those that it started hold, beside files on the disk.

    A mapped file is in memory only as long as nobody else needs the room. What processes share is
    counted in each, and all that is resident where the system does not tell the two apart.
    """
    import psutil

    family = psutil.Process(pid)
    total = 0
    for process in (family, *family.children(recursive=True)):
        try:
            resident = process.memory_info()
        except psutil.Error:  # it has just ended
            continue
        total += resident.rss - getattr(resident, "shared", 0)
    return total


def _start(arguments: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    environment = unpinned()
    sources = str(Path(musicedge.__file__).parents[1])  # also where nothing was installed
    inherited = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([sources, *([inherited] if inherited else [])])
    return subprocess.Popen(  # noqa: S603 - our own command lines
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no process behind, as after Ctrl-C, nor any that it started."""
    if process.poll() is None:
        import psutil

        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _check(process: subprocess.Popen[bytes], complaints: bytes) -> None:
    if process.returncode:
        last = complaints.decode("utf-8", "replace").strip().splitlines()[-1:]
        reason = last[0] if last else "it says nothing"
        raise ProcessFailed(f"a measured process ended with status {process.returncode}: {reason}")


def _cpu_of_children() -> float:
    """Return the processor time, in seconds, of all processes that were started and have ended."""
    try:
        import resource
    except ImportError:  # Windows
        times = os.times()
        return times.children_user + times.children_system
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # finer than os.times, which has ticks
    return usage.ru_utime + usage.ru_stime


def _high_water(pid: int) -> int:
    """Return Linux's own record of the most bytes that were resident; 0 elsewhere.

    Not `resource.getrusage`: there, a process inherits the peak of the one that started it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
