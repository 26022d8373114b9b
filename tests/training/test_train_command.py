"""`musicedge train` and `evaluate` as a newcomer uses them: folders of music, then mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import musicedge
from musicedge.cli import main
from musicedge_training import checkpoint, workbench
from musicedge_training.fit import MultitaskTraining

RATE = 22_050
TONES = {"drone": 150.0, "ska": 900.0}
QUICK = ("--set", "epochs=2", "--set", "samples_per_epoch=64", "--set", "batch_size=16")


def write_music(folder: Path, count: int = 6) -> Path:
    """Write two genres of short sounds: low hums, and high beeps."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    for genre, pitch in TONES.items():
        (folder / genre).mkdir(parents=True)
        for number in range(count):
            tone = np.sin(2 * np.pi * pitch * (1 + 0.02 * number) * time)
            pulse = 1 if genre == "drone" else (time * 4 % 1 < 0.5)
            sound = 0.2 * tone * pulse + 0.002 * rng.standard_normal(len(time))
            soundfile.write(folder / genre / f"{number}.wav", sound, RATE)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, few_rounds: None) -> Iterator[Path]:
    """A folder in which few synthetic sounds are made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench, "_SYNTHETIC", 6)
        yield tmp_path_factory.mktemp("train")


@pytest.fixture(scope="module")
def music(home: Path) -> Path:
    return write_music(home / "music")


@pytest.fixture(scope="module")
def trained(home: Path, music: Path) -> Path:
    """The checkpoint of a quick training on the folder, one file of which is broken."""
    (music / "ska" / "broken.mp3").write_bytes(b"\x00" * 3000)
    assert run(home, "train", "--data", music, *QUICK) == 0
    return home / "runs" / "finetune" / "model.safetensors"


def run(home: Path, command: str, *args: object) -> int:
    options = ["--cache", home / "cache", "--jobs", 1]
    if command == "train":
        options += ["-o", home / "runs"]
    return main([command, *map(str, (*args, *options))])


def error_of(capfd: pytest.CaptureFixture[str]) -> str:
    output = capfd.readouterr()
    assert "Traceback" not in output.err
    return output.err.strip().splitlines()[-1]


def test_folder_of_genres_becomes_a_model_that_tells_them(trained: Path, music: Path) -> None:
    network, info = checkpoint.load(trained)
    assert [spec.name for spec in network.specs] == ["genre", "music"]
    assert network.specs[0].labels == ("drone", "ska")
    assert info.split == "fold-0"
    assert "genre/accuracy" not in info.scores["folds"] or info.scores["folds"]
    assert 0 < info.music_threshold < 1


def test_checkpoint_is_scored_on_what_it_has_not_heard(
    trained: Path, home: Path, music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "evaluate", trained, "--data", music, "--json") == 0
    own = json.loads(capfd.readouterr().out)
    assert own["fold"] == 0
    assert run(home, "evaluate", trained, "--data", music, "--everything", "--json") == 0
    all_of_it = json.loads(capfd.readouterr().out)
    assert all_of_it["fold"] is None
    assert own["tracks"] < all_of_it["tracks"] == 12  # the broken one is left out
    counts = np.array(all_of_it["confusion"]["counts"])
    assert counts.sum() == 12
    assert all_of_it["scores"]["genre/accuracy"]["value"] == pytest.approx(
        np.trace(counts) / 12, abs=1e-4
    )


def test_shipped_model_is_scored_on_labels_that_it_tells(
    home: Path, music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = home / "songs.csv"
    paths, genres = sorted(music.glob("*/[0-9].wav")), ["rock", "ska"] * 6
    lines = [f"{path},{genre}" for path, genre in zip(paths, genres, strict=True)]
    table.write_text("\n".join(["path,genre", *lines]))
    page = home / "page.html"
    assert run(home, "evaluate", "cnn.fp32", "--data", table, "--everything", "-o", page) == 0
    output = capfd.readouterr()
    assert "genre/accuracy" in output.out
    assert "6 of 12 tracks have a genre that the model does not tell" in output.err
    text = page.read_text()
    assert "rock" in text
    assert "Content-Security-Policy" in text


def test_picture_is_a_png(trained: Path, home: Path, music: Path) -> None:
    picture = home / "picture.png"
    assert run(home, "evaluate", trained, "--data", music, "--everything", "-o", picture) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_trained_model_is_exported_and_used(trained: Path, home: Path, music: Path) -> None:
    models = home / "models"
    assert run(home, "export", trained, "--data", music, "--variant", "fp32", "-o", models) == 0
    model = musicedge.load(models / "finetune.fp32.onnx")
    result = model.analyze(music / "ska" / "0.wav")
    assert {entry.label for entry in result.genre} <= set(TONES)
    assert result.valence is None  # nothing was known of moods


def test_finished_training_is_not_done_over(
    trained: Path, home: Path, music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "train", "--data", music) == 1
    message = error_of(capfd)
    assert "is there already" in message
    assert "--set name=NAME" in message


def test_interrupt_says_how_to_go_on(
    home: Path, music: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    step = MultitaskTraining.training_step

    def interrupted(self: MultitaskTraining, batch: object, index: int) -> object:
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    arguments = ("train", "--data", music, *QUICK, "--set", "name=again")
    with monkeypatch.context() as patch:
        patch.setattr(MultitaskTraining, "training_step", interrupted)
        assert run(home, *arguments) == 130
    assert "--resume" in capfd.readouterr().err
    assert run(home, *arguments) == 1
    assert "go on with --resume" in error_of(capfd)
    assert run(home, *arguments, "--resume") == 0
    assert (home / "runs" / "again" / "model.safetensors").exists()


def test_checkpoint_that_could_not_be_written_is_written_later_without_training_again(
    home: Path, music: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    obstacle = home / "runs" / "late" / "fold-0" / "model.safetensors"
    obstacle.mkdir(parents=True)
    arguments = ("train", "--data", music, *QUICK, "--set", "name=late")
    assert run(home, *arguments) == 1
    assert "model.safetensors: cannot be written" in (message := error_of(capfd))
    assert "--resume writes it without training again" in message
    obstacle.rmdir()
    monkeypatch.delattr(MultitaskTraining, "training_step")
    assert run(home, *arguments, "--resume") == 0
    assert (home / "runs" / "late" / "model.safetensors").exists()
    assert not list((home / "runs" / "late").rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--data", "nowhere"), 1, ("nowhere", "no such file or folder")),
        (("--data", "empty"), 1, ("empty", "no genre-named folders")),
        (("--data", "one"), 1, ("one", "there must be two")),
        (("cnn", "--data", "music"), 2, ("--weights",)),
        (("no-such", "--data", "music"), 1, ("no such recipe",)),
        (("--data", "music", "--set", "epochz=3"), 1, ("epochz", "epochs")),
        (("--data", "music", "--set", "epochs"), 1, ("KEY=VALUE",)),
        (("--data", "music", "--set", "augmentation=mixop"), 1, ("'mixop'", "mixup?")),
        (("--data", "music", "--set", "epochs=0"), 1, ("epochs", "0")),
        (("lstm", "--data", "music", "--weights", "w"), 1, ("--teacher", "teacher=none")),
        (("--data", "music", "--teacher", "no.safetensors"), 1, ("no.safetensors",)),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: tuple[str, ...],
    status: int,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write_music(tmp_path / "music", 3)
    write_music(tmp_path / "one", 6)
    for path in (tmp_path / "one" / "ska").glob("*"):
        path.unlink()
    assert main(["train", *arguments, "--jobs", "1"]) == status
    message = error_of(capfd)
    assert all(word in message for word in words), message
