"""The benchmark of smoothing, on music that is made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from tests.runtime import tiny_model
from tests.runtime.command import RATE, write_audio
from tests.runtime.tiny_model import noise

from musicedge.analysis import GenreScore, Segment
from musicedge.stream import Reading
from musicedge_benchmarks.smoothing import Change, judge, main


def reading(end: float, label: str) -> Reading:
    other = "rock" if label == "jazz" else "jazz"
    genre = (GenreScore(label, 0.6), GenreScore(other, 0.4))
    raw = Segment(max(0.0, end - 10), end, 0.9, genre, 0.5, 0.5, 0.5)
    return Reading(
        start=raw.start,
        end=end,
        early=end < 10,
        is_music=True,
        music=raw.music,
        genre=genre,
        valence=0.5,
        arousal=0.5,
        danceability=0.5,
        raw=raw,
        level=-20.0,
        compute_ms=1.0,
        skipped=0,
    )


def change(flicker_at: float) -> Change:
    """Jazz for 30 s with one reading of rock, then rock from the 33rd second on."""
    ends = np.arange(1, 60.1, 0.5)
    labels = ["rock" if end >= 33 or end == flicker_at else "jazz" for end in ends]
    readings = [reading(float(end), label) for end, label in zip(ends, labels, strict=True)]
    return Change(30.0, ("jazz", "rock"), readings)


def test_without_smoothing_every_flicker_counts_and_the_genre_comes_at_once():
    row = judge(0.0, [change(flicker_at=20.0)])
    assert row.delays == [3.0]
    steps = 59 + 37  # in the first piece, and from 12 s after the change on
    assert row.changes == pytest.approx(2 / (steps / 120))


def test_smoothing_takes_the_flicker_and_some_time():
    row = judge(2.0, [change(flicker_at=20.0)])
    assert row.changes == 0
    # Half of the weight is newer than ln 2 time constants.
    assert row.delays[0] - 3.0 == pytest.approx(2 * np.log(2), abs=0.5)


def test_a_genre_that_never_comes_is_as_late_as_can_be():
    found = change(flicker_at=20.0)
    assert judge(0.0, [Change(30.0, ("jazz", "blues"), found.readings)]).delays == [float("inf")]


def test_the_command_prints_a_row_for_each_constant(tmp_path: Path):
    model = tiny_model.write(tmp_path, seed=6)
    white = noise(29, 0.9)
    dark = np.cumsum(white) / 60  # another genre, to the tiny model
    files = [tmp_path / "white.wav", tmp_path / "dark.wav"]
    for path, samples in zip(files, (white, dark - dark.mean()), strict=True):
        soundfile.write(path, samples, RATE)
    done = CliRunner().invoke(main, ["-m", str(model), *map(str, files)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("1 changes of piece")
    assert len(done.output.splitlines()) == 2 + 8


def test_music_of_one_genre_is_not_enough(tmp_path: Path):
    files = [write_audio(tmp_path / f"{seed}.wav", 29, seed=seed) for seed in (1, 2)]
    done = CliRunner().invoke(main, ["-m", str(tiny_model.write(tmp_path)), *map(str, files)])
    assert done.exit_code == 1
    assert "no two pieces of different genres" in done.output
