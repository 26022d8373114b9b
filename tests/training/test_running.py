"""Trainings that are interrupted go on to the same result, and only with their own state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from tests.training.banks import write_bank
from tests.training.tiny_corpus import tag_names

from musicedge_training import fit
from musicedge_training.architectures.cnn import LAYERS, AudioTagger
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.crops import CropBank
from musicedge_training.fit import MultitaskTraining
from musicedge_training.recipe import Recipe
from musicedge_training.running import QUIET, Run
from musicedge_training.state import STATE, RunError

RECIPE = Recipe(
    name="quick",
    epochs=3,
    samples_per_epoch=32,
    batch_size=8,
    variants=2,
    frozen_blocks=LAYERS,
    learning_rate=1e-2,
    dropout=0.5,
)


class Whole(NamedTuple):
    """The folder of a training, and the weights that it came to."""

    folder: Path
    state: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> CropBank:
    return write_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def whole(bank: CropBank, tagger: AudioTagger, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return Whole(folder, train(bank, tagger, Run(folder)).state_dict())


def same(whole: Whole, network: MultitaskNetwork) -> bool:
    """Return whether a training came to the same weights, bit for bit."""
    return all(torch.equal(value, network.state_dict()[key]) for key, value in whole.state.items())


def train(
    bank: CropBank, tagger: AudioTagger, run: Run, recipe: Recipe = RECIPE, **options: object
) -> MultitaskNetwork:
    rows = np.arange(len(bank.tracks))
    return fit.fit(recipe, bank, rows, tagger, tag_names(), run=run, **options)


def interrupt_in(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise what Ctrl-C raises in the middle of an epoch."""
    step = MultitaskTraining.training_step

    def interrupted(self: MultitaskTraining, batch: object, index: int) -> torch.Tensor:
        if self.current_epoch == epoch and index == 2:
            raise KeyboardInterrupt
        return step(self, batch, index)

    monkeypatch.setattr(MultitaskTraining, "training_step", interrupted)


@pytest.mark.parametrize(
    "settings",
    [{}, {"weighting": "gradnorm", "augmentation": "spectrogram,mixup"}],
    ids=["default", "gradnorm and mixup"],
)
def test_interrupted_training_goes_on_to_the_same_result(
    settings: dict[str, object],
    whole: Whole,
    bank: CropBank,
    tagger: AudioTagger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = Recipe(**{**RECIPE.model_dump(), **settings})
    if settings:
        folder = tmp_path / "whole"
        whole = Whole(folder, train(bank, tagger, Run(folder), recipe).state_dict())
    part = tmp_path / "part"
    with monkeypatch.context() as patch:
        interrupt_in(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train(bank, tagger, Run(part), recipe)
    assert (part / STATE).exists()
    assert same(whole, train(bank, tagger, Run(part, resume=True), recipe))
    assert len(list(part.glob("logs/*/metrics.csv"))) == 2  # what was logged before is kept


def test_training_that_is_done_is_not_done_again_until_its_state_is_forgotten(
    whole: Whole, bank: CropBank, tagger: AudioTagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_in(0, monkeypatch)  # what is trained again would be interrupted
    assert same(whole, train(bank, tagger, Run(whole.folder, resume=True)))
    Run(whole.folder).forget()
    assert not (whole.folder / STATE).exists()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_state_that_cannot_be_written_is_said_and_the_one_before_goes_on_to_the_same_result(
    whole: Whole,
    bank: CropBank,
    tagger: AudioTagger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with files_of_at_most(1 << 16), pytest.raises(RunError) as caught:
        train(bank, tagger, Run(tmp_path / "first"))
    assert "state after epoch 1 cannot be written (File too large)" in str(caught.value)
    assert "nothing is kept" in str(caught.value)
    assert not list((tmp_path / "first").glob("*.part"))

    end = MultitaskTraining.on_train_epoch_end
    limits = ExitStack()

    def full(self: MultitaskTraining) -> None:
        end(self)
        if self.current_epoch == 1:
            limits.enter_context(files_of_at_most(1 << 16))

    with monkeypatch.context() as patch, limits:
        patch.setattr(MultitaskTraining, "on_train_epoch_end", full)
        with pytest.raises(RunError) as caught:
            train(bank, tagger, Run(tmp_path / "second"))
    message = str(caught.value)
    assert "\n" not in message
    assert "state after epoch 2 cannot be written" in message
    assert "the last state is kept, and --resume goes on" in message
    assert same(whole, train(bank, tagger, Run(tmp_path / "second", resume=True)))


def test_log_that_cannot_be_written_is_said_in_one_line(
    bank: CropBank, tagger: AudioTagger, tmp_path: Path
) -> None:
    (tmp_path / "logs").touch()  # where a folder is to be
    with pytest.raises(RunError, match="what is logged cannot be written there") as caught:
        train(bank, tagger, Run(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("devices", "strategy", "words"),
    [
        (0, "auto", "--devices 0"),
        ("many", "auto", "--devices many"),
        (1, "nonsense", "--strategy nonsense"),
        (3, "ddp", "3 devices cannot share a batch of 8 evenly"),
    ],
)
def test_devices_that_cannot_be_had_are_said_in_one_line(
    devices: int | str, strategy: str, words: str
) -> None:
    with pytest.raises(RunError) as caught:
        Run(devices=devices, strategy=strategy).trainer(RECIPE, [])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_losses_are_logged_for_every_epoch(
    bank: CropBank, tagger: AudioTagger, tmp_path: Path
) -> None:
    train(bank, tagger, Run(tmp_path), validation=np.array([0, 2, 5]))
    lines = (tmp_path / "logs" / "csv" / "metrics.csv").read_text().splitlines()
    assert "loss/genre" in lines[0]
    assert "loss/validation" in lines[0]
    assert len(lines) > RECIPE.epochs


def test_state_of_other_settings_is_refused(
    bank: CropBank, tagger: AudioTagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_in(1, patch)
        with pytest.raises(KeyboardInterrupt):
            train(bank, tagger, Run(tmp_path))
    other = RECIPE.model_copy(update={"epochs": 4})
    with pytest.raises(RunError, match=r"begun with epochs = 3, now it is 4"):
        train(bank, tagger, Run(tmp_path, resume=True), other)


def test_state_is_of_the_same_settings_however_they_were_written(tmp_path: Path) -> None:
    """States of before recipes could list transforms name them, and lack some keys."""
    values = RECIPE.model_dump(exclude={"gradnorm_alpha", "gradnorm_rate"})
    torch.save({"recipe": {**values, "augmentation": "waveform"}, "epoch": 1}, tmp_path / STATE)
    begun = Run(tmp_path, resume=True).begun(RECIPE)
    assert begun is not None
    assert begun.epoch == 2
    torch.save({"recipe": {**values, "augmentation": "spectrogram"}, "epoch": 1}, tmp_path / STATE)
    with pytest.raises(RunError, match=r"was begun with augmentation = ") as caught:
        Run(tmp_path, resume=True).begun(RECIPE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a state", b"PK\x03\x04broken"])
def test_broken_state_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(RunError, match="cannot be read as a training's state") as caught:
        Run(tmp_path, resume=True).begun(RECIPE)
    assert "\n" not in str(caught.value)


def test_patience_stops_a_training_that_gains_nothing(
    bank: CropBank, tagger: AudioTagger, tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(
        update={"epochs": 30, "patience": 1, "schedule": "plateau", "learning_rate": 1.0}
    )
    train(bank, tagger, Run(tmp_path), recipe, validation=np.array([0, 2, 5]))
    lines = (tmp_path / "logs" / "csv" / "metrics.csv").read_text().splitlines()
    epochs = {line.split(",")[lines[0].split(",").index("epoch")] for line in lines[1:]}
    assert 1 < len(epochs) < 30


def test_patience_without_tracks_to_judge_by_is_refused(
    bank: CropBank, tagger: AudioTagger
) -> None:
    recipe = RECIPE.model_copy(update={"patience": 2})
    with pytest.raises(RunError, match="held out"):
        train(bank, tagger, QUIET, recipe)
