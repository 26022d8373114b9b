"""`musicedge train`: train a model on a folder of music or a dataset, by a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from musicedge_training import checkpoint
from musicedge_training.cli.options import dataset_options
from musicedge_training.console import is_first_process
from musicedge_training.judgement import to_text
from musicedge_training.recipe import Recipe, RecipeError, load_recipe, parse_settings
from musicedge_training.running import Run
from musicedge_training.splits import FOLDS
from musicedge_training.teacher import Teacher
from musicedge_training.training import Training
from musicedge_training.workbench import Workbench

_DEFAULT = "finetune"


@click.command()
@click.argument("recipe", default=_DEFAULT, metavar="[RECIPE]")
@dataset_options(needs_weights=False)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Replace a value of the recipe, as TOML; may be given more than once.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="The checkpoint is OUTPUT/RECIPE/model.safetensors.",
)
@click.option(
    "--fold",
    type=click.IntRange(0, FOLDS - 1),
    help="Hold out this fifth of the tracks, and score on it.  [default: the test part of the "
    "dataset's official split; fold 0 where there is none]",
)
@click.option("--everything", is_flag=True, help="Hold nothing out: train on all, without a score.")
@click.option(
    "--teacher",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A checkpoint to learn from, of the same labels and with the same tracks held out.",
)
@click.option("--resume", is_flag=True, help="Go on with a training that was interrupted.")
@click.option("--devices", default="1", show_default=True, help="GPUs, as Lightning takes them.")
@click.option("--strategy", default="auto", show_default=True, help="Lightning's, such as ddp.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def train(
    recipe: str,
    bench: Workbench,
    settings: tuple[str, ...],
    output: Path,
    fold: int | None,
    everything: bool,
    teacher: Path | None,
    resume: bool,
    devices: str,
    strategy: str,
    as_json: bool,
) -> None:
    """Train a model of RECIPE, the name of a shipped recipe or a TOML file.

    Without RECIPE the shipped CNN goes on learning, from your own music alone: the folders' names
    in --data become the genres. The recipes cnn, lstm and ast begin with the AudioSet network, so
    they need --weights. The test part of the dataset's official split is held out, or a fold where
    there is none, and the model is scored on it. Ctrl-C keeps what was done after each epoch;
    --resume goes on, to the same result.

    \b
    Examples:
      musicedge train --data music/
      musicedge train --data songs.csv --set epochs=20 --set name=mine
      musicedge train --data music/ --set augmentation=spectrogram,mixup
      musicedge train lstm --data corpus --weights weights --set teacher=none
      musicedge export runs/finetune/model.safetensors --data music/
    """
    chosen = load_recipe(recipe, parse_settings(settings))
    _check_weights(chosen, bench)
    training = Training(
        bench,
        chosen,
        output,
        fold,
        everything,
        _teacher(chosen, teacher),
    )
    training.check_room(resume=resume)
    run = Run(
        resume=resume,
        devices=int(devices) if devices.lstrip("-").isdigit() else devices,
        strategy=strategy,
        progress=True,
    )
    try:
        judgement = training.run(run)
    except KeyboardInterrupt:
        if training.is_begun and is_first_process():
            click.echo("interrupted: --resume with the same command goes on from here", err=True)
        raise
    if not is_first_process():
        return
    if as_json:
        scores: dict[str, Any] = {} if judgement is None else judgement.to_dict()
        about = {"checkpoint": str(training.checkpoint), "split": training.split.name}
        click.echo(json.dumps({**about, **scores}, indent=1))
        return
    if judgement is not None:
        click.echo(f"held out, {training.held_out}: {to_text(judgement)}")
    click.echo(f"see {training.checkpoint}")


def _check_weights(recipe: Recipe, bench: Workbench) -> None:
    if bench.weights is None and recipe.start != "shipped":
        raise click.UsageError(
            f"{recipe.name} begins with the AudioSet network: give its folder with --weights"
        )


def _teacher(recipe: Recipe, path: Path | None) -> Teacher | None:
    if path is not None:
        network, info = checkpoint.load(path)
        return Teacher(network, int(info.recipe["frozen_blocks"]), info.trained_on)
    if recipe.teacher is not None:
        raise RecipeError(
            f"{recipe.name}: learns from {recipe.teacher!r}; name its checkpoint with --teacher, "
            "or train without one by --set teacher=none"
        )
    return None
