"""`musicedge founding` on the founding lab's own spectrograms: its split, no audio, no leak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.tiny_datasets import LAB_TRAIN, write_lab

from musicedge.cli import main
from musicedge_training.datasets import patrec
from musicedge_training.datasets.dataset import Dataset, OfficialSplit
from musicedge_training.datasets.track import MOODS, MoodLabel, Track
from musicedge_training.founding.parts import Parts

QUICK = ("--set", "epochs=1", "--set", "batch_size=8", "--set", "seconds=1", "--set", "hidden=8")
GENRES = tuple(dict.fromkeys(LAB_TRAIN.values()))
TRAIN = {number: GENRES[number % len(GENRES)] for number in range(100, 130)}
TEST = {number: GENRES[number % len(GENRES)] for number in range(200, 214)}
MOODS_OF = {
    number: f"0.{number % 9 + 1},0.{number % 5 + 1},0.{number % 7 + 1}"
    for number in range(120, 150)
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, few_rounds: None) -> Iterator[Path]:
    """The lab's folder with some clips that have a genre, moods or both."""
    threads = torch.get_num_threads()
    yield write_lab(tmp_path_factory.mktemp("lab"), TRAIN, TEST, MOODS_OF, frames=60)
    torch.set_num_threads(threads)


def run(spec: str, output: Path, *args: str) -> int:
    return main(["founding", "--data", spec, "-o", str(output), *QUICK, *args])


def test_networks_learn_from_ready_spectrograms_and_are_tested_on_the_labs_test_part(
    lab: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    only = "^(cnn-beat-fused-moods-from-genre|lstm-chroma-genre)$"
    assert run(f"patrec:{lab}", tmp_path / "runs", "--only", only, "--json") == 0
    output = capfd.readouterr()
    assert "patrec: tests genre on the official test part, moods on fold 0" in output.err
    results = {each["name"]: each for each in json.loads(output.out)["results"]}
    assert len(results) == 3  # with the network of genres that the one of moods begins as
    by_beats, by_frames = (results[f"{each}-genre"] for each in ("cnn-beat-fused", "lstm-chroma"))
    assert by_beats["data"] == "patrec"
    assert by_beats["tracks"] == by_frames["tracks"]
    known = [number for number, genre in TEST.items() if patrec.MERGED[genre]]
    assert by_beats["tracks"]["test"] == by_beats["scores"]["genre/accuracy"]["n"] == len(known)
    moods = results["cnn-beat-fused-moods-from-genre"]
    assert sum(moods["tracks"].values()) == len(MOODS_OF)
    assert set(moods["scores"]) >= {f"{mood}/spearman" for mood in MOODS}
    assert "NaN" not in output.out
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]  # no features were computed


def test_results_of_other_data_are_not_taken_for_these(
    lab: Path, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    only = ("--only", "^cnn-beat-mel-genre$")
    assert run(f"patrec:{lab}", tmp_path, *only) == 0
    capfd.readouterr()
    assert run(str(data), tmp_path, *only) == 1
    assert "it was made of patrec, and this is corpus" in capfd.readouterr().err


def test_kind_of_spectrograms_that_is_not_there_is_said_before_anything_is_trained(
    lab: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    inner = lab / "fma_genre_spectrograms_beat"
    only = ("--only", "^cnn-(beat-mel|mel)-genre$")
    assert run(f"patrec:{inner}", tmp_path / "none", *only) == 1
    line = capfd.readouterr().err.splitlines()[-1]
    assert "holds no frame-by-frame spectrograms; leave experiments on them out with --only" in line
    assert not (tmp_path / "none").exists()
    assert run(f"patrec:{inner}", tmp_path / "beats", "--only", "^cnn-beat-mel-genre$") == 0


def test_spectrogram_without_numbers_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lab = write_lab(tmp_path / "lab", TRAIN, TEST, MOODS_OF, frames=60)
    path = lab / "fma_genre_spectrograms_beat" / "train" / "105.fused.full.npy"
    array = np.load(path)
    array[3, 7] = np.nan
    np.save(path, array)
    assert run(f"patrec:{lab}", tmp_path / "runs", "--only", "^cnn-beat-mel-genre$") == 1
    assert "105.fused.full.npy: it holds values that are not" in capfd.readouterr().err


def listed(count: int) -> list[Track]:
    """Return tracks of which two in three have a genre and two in three have moods."""
    return [
        Track(
            f"t/{number}",
            Path("none"),
            "music",
            "t",
            str(number),
            number % 5,
            genres=("rock",) if number % 3 else (),
            moods={"arousal": MoodLabel(0.5, "rated")} if number % 3 != 1 else {},
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("moods_in_test", [0, 2, 20])
@pytest.mark.parametrize("validation", [False, True])
def test_nothing_that_is_tested_for_any_label_is_trained_on(
    moods_in_test: int, validation: bool
) -> None:
    tracks = listed(60)
    names = [
        "test" if n >= 40 else "validation" if validation and n >= 30 else "train"
        for n in range(60)
    ]
    known = 40 + moods_in_test
    tracks = [*tracks[:known], *(replace(track, moods={}) for track in tracks[known:])]
    parts = Parts.of(tracks, Dataset("d", Path("d"), tracks, OfficialSplit.of(names)))
    assert parts.official == (("genre", "moods") if moods_in_test > 2 else ("genre",))
    learned = parts.training | parts.validation
    assert not (parts.training & parts.validation).any()
    for kind, known in (("genre", "genres"), ("moods", "moods")):
        has_label = np.array([bool(getattr(track, known)) for track in tracks])
        tested = parts.test[kind] & has_label
        assert tested.any()
        assert not (learned & tested).any()
    where = {name: np.array([each == name for each in names]) for name in ("test", "validation")}
    np.testing.assert_array_equal(parts.test["genre"], where["test"])
    if validation:
        assert not (parts.training & where["validation"]).any()
        assert not (parts.validation & ~where["validation"]).any()


def test_without_an_official_split_fold_0_is_tested_and_fold_1_decides() -> None:
    tracks = listed(60)
    parts = Parts.of(tracks, Dataset("d", Path("d"), tracks))
    fold = np.array([track.fold for track in tracks])
    for mask in parts.test.values():
        np.testing.assert_array_equal(mask, fold == 0)
    np.testing.assert_array_equal(parts.validation, fold == 1)
    assert set(fold[parts.training]) == {2, 3, 4}
    assert parts.official == ()
