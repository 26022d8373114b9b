"""The options that commands on a dataset share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from musicedge.cpus import available_cpus
from musicedge_training.workbench import Workbench

Command = Callable[..., Any]

_FOLDER = click.Path(file_okay=False, path_type=Path)


def feature_options(command: Command) -> Command:
    """Add --cache and --jobs, and pass them on; without --jobs, as many as there are CPUs."""

    @click.option(
        "--cache",
        type=_FOLDER,
        default=Path(".cache"),
        show_default=True,
        help="Where features are kept, and a training's crops (1.6 GB for each of its variants).",
    )
    @click.option("--jobs", type=click.IntRange(1), default=None, help="Processes for features.")
    @functools.wraps(command)
    def wrapper(*args: Any, jobs: int | None, **kwargs: Any) -> Any:
        return command(*args, jobs=jobs or available_cpus(), **kwargs)

    return wrapper


def dataset_options(*, needs_weights: bool) -> Callable[[Command], Command]:
    """Return what adds --data, --weights, --cache, --jobs and --threads, passed on as `bench`."""

    def decorate(command: Command) -> Command:
        return _with_bench(command, needs_weights)

    return decorate


def _with_bench(command: Command, needs_weights: bool) -> Command:
    @click.option(
        "--data", required=True, help="A folder of genre-named folders, a CSV, or a known dataset."
    )
    @click.option(
        "--weights",
        type=_FOLDER,
        required=needs_weights,
        help="Folder of the pretrained network mn04_as and its label list.",
    )
    @feature_options
    @click.option(
        "--threads",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Threads of a training on the CPU; networks this small gain nothing by more.",
    )
    @functools.wraps(command)
    def wrapper(
        *args: Any,
        data: str,
        weights: Path | None,
        cache: Path,
        jobs: int,
        threads: int,
        **kwargs: Any,
    ) -> Any:
        import torch

        torch.set_num_threads(threads)
        bench = Workbench(data, weights, cache, jobs)
        return command(*args, bench=bench, **kwargs)

    return wrapper
