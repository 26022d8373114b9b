"""Training on a dataset's official split, and scoring on what was not heard."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.tiny_datasets import TEN, write_gtzan, write_split

from musicedge.cli import main
from musicedge_training import checkpoint, workbench
from musicedge_training.datasets.dataset import Dataset, DatasetError, OfficialSplit
from musicedge_training.datasets.track import Track
from musicedge_training.representations import digest_of
from musicedge_training.splits import (
    FOLDS,
    all_split,
    fold_splits,
    official_split,
    with_validation,
)
from musicedge_training.unheard import digests, part_of

QUICK = ("epochs=1", "samples_per_epoch=32", "batch_size=16", "variants=1", "patience=1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, few_rounds: None) -> Iterator[Path]:
    """A folder in which few synthetic sounds are made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench, "_SYNTHETIC", 2)
        yield tmp_path_factory.mktemp("official")


@pytest.fixture(scope="module")
def gtzan(home: Path) -> Path:
    """GTZAN with a clip of each genre in each part of its split."""
    root = write_gtzan(home / "gtzan", suffix="wav", clips=3)
    return write_split(root, {"train": (0,), "valid": (1,), "test": (2,)})


def run(home: Path, command: str, *args: object) -> int:
    options = ["--cache", home / "cache", "--jobs", 1, "--json"]
    if command == "train":
        options += ["-o", home / "runs", *(each for value in QUICK for each in ("--set", value))]
    return main([command, *map(str, (*args, *options))])


@pytest.fixture(scope="module")
def trained(home: Path, gtzan: Path) -> dict[str, Any]:
    """What is printed of a training on the official split."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert run(home, "train", "--data", f"gtzan:{gtzan}") == 0
    told = "gtzan: its official split: 10 tracks to train on, 10 to validate on, 10 to test on"
    assert told in err.getvalue()
    scores: dict[str, Any] = json.loads(out.getvalue())
    return scores


def test_official_split_is_trained_on_and_its_test_part_is_scored(
    trained: dict[str, Any], home: Path, gtzan: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (trained["split"], trained["tracks"]) == ("official", 10)
    _, info = checkpoint.load(Path(trained["checkpoint"]))
    assert info.split == "official"
    assert len(info.trained_on) == 20  # what it was stopped and calibrated by, too

    assert run(home, "evaluate", trained["checkpoint"], "--data", gtzan) == 0
    scored = json.loads(capfd.readouterr().out)
    assert (scored["part"], scored["fold"]) == ("the official test part", None)
    assert scored["scores"] == trained["scores"]
    assert scored["confusion"] == trained["confusion"]

    assert run(home, "evaluate", trained["checkpoint"], "--data", gtzan, "--everything") == 0
    output = capfd.readouterr()
    assert json.loads(output.out)["trained_on"] == 20
    assert "it was trained on 20 of the 30 tracks: the scores flatter it" in output.err

    # The same sounds under other names, in a folder of one's own.
    for genre in TEN[:2]:
        for number in (0, 2):
            target = home / "mine" / genre / f"song {number}.wav"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(gtzan / "genres" / genre / f"{genre}.{number:05}.wav", target)
    (home / "mine" / TEN[2]).mkdir()
    shutil.copy(gtzan / "genres" / TEN[2] / f"{TEN[2]}.00002.wav", home / "mine" / TEN[2])
    assert run(home, "evaluate", trained["checkpoint"], "--data", f"manifest:{home / 'mine'}") == 0
    output = capfd.readouterr()
    assert json.loads(output.out)["tracks"] == 3
    assert "it was trained on 2 of the 5 tracks, which are left out" in output.err


def test_teacher_that_has_heard_what_is_held_out_is_refused(
    trained: dict[str, Any], home: Path, gtzan: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    teacher = home / "teacher.safetensors"
    network, info = checkpoint.load(Path(trained["checkpoint"]))
    tested = gtzan / "genres" / TEN[0] / f"{TEN[0]}.00002.wav"
    heard = (digest_of(tested)[:12], *info.trained_on)
    checkpoint.save(teacher, network, replace(info, trained_on=heard))
    arguments = ("train", "--data", gtzan, "--set", "name=taught", "--teacher", teacher)
    assert run(home, *arguments) == 1
    line = capfd.readouterr().err.splitlines()[-1]
    assert "the official test part: the teacher was trained on 1 of its 10 tracks" in line


def tracks_of(folder: Path, count: int = 20) -> list[Track]:
    """Return tracks whose files hold their numbers, four to a group."""
    tracks = []
    for number in range(count):
        path = folder / f"{number}.wav"
        path.write_bytes(bytes([number]) * 9)
        group = number // 2
        tracks.append(Track(f"t/{number}", path, "music", "t", str(group), group % FOLDS, ("pop",)))
    return tracks


def official(tracks: list[Track]) -> Dataset:
    names = ["train", "train", "validation", "test"] * (len(tracks) // 4)
    return Dataset("d", Path("d"), tracks, OfficialSplit.of(names))


def test_official_split_is_that_of_the_tracks_that_are_left(tmp_path: Path) -> None:
    tracks = tracks_of(tmp_path)
    dataset = official(tracks)
    kept = [track for number, track in enumerate(tracks) if number not in (0, 3)]
    split = official_split(dataset, kept)
    assert split is not None
    names = {"train": split.train, "validation": split.validation, "test": split.test}
    found = {part: [kept[row].id for row in rows] for part, rows in names.items()}
    assert found["train"] == [f"t/{n}" for n in range(20) if n % 4 < 2 and n != 0]
    assert found["validation"] == [f"t/{n}" for n in range(20) if n % 4 == 2]
    assert found["test"] == [f"t/{n}" for n in range(20) if n % 4 == 3 and n != 3]
    assert official_split(dataset, [t for n, t in enumerate(tracks) if n % 4 != 3]) is None
    assert official_split(Dataset("d", Path("d"), tracks), tracks) is None


def test_validation_is_another_fold_of_what_is_trained_on(tmp_path: Path) -> None:
    tracks = tracks_of(tmp_path)
    for number, split in enumerate(fold_splits(tracks)):
        parts = with_validation(split, tracks)
        assert {tracks[row].fold for row in parts.validation} == {(number + 1) % FOLDS}
        rows = [*parts.train, *parts.validation, *parts.test]
        assert sorted(rows) == list(range(len(tracks)))
        np.testing.assert_array_equal(parts.test, split.test)
        assert with_validation(parts, tracks) is parts
    assert not len(with_validation(all_split(tracks), tracks).validation)


def test_what_is_scored_is_what_was_held_out_and_nothing_that_was_heard(tmp_path: Path) -> None:
    tracks = tracks_of(tmp_path)
    dataset = official(tracks)
    heard = digests([track for track in tracks if track.fold != 2])
    part = part_of(dataset, "fold-2", heard)
    assert (part.name, part.fold, part.heard, part.notes) == ("fold 2", 2, 0, ())
    assert part.tracks == [track for track in tracks if track.fold == 2]

    # Of other music all is scored, whatever its folds are called.
    foreign = ("0" * 12,)
    assert part_of(dataset, "fold-2", foreign).tracks == tracks
    assert part_of(dataset, "all", foreign).name == "all tracks"
    # Of a checkpoint that does not say what it has heard, its fold.
    assert part_of(dataset, "fold-2").tracks == part.tracks

    asked = part_of(dataset, "fold-2", heard, fold=1)
    assert (asked.fold, asked.heard) == (1, len(asked.tracks))
    assert "flatter" in asked.notes[0]
    with pytest.raises(DatasetError, match="every one of these 20 tracks; --everything") as caught:
        part_of(dataset, "all", digests(tracks))
    assert "\n" not in str(caught.value)
    assert part_of(dataset, "all", digests(tracks), everything=True).heard == 20


def test_a_sound_is_known_again_under_another_name(tmp_path: Path) -> None:
    tracks = tracks_of(tmp_path)
    heard = digests(tracks[:5])
    for track in tracks:
        track.path.rename(tmp_path / f"other {track.path.name}")
    renamed = [
        replace(track, id=f"o/{n}", path=tmp_path / f"other {track.path.name}")
        for n, track in enumerate(tracks)
    ]
    part = part_of(Dataset("other", Path("other"), renamed), "fold-0", heard, everything=False)
    assert {track.id for track in part.tracks}.isdisjoint(f"o/{n}" for n in range(5))
