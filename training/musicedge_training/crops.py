"""A bank of augmented crops: each track several times, cut, roughened and turned into log-mel once.

Decoding, rooms and codecs cost far more than a small network's training step, and many trainings
(folds, ablations) want the same crops: so they are made once, in parallel, into one file a variant,
and read through a memory map. An interrupted build goes on at the first variant that is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge import audio
from musicedge.frontend_config import FrontEndConfig
from musicedge.windows import fill_window
from musicedge_training.augmentation import spectral, waveform
from musicedge_training.augmentation.catalogue import STANDARD, crop_transforms
from musicedge_training.augmentation.transform import CropTransform, Transform
from musicedge_training.console import console, track_progress
from musicedge_training.datasets import synthetic
from musicedge_training.datasets.track import Track
from musicedge_training.orphans import end_with_parent
from musicedge_training.representations import (
    LogMelCache,
    cannot_be_kept,
    front_end,
    load_samples,
)

Float32 = NDArray[np.float32]

SECONDS = 10.0
SHORTEST_SECONDS = 1.0


@dataclass(frozen=True)
class CropRequest:
    """Everything that one crop depends on; equal requests give equal crops.

    Attributes
    ----------
    track
        What is cut; a ``"synthetic"`` one is made by the maker that its collection names.
    companions
        More of the same kind, to fill up short speech and noise.
    seed
        Of all that is drawn by chance.
    rooms
        The impulse responses to draw from.
    frontend
        The constants of the log-mel.
    logmel
        Where whole tracks' log-mel is, to cut and roughen that (`spectral`); None to cut and
        roughen the waveform (`waveform`).
    transforms
        What roughens, in order.
    """

    track: Track
    companions: tuple[Path, ...]
    seed: int
    rooms: tuple[Path, ...]
    frontend: FrontEndConfig
    logmel: LogMelCache | None
    transforms: tuple[CropTransform, ...]


@dataclass(frozen=True)
class Crop:
    """The log-mel frames of one crop, np.ndarray [shape=(t, n_mels), dtype=float16], twice.

    A short crop is repeated to `SECONDS` (`musicedge.windows.fill_window`).
    """

    clean: NDArray[np.float16]
    roughened: NDArray[np.float16]


def make_crop(request: CropRequest) -> Crop:
    """Cut, roughen and transform one crop."""
    rng = np.random.default_rng(request.seed)
    config = request.frontend
    if request.logmel is None:
        samples = _cut(request, rng)
        place = _surroundings(request.rooms, config.sample_rate)
        clean = front_end(config).logmel(samples)
        rough = front_end(config).logmel(waveform.roughen(samples, request.transforms, place, rng))
    else:
        clean = _cut_frames(request, request.logmel, rng)
        rough = spectral.roughen(clean, request.transforms, config, rng)
    frames = round(SECONDS * config.frame_rate)
    return Crop(
        fill_window(clean, frames).astype(np.float16), fill_window(rough, frames).astype(np.float16)
    )


def _cut_frames(request: CropRequest, logmel: LogMelCache, rng: np.random.Generator) -> Float32:
    """Do what `_cut` does to tracks whose log-mel is there."""
    track, config = request.track, request.frontend
    length = int(_length(rng) * config.frame_rate)
    if track.kind == "synthetic":
        samples = round(length / config.frame_rate * config.sample_rate)
        sound = synthetic.TRAINED[track.collection](rng, samples, config.sample_rate)
        return front_end(config).logmel(sound)[:length]
    frames = np.asarray(logmel.get(track.path), np.float32)
    if track.is_music:
        start = _start(max(0, len(frames) - length), rng)
        return frames[int(start) :][:length]
    parts = [frames]
    while rng.random() < 0.7 and sum(map(len, parts)) < length:
        gap = spectral.silence(int(rng.uniform(0, 0.6) * config.frame_rate), config)
        parts += [gap, np.asarray(logmel.get(_companion(request, rng)), np.float32)]
    return np.concatenate(parts)[:length]


def _length(rng: np.random.Generator) -> float:
    """Draw a crop's length in seconds."""
    return SECONDS if rng.random() < 0.6 else float(rng.uniform(SHORTEST_SECONDS, SECONDS))


def _start(last: float, rng: np.random.Generator) -> float:
    """Draw where a piece begins, from 0 to `last`.

    Ratings are of a song's first seconds, so its very start comes up more often than its share.
    """
    return 0.0 if rng.random() < 0.2 else float(rng.uniform(0, last))


def _companion(request: CropRequest, rng: np.random.Generator) -> Path:
    return request.companions[int(rng.integers(len(request.companions)))]


def _cut(request: CropRequest, rng: np.random.Generator) -> Float32:
    rate = request.frontend.sample_rate
    track = request.track
    length = _length(rng)
    if track.kind == "synthetic":
        return synthetic.TRAINED[track.collection](rng, int(length * rate), rate)
    if not track.is_music:
        parts = [load_samples(track.path, rate)]
        while rng.random() < 0.7 and sum(map(len, parts)) < length * rate:
            other = _companion(request, rng)
            gap = np.zeros(int(rng.uniform(0, 0.6) * rate), np.float32)
            parts += [gap, load_samples(other, rate)]
        return np.concatenate(parts)[: int(length * rate)]
    offset = _start(max(0.0, _duration(track.path) - length), rng)
    with audio.open(track.path, sample_rate=rate, offset=offset, duration=length) as reader:
        return np.concatenate(list(reader))


@cache
def _duration(path: Path) -> float:
    with audio.open(path, sample_rate=32_000) as reader:
        if reader.source_duration is not None:
            return reader.source_duration
        return sum(map(len, reader)) / 32_000


@cache
def _surroundings(rooms: tuple[Path, ...], rate: int) -> waveform.Surroundings:
    rng = np.random.default_rng(0)
    hiss = [synthetic.coloured_noise(rng, 3 * rate, rate) for _ in range(20)]
    hiss += [synthetic.hum(rng, 3 * rate, rate) for _ in range(5)]
    return waveform.Surroundings(rate, [load_samples(path, rate) for path in rooms], hiss)


class CropBank:
    """Augmented crops of tracks, in `variants` versions, with clean ones beside them.

    Parameters
    ----------
    folder
        Where the bank is, one folder a track list, front-end and way to roughen; made when missing.
    tracks
        What is cut, one row each.
    rooms
        Impulse responses of rooms.
    frontend
        The constants of the log-mel.
    logmel
        Whole tracks' log-mel, to make the crops of that; None to make them of the audio.
    augmentation
        A recipe's transforms, of which those of crops are applied here; None for the standard ones.
    """

    def __init__(
        self,
        folder: Path,
        tracks: Sequence[Track],
        rooms: Sequence[Path],
        frontend: FrontEndConfig,
        logmel: LogMelCache | None = None,
        augmentation: tuple[Transform, ...] | None = None,
    ) -> None:
        self.tracks = tracks
        self._rooms = tuple(rooms)
        self._frontend = frontend
        self._logmel = logmel
        key: list[object] = [[track.id for track in tracks], frontend.to_dict()]
        if logmel is not None:
            key.append("spectral")
        usual = crop_transforms(STANDARD["waveform" if logmel is None else "spectrogram"])
        chosen = usual if augmentation is None else crop_transforms(augmentation)
        if chosen != usual:
            key.append([transform.model_dump(mode="json") for transform in chosen])
        self._transforms = tuple(t for t in chosen if rooms or not isinstance(t, waveform.Room))
        self._lacks_rooms = len(self._transforms) < len(chosen)
        if any(isinstance(transform, waveform.Room) for transform in chosen):
            key.append([path.name for path in rooms])
        ids = json.dumps(key, sort_keys=True)
        self.folder = folder / f"crops-{hashlib.sha256(ids.encode()).hexdigest()[:12]}"

    def build(self, variants: int, *, jobs: int) -> None:
        """Make the variants below `variants` that are missing, in `jobs` processes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [v for v in range(variants) if not self._paths(v)[1].exists()]
        if missing and self._lacks_rooms:
            console.print("crops: made without rooms: the dataset has no impulse responses")
        for variant in missing:
            self._build(variant, jobs)
            console.print(f"crops: variant {variant + 1} of {variants} is ready")

    def open(self, variant: int) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Return a variant's clean and roughened crops, read as they are used.

        Returns
        -------
        tuple of np.ndarray [shape=(track, t, n_mels), dtype=float16]

        Raises
        ------
        FileNotFoundError
            The variant has not been built.
        """
        clean, rough = (
            np.load(path, mmap_mode="r", allow_pickle=False) for path in self._paths(variant)
        )
        return clean, rough

    def _paths(self, variant: int) -> tuple[Path, Path]:
        return tuple(self.folder / f"{variant:03}-{name}.npy" for name in ("clean", "rough"))  # type: ignore[return-value]

    def _build(self, variant: int, jobs: int) -> None:
        frames = round(SECONDS * self._frontend.frame_rate)
        shape = (len(self.tracks), frames, self._frontend.n_mels)
        parts = [path.with_suffix(".part") for path in self._paths(variant)]
        arrays = [new_array(part, shape) for part in parts]
        with ProcessPoolExecutor(jobs, initializer=end_with_parent) as pool:
            crops = pool.map(make_crop, self._requests(variant), chunksize=4)
            for row, crop in enumerate(
                track_progress(crops, f"crops, variant {variant + 1}", len(self.tracks))
            ):
                arrays[0][row], arrays[1][row] = crop.clean, crop.roughened
        for part, path in zip(parts, self._paths(variant), strict=True):
            part.replace(path)

    def _requests(self, variant: int) -> list[CropRequest]:
        # Of the same fold, and of the same kind of noise: a fold holds out both.
        kin: dict[tuple[str, str | None, int], list[Path]] = {}
        for track in self.tracks:
            kin.setdefault((track.kind, track.noise_kind, track.fold), []).append(track.path)
        requests = []
        for row, track in enumerate(self.tracks):
            rng = np.random.default_rng((variant, row))
            others = kin[track.kind, track.noise_kind, track.fold]
            picks = [others[int(i)] for i in rng.integers(len(others), size=12)]
            companions = () if track.is_music else tuple(picks)
            seed = int(rng.integers(2**62))
            requests.append(
                CropRequest(
                    track,
                    companions,
                    seed,
                    self._rooms,
                    self._frontend,
                    self._logmel,
                    self._transforms,
                )
            )
        return requests


def new_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.float16]:
    """Make a file for an array whose parts come one by one, with its room on the disk taken.

    A disk that fills up while such a file is written would end the process.
    """
    try:
        array = np.lib.format.open_memmap(path, "w+", np.float16, shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise cannot_be_kept(path.parent, error) from error
    return array


def synthetic_tracks(count: int) -> list[Track]:
    """Return tracks without a file that stand for synthetic sounds; fold -1: always trained on."""
    names = sorted(synthetic.TRAINED)
    return [
        Track(
            id=f"synthetic/{names[i % len(names)]}.{i}",
            path=Path("synthetic"),
            kind="synthetic",
            collection=names[i % len(names)],
            group=f"synthetic.{i}",
            fold=-1,
        )
        for i in range(count)
    ]
