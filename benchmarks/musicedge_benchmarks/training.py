"""What training costs: time, memory, and how long steps wait for their examples.

    python -m musicedge_benchmarks.training                      # fine-tunings of 25 to 100 songs
    python -m musicedge_benchmarks.training --data corpus --recipe cnn --weights weights

The room of training is not imported: `musicedge train` is run and watched, as a user runs it.
"""

from __future__ import annotations

import csv
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import soundfile
from numpy.typing import NDArray

from musicedge.errors import MusicedgeError
from musicedge_benchmarks.clips import RATE, load_piece
from musicedge_benchmarks.extras import require
from musicedge_benchmarks.processes import COMMAND, own_memory, trace_memory

WAITING_LIMIT = 0.1  # of the time of a training's steps
MINUTES_LIMIT = 30.0  # of a fine-tuning of the default model, on two cores

_COUNTS = (25, 50, 100)
_SECONDS = 30.0
_GENRES = ("one", "other")
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class TrainingCost:
    """What one `musicedge train` took, from nothing to its scored checkpoint.

    Attributes
    ----------
    recipe, data
        What was trained on what.
    wall, cpu
        Seconds that passed, and seconds of processor time over all its processes.
    waiting
        Share of the steps' time, in [0, 1], that went by between them: the median over the epochs.
    peak
        The most bytes that all its processes held, beside files on the disk.
    """

    recipe: str
    data: str
    wall: float
    cpu: float
    waiting: float
    peak: int


def write_songs(folder: Path, piece: NDArray[np.float32], count: int, seconds: float) -> Path:
    """Write songs of two genres, each another stretch of a piece, and return the folder.

    Parameters
    ----------
    piece : np.ndarray [shape=(n, channels)]
        At `musicedge_benchmarks.clips.RATE`.
    """
    mono = piece.mean(axis=1)
    for number in range(count):
        home = folder / _GENRES[number % len(_GENRES)]
        home.mkdir(parents=True, exist_ok=True)
        stretch = np.resize(np.roll(mono, -number * RATE // 4), round(seconds * RATE))
        soundfile.write(home / f"{number:04}.flac", stretch, RATE)
    return folder


def measure_training(
    recipe: str,
    data: str | Path,
    folder: Path,
    options: Sequence[str] = (),
    *,
    command: Sequence[str] = COMMAND,
) -> TrainingCost:
    """Train once, in a process of its own, and watch it.

    Parameters
    ----------
    recipe, data
        As `musicedge train` takes them.
    folder
        Where the features and the checkpoint are kept; new ones are computed where it is empty.
    options
        More of `musicedge train`.
    command
        What the arguments are given to.

    Raises
    ------
    musicedge_benchmarks.processes.ProcessFailed
        It did not end well.
    """
    runs = folder / "runs"
    given = ["train", recipe, "--data", str(data), "--cache", str(folder / "cache")]
    trace = trace_memory((*command, *given, "-o", str(runs), *options), own_memory)
    return TrainingCost(
        recipe=recipe,
        data=str(data),
        wall=trace.wall,
        cpu=trace.cpu,
        waiting=statistics.median(_waiting(next(runs.glob("*/*/logs/csv/metrics.csv")))),
        peak=trace.peak,
    )


def _waiting(log: Path) -> list[float]:
    with log.open(newline="", encoding="utf-8") as file:
        return [float(row["waiting"]) for row in csv.DictReader(file) if row["waiting"]]


@click.command()
@click.option(
    "--recipe", "recipes", multiple=True, default=["finetune"], show_default=True, metavar="NAME"
)
@click.option("--data", help="Train on this instead of on songs that are made.")
@click.option("--weights", help="Of the AudioSet network; all recipes but finetune need it.")
@click.option(
    "--songs", type=int, multiple=True, default=_COUNTS, show_default=True, help="How many to make."
)
@click.option("--seconds", default=_SECONDS, show_default=True, help="Length of each.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Of the recipes.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(
    recipes: tuple[str, ...],
    data: str | None,
    weights: str | None,
    songs: tuple[int, ...],
    seconds: float,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what training each recipe costs on datasets of several sizes, or on one's own."""
    require("trainings", "train,bench", "torch", "lightning", "psutil")
    options = [*(["--weights", weights] if weights else []), "--set", "teacher=none"]
    options += [part for setting in settings for part in ("--set", setting)]
    found = []
    with tempfile.TemporaryDirectory(prefix="musicedge-bench-") as scratch:
        for count in songs if data is None else (0,):
            made = Path(scratch) / f"{count} songs"
            source = data or write_songs(made, load_piece(), count, seconds)
            for recipe in recipes:
                folder = Path(scratch) / f"{recipe} {count}"
                try:
                    found.append(measure_training(recipe, source, folder, options))
                except MusicedgeError as error:
                    raise click.ClickException(f"{recipe}: {error}") from error
                if not as_json:
                    click.echo(_line(found[-1]))
    if as_json:
        click.echo(json.dumps([asdict(cost) for cost in found], indent=1))


def _line(cost: TrainingCost) -> str:
    return (
        f"{cost.recipe} on {Path(cost.data).name}: {cost.wall / 60:.1f} minutes (asked of "
        f"finetune on two cores: {MINUTES_LIMIT:.0f}), {cost.cpu / 60:.1f} of a processor; "
        f"{cost.waiting:.1%} of the steps' time is waiting (asked: under {WAITING_LIMIT:.0%}); "
        f"{cost.peak / _MEGABYTE:.0f} MB"
    )


if __name__ == "__main__":
    main()
