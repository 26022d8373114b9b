"""What it costs to compute each representation, from a file to its features.

Run as ``python -m musicedge_training.representations FILE...``
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import click
import numpy as np

from musicedge import audio
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.representations.cache import Representation
from musicedge_training.representations.founding import (
    SAMPLE_RATE,
    SECONDS,
    FoundingFeatures,
    Kind,
    beat_frames,
)
from musicedge_training.representations.logmel import LogMel, load_samples

REPRESENTATIONS: tuple[Representation, ...] = (
    LogMel(FrontEndConfig()),
    *(FoundingFeatures(kind, beats) for beats in (False, True) for kind in get_args(Kind)),
)
"""All that there are."""

_DECODING = "decoding and resampling alone"


def speeds(paths: Sequence[Path], *, rounds: int) -> dict[str, list[float]]:
    """Return how many times real time each representation is computed, all files in each round.

    That is seconds of sound, at most `SECONDS` of a file, over seconds of processor time, whatever
    else the machine does. What is compared takes turns; a first round warms up.

    Parameters
    ----------
    paths
        Audio files.
    rounds
        How often.
    """
    tasks: dict[str, Callable[[Path], object]] = {
        _DECODING: lambda path: load_samples(path, SAMPLE_RATE, SECONDS),
        **{each.title: each.compute for each in REPRESENTATIONS},
    }
    sound = sum(min(SECONDS, _seconds(path)) for path in paths)
    found: dict[str, list[float]] = {title: [] for title in tasks}
    for number in range(rounds + 1):
        taken = dict.fromkeys(tasks, 0.0)
        for path in paths:
            for title, task in tasks.items():
                begun = time.process_time()
                task(path)
                taken[title] += time.process_time() - begun
        if number:
            for title, seconds in taken.items():
                found[title].append(sound / seconds)
    return found


def _seconds(path: Path) -> float:
    with audio.open(path, sample_rate=SAMPLE_RATE, duration=SECONDS) as reader:
        return sum(map(len, reader)) / SAMPLE_RATE


def agreements(paths: Sequence[Path]) -> Iterator[float]:
    """Yield for each file which share of its beats and librosa's is in both, in [0, 1]."""
    import librosa

    for path in paths:
        samples = load_samples(path, SAMPLE_RATE, SECONDS)
        percussive = librosa.effects.percussive(samples)
        theirs = set(librosa.beat.beat_track(y=percussive, sr=SAMPLE_RATE)[1].tolist() or [0])
        ours = set(beat_frames(samples).tolist())
        yield len(ours & theirs) / len(ours | theirs)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--compare", is_flag=True, help="Compare the beats with librosa's instead.")
@click.option("--json", "as_json", is_flag=True, help="Print all rounds as JSON.")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
def main(rounds: int, compare: bool, as_json: bool, files: tuple[Path, ...]) -> None:
    """Print how many times real time each representation is computed on one core."""
    warnings.simplefilter("ignore")
    if compare:
        shares = list(agreements(files))
        same = sum(share == 1 for share in shares)
        click.echo(
            f"{same} of {len(shares)} with the same beats; least in common {min(shares):.0%}"
        )
        return
    found = speeds(files, rounds=rounds)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for title, values in found.items():
        click.echo(f"{title:<32}{np.median(values):>7.0f} x real time (best {max(values):.0f})")


if __name__ == "__main__":
    main()
