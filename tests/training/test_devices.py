"""Several devices train as one does: what each draws, what comes out, who writes it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.training import two_devices
from tests.training.banks import pattern_tracks, write_bank
from tests.training.tiny_corpus import random_tagger

from musicedge_training import sampling
from musicedge_training.labels import Labels
from musicedge_training.recipe import Recipe
from musicedge_training.running import Run
from musicedge_training.sampling import Batch, CropSampler
from musicedge_training.state import STATE
from musicedge_training.stem import StemMaps

ROOT = Path(__file__).parents[2]


def validation_losses(run: Path) -> list[float]:
    with (run / "logs" / "csv" / "metrics.csv").open(newline="") as file:
        values = [row["loss/validation"] for row in csv.DictReader(file)]
    return [float(value) for value in values if value]


@pytest.mark.slow
def test_two_processes_train_as_one_does_and_go_on_to_the_same_result(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.training.two_devices", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, timeout=400, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "Initializing distributed" not in done.stderr
    assert {path.name for path in tmp_path.glob("process-*")} == {
        "process-0-of-2",
        "process-1-of-2",
    }
    whole, part, other = (
        load_file(tmp_path / f"{name}.safetensors") for name in ("whole-0", "part-0", "whole-1")
    )
    for name, tensor in whole.items():
        assert torch.equal(tensor, part[name]), name  # interrupted, and gone on with
        assert torch.equal(tensor, other[name]), name  # what the other process has
    (log,) = (tmp_path / "whole").rglob("metrics.csv")  # by one process alone
    assert log.parent.name == "csv"
    assert (tmp_path / "whole" / STATE).exists()
    # Of the same batches; they differ in what a batch is normalised by.
    two_devices.train(tmp_path, Run(tmp_path / "one"))
    np.testing.assert_allclose(
        validation_losses(tmp_path / "whole"), validation_losses(tmp_path / "one"), rtol=0.05
    )


def test_processes_share_each_batch_of_one_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = write_bank(tmp_path)
    stem = StemMaps(bank, random_tagger(), 17)
    recipe = Recipe(name="quick", samples_per_epoch=24, batch_size=12, variants=2, frozen_blocks=17)

    def draw(rank: int, processes: int) -> list[Batch]:
        monkeypatch.setattr(sampling, "rank", lambda: rank)
        monkeypatch.setattr(sampling, "processes", lambda: processes)
        labels = Labels.of(pattern_tracks())
        return list(CropSampler(stem, np.arange(len(bank.tracks)), recipe, labels))

    whole, shares = draw(0, 1), [draw(rank, 3) for rank in range(3)]
    assert [len(share) for share in shares] == [len(whole)] * 3
    for step, batch in enumerate(whole):
        for rank in range(3):
            assert torch.equal(batch.maps[rank::3], shares[rank][step].maps)
            assert torch.equal(batch.genres[rank::3], shares[rank][step].genres)
