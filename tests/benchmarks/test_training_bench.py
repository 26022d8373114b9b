"""The benchmark of training, on a few songs of two seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from musicedge_benchmarks import training
from musicedge_benchmarks.clips import synthetic_piece
from musicedge_benchmarks.processes import ProcessFailed, own_memory, trace_memory
from musicedge_benchmarks.training import main, measure_training, write_songs

# `musicedge`, with fewer of the sounds that every training adds.
COMMAND = (
    sys.executable,
    "-c",
    "from musicedge_training import workbench; workbench._SYNTHETIC = workbench._JUDGING = 6; "
    "from musicedge.cli import command; command()",
)


def test_songs_differ_and_are_of_two_genres(tmp_path: Path):
    songs = sorted(write_songs(tmp_path, synthetic_piece(), 5, 1.0).glob("*/*.flac"))
    assert [song.parent.name for song in songs] == ["one"] * 3 + ["other"] * 2
    assert len({song.read_bytes() for song in songs}) == 5


def test_memory_is_that_of_a_process_and_what_it_started():
    child = "b = b'x' * 50_000_000; import time; time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    alone = trace_memory((sys.executable, "-c", "import time; time.sleep(0.3)"), own_memory)
    assert trace_memory((sys.executable, "-c", parent), own_memory).peak - alone.peak > 45_000_000


def test_training_is_measured_from_outside(tmp_path: Path):
    data = write_songs(tmp_path / "songs", synthetic_piece(), 10, 2.0)
    quick = ("--jobs", "1", "--set", "epochs=2", "--set", "samples_per_epoch=64")
    cost = measure_training(
        "finetune", data, tmp_path, ("--set", "variants=1", *quick), command=COMMAND
    )
    assert 0 < cost.waiting < 1
    assert cost.wall > 0
    assert cost.cpu > 0
    assert cost.peak > 50_000_000


def test_a_training_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise ProcessFailed("a measured process ended with status 1: nowhere: no such folder")

    monkeypatch.setattr(training, "measure_training", fails)
    done = CliRunner().invoke(main, ["--data", str(tmp_path / "nowhere")])
    assert done.exit_code == 1
    assert done.output.startswith("Error: finetune: a measured process ended with status 1")
    assert len(done.output.splitlines()) == 1
