"""What is scored, a checkpoint or a model file, and what it says of labelled tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge import bundle
from musicedge.errors import ModelInvalid
from musicedge.frontend_config import FrontEndConfig
from musicedge.session import Session
from musicedge_training import checkpoint
from musicedge_training.console import console
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import Track
from musicedge_training.predict import Forward, Predictions, TrackWindows, network_forward, predict
from musicedge_training.representations import LogMelCache


@dataclass(frozen=True)
class Subject:
    """What is scored.

    Attributes
    ----------
    source
        What it was called.
    forward
        Windows to outputs.
    genres
        The labels of its genre head; empty where it tells none.
    temperature
        What its genre logits are divided by.
    frontend
        The constants of its log-mel.
    split, trained_on
        The split and the tracks that it was trained on, where they are known, as a checkpoint says.
    """

    source: str
    forward: Forward
    genres: tuple[str, ...]
    temperature: float
    frontend: FrontEndConfig
    split: str = ""
    trained_on: tuple[str, ...] = ()


def of_checkpoint(path: Path) -> Subject:
    """Return a checkpoint to score.

    Raises
    ------
    CheckpointError
        It cannot be read.
    """
    network, info = checkpoint.load(path)
    genres = next((spec.labels for spec in info.heads if spec.name == "genre"), ())
    return Subject(
        str(path),
        network_forward(network),
        genres,
        info.temperature,
        info.frontend,
        info.split,
        info.trained_on,
    )


def of_model(source: str) -> Subject:
    """Return a model, a shipped one's name or a file, to score as the runtime runs it.

    Raises
    ------
    ModelError
        There is no such model, or it is broken.
    """
    opened = bundle.open(source)
    card = opened.card
    if card.input != "logmel":
        raise ModelInvalid(f"{source}: it takes a {card.input}; give the model it was made of")
    session = Session(opened, "cpu")
    head = card.head("genre")

    def forward(windows: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        return session.run(list(windows))

    return Subject(
        opened.source,
        forward,
        () if head is None else head.labels,
        1.0 if head is None else head.temperature,
        card.frontend,
    )


def predictions_of(
    subject: Subject, tracks: Sequence[Track], cache: Path, jobs: int
) -> tuple[list[Track], Predictions]:
    """Return the tracks that could be read, and what is said of them.

    Genres that the model does not tell are taken off the tracks, and counted on standard error.

    Raises
    ------
    DatasetError
        No track is left.
    """
    logmel = LogMelCache(cache / "logmel", subject.frontend)
    audio = [track for track in tracks if not track.is_spectrogram]
    skipped = {each.path for each in logmel.fill([t.path for t in audio], jobs=jobs)}
    kept = [track for track in audio if track.path not in skipped]
    if not kept:
        raise DatasetError(f"{subject.source}: there is no track that it could be scored on")
    known = [tuple(g for g in track.genres if g in subject.genres) for track in kept]
    foreign = sum(own != track.genres for own, track in zip(known, kept, strict=True))
    if foreign:
        console.print(f"{foreign} of {len(kept)} tracks have a genre that the model does not tell")
    kept = [replace(track, genres=own) for track, own in zip(kept, known, strict=True)]
    return kept, predict(subject.forward, TrackWindows(logmel, kept))
