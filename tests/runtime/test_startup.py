"""What a fast start leaves behind: nothing that a later part of the process would notice."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.runtime import tiny_model
from tests.runtime.command import environment, write_audio

from musicedge.cli.startup import no_blas_threads, nothing_collected

BLAS = "OPENBLAS_NUM_THREADS"


@pytest.mark.parametrize("enabled", [True, False])
def test_collections_go_on_as_before(enabled: bool):
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with nothing_collected():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
        gc.unfreeze()


@pytest.mark.parametrize("value", [None, "3"])
def test_the_environment_is_as_before(value: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(BLAS, raising=False)
    if value is not None:
        monkeypatch.setenv(BLAS, value)
    with no_blas_threads():
        assert os.environ[BLAS] == (value or "1")
    assert os.environ.get(BLAS) == value


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted as Linux shows them")
def test_numpy_is_imported_without_threads():
    code = (
        "import os\n"
        "from musicedge.cli.startup import no_blas_threads\n"
        "with no_blas_threads():\n"
        "    import numpy\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    settings = {name: value for name, value in environment().items() if name != BLAS}
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, check=True
    )
    assert int(done.stdout) == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--version"], 0), (["classify"], 2), (["classify", "missing.wav"], 1)],
)
def test_the_process_ends_with_the_status_and_all_that_was_written(
    arguments: list[str], status: int
):
    code = "from musicedge.cli import command; command()"
    quick, plain = (
        subprocess.run([sys.executable, *way, *arguments], env=environment(), capture_output=True)
        for way in (["-c", code], ["-m", "musicedge"])
    )
    assert quick.returncode == plain.returncode == status
    assert (quick.stdout, quick.stderr) == (plain.stdout, plain.stderr)
    assert quick.stdout + quick.stderr


def test_another_rooms_command_ends_as_any_program_does():
    code = (
        "import atexit, sys, types\n"
        "sys.modules['musicedge_elsewhere'] = types.ModuleType('musicedge_elsewhere')\n"
        "atexit.register(print, 'tidied')\n"
        "from musicedge.cli import command; command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "tidied"


def test_classify_imports_nothing_that_it_does_not_use(tmp_path: Path):
    clip, model = write_audio(tmp_path / "clip.wav"), tiny_model.write(tmp_path)
    command = [sys.executable, "-X", "importtime", "-m", "musicedge", "classify", "--json"]
    done = subprocess.run(
        [*command, "--model", str(model), str(clip)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    names = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert {"numpy", "onnxruntime", "soundfile"} <= names
    unused = {"av", "rich", "secrets", "csv", "importlib.metadata", "musicedge.decoding.ffmpeg"}
    unused |= {"concurrent.futures", "logging"}
    assert not unused & names
