"""What smoothing buys and costs: how often the top genre changes, how late it follows the music.

Run it on music of several genres, two pieces a comparison:

    python -m musicedge_benchmarks.smoothing [-m MODEL] FILE FILE...
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import musicedge
from musicedge import audio
from musicedge.pace import EVERY
from musicedge.smoothing import Smoothing
from musicedge.stream import Reading, Stream

CONSTANTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)

Float32 = NDArray[np.float32]

_PIECE = 30.0  # seconds of each
_LEAST = 28.0  # shorter ones are left out
_STEADY = 12.0  # seconds after a change, when the window holds nothing but the new piece
_HOLDS = 3  # readings in a row before a genre counts as reached


@dataclass(frozen=True)
class Change:
    """One piece that follows another.

    Attributes
    ----------
    at
        When it begins, in seconds.
    genres
        The top genres of the two, each by itself.
    readings
        All of both, without smoothing.
    """

    at: float
    genres: tuple[str, str]
    readings: list[Reading]


@dataclass(frozen=True)
class Row:
    """What one time constant does.

    Attributes
    ----------
    constant
        In seconds.
    changes
        Of the top genre, in a minute of one piece.
    delays
        Seconds from each change of piece to the new one's genre; infinite where it never comes.
    """

    constant: float
    changes: float
    delays: list[float]


def changes_between(model: musicedge.Model, files: Sequence[Path]) -> Iterator[Change]:
    """Yield what is read where each second file follows the one before it.

    Pairs whose pieces have the same top genre, or none, are left out; so is what is too short.
    """
    rate = model.card.frontend.sample_rate
    pieces = []
    for path in files:
        with audio.open(path, sample_rate=rate) as reader:
            samples = np.concatenate(list(reader))[: round(_PIECE * rate)]
        genre = model.analyze(samples, sample_rate=rate).genre
        if len(samples) >= _LEAST * rate and genre:
            pieces.append((samples, genre[0].label))
    for (one, before), (other, after) in zip(pieces[::2], pieces[1::2], strict=False):
        if before != after:
            stream = Stream(model, rate, smooth=0)
            readings = stream.push(np.concatenate([one, other])) + stream.finish()
            yield Change(len(one) / rate, (before, after), readings)


def judge(constant: float, found: Sequence[Change]) -> Row:
    """Smooth the readings of all changes with one time constant, and count."""
    flips, steps, delays = 0, 0, []
    for change in found:
        smoothing = Smoothing(constant)
        tops: list[tuple[float, str | None]] = []
        for reading in change.readings:
            smoothed = smoothing.push(reading.raw, holds_music=reading.is_music)
            tops.append((reading.end, smoothed.genre[0].label if smoothed.genre else None))
        for part in (
            [top for end, top in tops if end <= change.at],
            [top for end, top in tops if end >= change.at + _STEADY],
        ):
            flips += sum(one != other for one, other in pairwise(part))
            steps += len(part)
        delays.append(_delay(tops, change))
    return Row(constant, flips / (steps * EVERY / 60), delays)


def _delay(tops: Sequence[tuple[float, str | None]], change: Change) -> float:
    after = [(end, top) for end, top in tops if end > change.at]
    for index in range(len(after) - _HOLDS + 1):
        if all(top == change.genres[1] for _, top in after[index : index + _HOLDS]):
            return after[index][0] - change.at
    return float("inf")


@click.command()
@click.option("-m", "--model", default="cnn", show_default=True, metavar="NAME|FILE")
@click.option("--seed", default=0, show_default=True, help="Of the order of the files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def main(model: str, seed: int, files: tuple[Path, ...]) -> None:
    """Print how often the top genre changes within a piece, and how late it follows a change."""
    order = sorted(files)
    random.Random(seed).shuffle(order)
    found = list(changes_between(musicedge.load(model, threads=1), order))
    if not found:
        raise click.ClickException("no two pieces of different genres; give more music")
    click.echo(f"{len(found)} changes of piece\nconstant  changes a minute  delay, median   90 %")
    for constant in CONSTANTS:
        row = judge(constant, found)
        late = float(np.quantile(row.delays, 0.9, method="lower"))
        click.echo(
            f"{constant:>6g} s{row.changes:>18.1f}{statistics.median(row.delays):>13.1f} s"
            f"{late:>7.1f} s"
        )


if __name__ == "__main__":
    main()
