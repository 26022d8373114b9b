"""Trainings that are interrupted go on to the same result, and only with their own state."""

from __future__ import annotations

from pathlib import Path

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
from musicedge_training.running import QUIET, STATE, Run, RunError

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


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> CropBank:
    return write_bank(tmp_path_factory.mktemp("bank"))


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


def test_interrupted_training_goes_on_to_the_same_result(
    bank: CropBank, tagger: AudioTagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(bank, tagger, Run(tmp_path / "whole")).state_dict()
    assert not (tmp_path / "whole" / STATE).exists()  # nothing is left to go on with
    with monkeypatch.context() as patch:
        interrupt_in(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train(bank, tagger, Run(tmp_path / "part"))
    assert (tmp_path / "part" / STATE).exists()
    resumed = train(bank, tagger, Run(tmp_path / "part", resume=True)).state_dict()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


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
