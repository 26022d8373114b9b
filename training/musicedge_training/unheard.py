"""Which tracks a model has not heard: what it is scored on, so that no score flatters it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from musicedge_training.console import track_progress
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.track import Track
from musicedge_training.representations import digest_of
from musicedge_training.splits import OFFICIAL

_DIGITS = 12  # 48 bits: two of a million files agree once in five hundred datasets


def digests(tracks: Sequence[Track]) -> tuple[str, ...]:
    """Return what each track's audio is known by, whatever its name and place, sorted."""
    return tuple(sorted(_digest(track) for track in _shown(tracks)))


def _digest(track: Track) -> str:
    return digest_of(track.path)[:_DIGITS]


def _shown(tracks: Sequence[Track]) -> Sequence[Track]:
    return list(track_progress(tracks, "what the audio is known by", len(tracks)))


@dataclass(frozen=True)
class Part:
    """The tracks of a dataset that a model is scored on.

    Attributes
    ----------
    name
        In words, such as ``"fold 0"`` or ``"the official test part"``.
    tracks
        The tracks.
    fold
        Their fold's number, where they are one.
    heard
        How many of them the model was trained on.
    notes
        Lines for people.
    """

    name: str
    tracks: list[Track]
    fold: int | None = None
    heard: int = 0
    notes: tuple[str, ...] = ()


def part_of(
    dataset: Dataset,
    split: str = "",
    trained_on: Sequence[str] = (),
    *,
    fold: int | None = None,
    everything: bool = False,
) -> Part:
    """Return the part of a dataset that a model is scored on.

    Parameters
    ----------
    dataset
        The labelled tracks.
    split, trained_on
        What the model's checkpoint says that it was trained on.
    fold, everything
        The part that is asked for, whatever was trained on; else what was held out when the model
        was trained, or, of another dataset, all; but nothing that it has heard.

    Raises
    ------
    DatasetError
        It has heard all of it.
    """
    known = set(trained_on)
    heard = {t.id for t in _shown(dataset.tracks) if _digest(t) in known} if known else set()
    if fold is not None or everything:
        tracks = [track for track in dataset.tracks if everything or track.fold == fold]
        count = sum(track.id in heard for track in tracks)
        notes = (
            (f"it was trained on {count} of the {len(tracks)} tracks: the scores flatter it",)
            if count
            else ()
        )
        name = "all tracks" if everything else f"fold {fold}"
        return Part(name, tracks, None if everything else fold, count, notes)
    part = _held_out(dataset, split, is_its_own=bool(heard) or not known)
    unheard = [track for track in part.tracks if track.id not in heard]
    if not unheard:
        raise DatasetError(
            f"{dataset.source}: the model was trained on every one of these {len(part.tracks)} "
            "tracks; --everything scores it all the same, and flatters it"
        )
    count = len(part.tracks) - len(unheard)
    notes = (
        (f"it was trained on {count} of the {len(part.tracks)} tracks, which are left out",)
        if count
        else ()
    )
    return Part(part.name, unheard, part.fold, 0, notes)


def _held_out(dataset: Dataset, split: str, *, is_its_own: bool) -> Part:
    official = dataset.official_split
    if split == OFFICIAL and official is not None and len(official.test):
        return Part("the official test part", [dataset.tracks[row] for row in official.test])
    name, _, number = split.partition("fold-")
    if is_its_own and not name and number.isdigit():
        fold = int(number)
        return Part(f"fold {fold}", [t for t in dataset.tracks if t.fold == fold], fold)
    return Part("all tracks", dataset.tracks)
