"""A study through its command: every split once, resumed where it stopped, and the same table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from musicedge.cli import main
from musicedge_training import checkpoint, study, workbench
from musicedge_training.datasets.track import MOODS, Track
from musicedge_training.predict import Predictions
from musicedge_training.splits import fold_splits
from musicedge_training.workbench import Workbench

SPLITS = {*(f"fold-{number}" for number in range(5)), "without-gtzan", "without-q4"}
RECIPE = """
name = "cnn-tiny"
epochs = 1
samples_per_epoch = 16
batch_size = 8
variants = 1
frozen_blocks = 17
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, few_rounds: None) -> Iterator[Path]:
    """A folder with a quick recipe, where few synthetic sounds are made and judged."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "cnn-tiny.toml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench, "_SYNTHETIC", 6)
        patch.setattr(workbench, "_JUDGING", 2)
        yield folder


def run(home: Path, data: Path, weights: Path, *args: str) -> int:
    """Run the command with one process for everything."""
    options = ("--data", data, "--weights", weights, "--cache", home / "cache", "--jobs", 1)
    return main(["study", *args, *map(str, options), "-o", str(home / "runs")])


def results(home: Path) -> dict[Path, float]:
    """Return every split's files with their times."""
    return {path: path.stat().st_mtime for path in home.glob("runs/*/*/*")}


@pytest.mark.slow
def test_study_is_done_once_and_goes_on_where_it_stopped(
    home: Path, data: Path, weights: Path, tracks: list[Track], capfd: pytest.CaptureFixture[str]
) -> None:
    systems = ("probe", str(home / "cnn-tiny.toml"))
    assert run(home, data, weights, *systems, "--ship") == 0
    first = capfd.readouterr()
    header, _, *lines = first.out.splitlines()
    assert header == "| score | probe | cnn-tiny |"
    names = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert {"genre/accuracy", "music/auroc", "arousal/spearman/rated"} <= set(names)
    assert {"music/auroc/noise", "music/auroc/unseen-noise", "music/missed_music"} <= set(names)
    assert {"music/auroc/synthetic", "music/false_music/unseen-synthetic"} <= set(names)
    assert "genre/accuracy, trained without q4" in names

    done = results(home)
    probe, cnn = home / "runs" / "probe", home / "runs" / "cnn-tiny"
    assert set(done) == {
        *(probe / split / "predictions.npz" for split in SPLITS),
        *(cnn / split / "predictions.npz" for split in SPLITS),
        *(cnn / split / "model.safetensors" for split in {*SPLITS, "all"}),
    }
    shipped, info = checkpoint.load(cnn / "model.safetensors")
    scores = json.loads((cnn / "scores.json").read_text())
    assert info.temperature == scores["temperature"] > 0
    assert info.music_threshold == scores["music_threshold"]
    assert 0 < info.music_threshold < 1
    assert info.recipe["name"] == "cnn-tiny"
    assert info.scores["folds"] == scores["folds"]
    assert shipped.specs[0].name == "genre"

    # One split of the probe is lost, which is certain to find the same again.
    lost = probe / "fold-3" / "predictions.npz"
    lost.unlink()
    for path in done.keys() - {lost}:
        os.utime(path, (1, 1))
    assert run(home, data, weights, *systems) == 0
    second = capfd.readouterr()
    assert second.out == first.out
    assert {path for path, time in results(home).items() if time != 1} == {lost}


def test_out_of_fold_predictions_are_each_tracks_own_in_order(
    tracks: list[Track], data: Path, weights: Path, tmp_path: Path
) -> None:
    bench = Workbench(data, weights, tmp_path / "cache")
    folds = fold_splits(tracks)
    for number, split in enumerate(folds):
        rows = split.test.astype(np.float32)
        (tmp_path / split.name).mkdir()
        # Two windows a track; what tells the fold is in the moods.
        Predictions(
            np.repeat(rows, 2)[:, None],
            np.repeat(np.arange(len(rows)), 2),
            np.full((len(rows), len(MOODS)), number, np.float32),
            rows,
        ).save(tmp_path / split.name / study.PREDICTIONS)
    joined = study._out_of_fold(bench, folds, tmp_path)
    np.testing.assert_array_equal(joined.music, np.arange(len(tracks)))
    np.testing.assert_array_equal(joined.moods[:, 0], [track.fold for track in tracks])
    np.testing.assert_array_equal(joined.owner, np.repeat(np.arange(len(tracks)), 2))
    np.testing.assert_array_equal(joined.logits[:, 0], joined.owner)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "nowhere"}, ("nowhere", "no such file or folder")),
        ({"weights": "nowhere"}, ("mn04_as.safetensors", "--weights")),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    change: dict[str, str],
    words: tuple[str, ...],
    data: Path,
    weights: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folders = {"data": data, "weights": weights, **change}
    options = [f"--{name}={folder}" for name, folder in folders.items()]
    cache = ("--cache", str(tmp_path / "cache"), "--jobs", "1")
    assert main(["study", "probe", *options, *cache, "-o", str(tmp_path / "runs")]) == 1
    output = capfd.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert all(word in line for word in words)


def test_unknown_recipe_is_named_before_anything_is_computed(
    data: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", str(data), "--weights", str(weights), "--cache", str(tmp_path / "cache"))
    assert main(["study", "probe", "no-such", *options, "-o", str(tmp_path / "runs")]) == 1
    assert "no such recipe" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
