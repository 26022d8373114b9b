"""A study: the same splits for every system, resumed where it stopped, and the table of results."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from musicedge_training import calibrate, checkpoint, evaluate, scores
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.console import console
from musicedge_training.datasets import synthetic
from musicedge_training.orphans import end_with_parent
from musicedge_training.predict import Predictions, network_forward, predict
from musicedge_training.recipe import Recipe
from musicedge_training.splits import ALL, Split, all_split, collection_splits, fold_splits
from musicedge_training.teacher import Teacher, TeacherError
from musicedge_training.workbench import Workbench

PROBE = "probe"
PREDICTIONS = "predictions.npz"
CHECKPOINT = "model.safetensors"


@dataclass(frozen=True)
class System:
    """What is compared: a recipe, or (None) the probe of the frozen pretrained network."""

    recipe: Recipe | None

    @property
    def name(self) -> str:
        """The name in the table and of the results folder."""
        return PROBE if self.recipe is None else self.recipe.name


def run(
    bench: Workbench, system: System, folder: Path, *, ship: bool, collections: bool = True
) -> dict[str, Any]:
    """Train and test a system on every split that is not done yet, and score all of them.

    Parameters
    ----------
    bench
        The dataset and what is computed from it.
    system
        What is trained.
    folder
        Where each split's predictions and checkpoint are kept, as ``<system>/<split>/``.
    ship
        Whether to train on everything as well, calibrated by the folds' predictions.
    collections
        Whether to train without each collection, too; else they are scored as far as it was done.

    Returns
    -------
    dict
        The scores, which are also written to ``<system>/scores.json``.
    """
    folds = fold_splits(bench.tracks)
    home = folder / system.name
    without = [
        split
        for split in collection_splits(bench.tracks)
        if collections or _result(split, home).exists()
    ]
    last = [all_split(bench.tracks)] if ship and system.recipe is not None else []
    _run_splits(bench, system, [*folds, *last, *without], home)
    held_out = _out_of_fold(bench, folds, home)
    temperature = calibrate.fit_temperature(held_out, bench.labels.hard_genre)
    music = held_out.music.copy()
    rows, values = _unseen_noise(bench, folds, home)
    music[rows] = values  # a microphone hears noise of kinds that nobody trained on
    threshold = calibrate.fit_threshold(music, bench.labels.music)
    results = {
        "system": system.name,
        "temperature": temperature,
        "music_threshold": threshold,
        "folds": evaluate.to_json(
            evaluate.evaluate(
                bench.tracks, held_out, temperature=temperature, genres=bench.dataset.genres
            )
        ),
        "collections": _collection_scores(bench, without, home),
        "music": _music_scores(bench, folds, home, held_out, threshold, values),
    }
    home.mkdir(parents=True, exist_ok=True)
    (home / "scores.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if last:
        network, info = checkpoint.load(home / ALL / CHECKPOINT)
        calibrated = replace(
            info,
            temperature=temperature,
            music_threshold=threshold,
            scores={key: results[key] for key in ("folds", "collections", "music")},
        )
        checkpoint.save(home / CHECKPOINT, network, calibrated)
    return results


def _run_splits(bench: Workbench, system: System, splits: Sequence[Split], home: Path) -> None:
    """Run the splits that are not done, several at a time.

    A small network's layers are too small to share between threads: two trainings with a thread
    each are done much sooner than one after the other with two.
    """
    pending = [split for split in splits if not _result(split, home).exists()]
    if not pending:
        return
    untrained = [split for split in pending if _trained(system, home / split.name) is None]
    if untrained:
        bench.prepare(system.recipe, _teacher(system, untrained[0], home))
    workers = min(bench.jobs, len(pending))
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=end_with_parent
    ) as pool:
        jobs = [
            pool.submit(_run_split, bench, system, split, home / split.name) for split in pending
        ]
        for split, job in zip(pending, jobs, strict=True):
            job.result()
            console.print(f"{system.name}: {split.name} is done")


def _result(split: Split, home: Path) -> Path:
    """Return the file that a split is done with."""
    return home / split.name / (CHECKPOINT if split.name == ALL else PREDICTIONS)


def _run_split(bench: Workbench, system: System, split: Split, home: Path) -> None:
    torch.set_num_threads(1)
    home.mkdir(parents=True, exist_ok=True)
    if system.recipe is None:
        predictions = bench.probe(split)
    else:
        network = _trained(system, home)
        if network is None:
            network = bench.train(system.recipe, split, _teacher(system, split, home.parent))
            info = checkpoint_info(bench, system.recipe, network, split)
            checkpoint.save(home / CHECKPOINT, network, info)
        if split.name == ALL:
            return
        predictions = bench.predict(network, split.test)
    part = home / f"{PREDICTIONS}.part"
    predictions.save(part)
    part.replace(home / PREDICTIONS)


def _trained(system: System, home: Path) -> MultitaskNetwork | None:
    """Return the network of a training that ended before its predictions were made, if there is."""
    path = home / CHECKPOINT
    if system.recipe is None or not path.exists():
        return None
    network, info = checkpoint.load(path)
    return network if Recipe(**info.recipe) == system.recipe else None


def _teacher(system: System, split: Split, home: Path) -> Teacher | None:
    """Return the network that a recipe's teacher became on the same split, if it has a teacher.

    `home` is the system's folder, which the teacher's lies beside.
    """
    if system.recipe is None or system.recipe.teacher is None:
        return None
    name = system.recipe.teacher
    path = home.parent / name / split.name / CHECKPOINT
    if not path.exists():
        raise TeacherError(
            f"{path}: no such checkpoint, and {system.name} learns from {name}; train that first, "
            f"as in: musicedge study {name} {system.name}"
        )
    network, info = checkpoint.load(path)
    return Teacher(network, int(info.recipe["frozen_blocks"]))


def _out_of_fold(bench: Workbench, folds: Sequence[Split], home: Path) -> Predictions:
    """Return predictions of all tracks, each by the fold's network that did not hear it."""
    parts, rows = [], []
    for number, split in enumerate(folds):
        predictions = Predictions.load(home / split.name / PREDICTIONS)
        own = [i for i, row in enumerate(split.test) if bench.tracks[row].fold == number]
        parts.append(predictions.take(np.array(own)))
        rows.append(split.test[own])
    return Predictions.join(parts).take(np.argsort(np.concatenate(rows)))


def _collection_scores(
    bench: Workbench, splits: Sequence[Split], home: Path
) -> dict[str, dict[str, Any]]:
    results = {}
    for split in splits:
        predictions = Predictions.load(home / split.name / PREDICTIONS)
        tracks = [bench.tracks[row] for row in split.test]
        everything = evaluate.evaluate(
            tracks, predictions, by_fold=False, genres=bench.dataset.genres
        )
        results[split.name.removeprefix("without-")] = evaluate.to_json(everything)
    return results


def _music_scores(
    bench: Workbench,
    folds: Sequence[Split],
    home: Path,
    held_out: Predictions,
    threshold: float,
    unseen_noise: NDArray[np.floating],
) -> dict[str, Any]:
    """Score music against the rest: errors at the threshold, and sounds of unseen kinds."""
    labels = bench.labels
    kinds = np.array([track.kind for track in bench.tracks])
    results: dict[str, Any] = {
        "missed_music": float(np.mean(held_out.music[labels.music] < threshold)),
        "false_music": float(np.mean(held_out.music[~labels.music] >= threshold)),
    }
    for kind in sorted(set(kinds) - {"music"}):
        both = (kinds == kind) | labels.music
        results[f"auroc/{kind}"] = scores.auroc(labels.music[both], held_out.music[both])
        results[f"false_music/{kind}"] = float(np.mean(held_out.music[kinds == kind] >= threshold))
    music = held_out.music[labels.music]
    sounds = {"unseen-noise": unseen_noise, **_made_sounds(bench, folds, home)}
    for name, values in sounds.items():
        truth = np.r_[np.ones(len(music), bool), np.zeros(len(values), bool)]
        results[f"auroc/{name}"] = scores.auroc(truth, np.r_[music, values])
        results[f"false_music/{name}"] = float(np.mean(values >= threshold))
    return results


def _made_sounds(
    bench: Workbench, folds: Sequence[Split], home: Path
) -> dict[str, NDArray[np.floating]]:
    """Return what the folds' networks say of sounds made by code, anew."""
    parts: dict[str, list[NDArray[np.floating]]] = {}
    made = {"synthetic": synthetic.TRAINED, "unseen-synthetic": synthetic.HELD_OUT}
    windows = {name: bench.synthetic_windows(makers) for name, makers in made.items()}
    for split in folds:
        path = home / split.name / CHECKPOINT
        if path.exists():
            forward = network_forward(checkpoint.load(path)[0])
            for name, sounds in windows.items():
                parts.setdefault(name, []).append(predict(forward, sounds, title=name).music)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _unseen_noise(
    bench: Workbench, folds: Sequence[Split], home: Path
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Return the tracks of noise, and what the fold that trained on none of each one's kind says.

    Returns
    -------
    tuple of np.ndarray [shape=(n,)]
        Rows of the tracks, and probabilities of music.
    """
    rows, values = [], []
    for split in folds:
        predictions = Predictions.load(home / split.name / PREDICTIONS)
        kinds = [bench.tracks[row].noise_kind for row in split.test]
        unseen = np.array([kind in split.unseen_noise for kind in kinds])
        rows.append(split.test[unseen])
        values.append(predictions.music[unseen])
    return np.concatenate(rows), np.concatenate(values)


def checkpoint_info(
    bench: Workbench, recipe: Recipe, network: MultitaskNetwork, split: Split
) -> checkpoint.CheckpointInfo:
    """Return what a checkpoint of a network says about itself before it is calibrated."""
    return checkpoint.CheckpointInfo(
        recipe=recipe.model_dump(),
        heads=network.specs,
        hidden_size=network.hidden[0].out_features,
        mood_size=network.mood_hidden[0].out_features,
        frontend=bench.frontend,
        dataset=bench.dataset.name,
        split=split.name,
        trained_on=bench.trained_on(recipe, split),
    )
