"""Processes measured from outside: time, memory, failure, and that none is left behind."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from musicedge_benchmarks.pinning import unpinned
from musicedge_benchmarks.processes import ProcessFailed, run, trace_memory


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_wall_and_processor_time_of_a_process():
    done = run(python("import time; time.sleep(0.3); print('done')"))
    assert done.printed == "done\n"
    assert done.wall >= 0.3
    assert 0 < done.cpu < done.wall


def test_peak_memory_is_that_of_the_process_and_not_of_its_parent():
    ballast = b"x" * 200_000_000  # of the parent: a child must not inherit it
    small = trace_memory(python("import time; time.sleep(0.2)"))
    large = trace_memory(python("import time; b = b'x' * 100_000_000; time.sleep(0.2)"))
    assert len(ballast) > small.peak
    assert 90_000_000 < large.peak - small.peak < 120_000_000
    assert 0 < large.settled <= large.peak


def test_a_process_that_fails_is_an_error_with_its_last_line():
    with pytest.raises(ProcessFailed, match="status 3: no luck"):
        run(python("import sys; sys.stderr.write('line\\nno luck\\n'); sys.exit(3)"))
    with pytest.raises(ProcessFailed, match="status 1"):
        trace_memory(python("raise SystemExit(1)"))


def test_an_interrupted_measurement_leaves_no_process(monkeypatch: pytest.MonkeyPatch):
    import psutil

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    before = psutil.Process().children()  # such as a browser of other tests
    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trace_memory(python("import time; time.sleep(60)"))
    assert psutil.Process().children() == before


def test_nor_what_a_measured_process_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import psutil

    told = tmp_path / "pid"
    child = (
        "import os, pathlib, time; "
        f"pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    sleep = time.sleep

    def interrupt(seconds: float) -> None:
        if told.exists() and told.read_text():
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", interrupt)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(KeyboardInterrupt):
        trace_memory(python(parent))
    monkeypatch.undo()
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(told.read_text())).wait(5)


def test_measured_processes_keep_their_compiled_modules_and_their_threads():
    before = {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    assert unpinned(before) == {"PATH": "/bin"}
