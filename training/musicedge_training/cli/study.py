"""`musicedge study`: train and test recipes on every split of the corpus, and print the table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from musicedge_training.cli.options import dataset_options
from musicedge_training.recipe import load_recipe
from musicedge_training.study import PROBE, System, run
from musicedge_training.tables import results_table
from musicedge_training.workbench import Workbench


@click.command()
@click.argument("systems", nargs=-1, required=True, metavar="RECIPE...")
@dataset_options(needs_weights=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where each split's predictions and checkpoints are kept.",
)
@click.option("--ship", is_flag=True, help="Also train on all tracks, calibrated by the folds.")
@click.option("--folds-only", is_flag=True, help="Leave out the trainings without each collection.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def study(
    systems: tuple[str, ...],
    bench: Workbench,
    output: Path,
    ship: bool,
    folds_only: bool,
    as_json: bool,
) -> None:
    """Train and test systems on the same splits, and print their scores side by side.

    RECIPE is the name of a shipped recipe, a TOML file, or "probe" for linear models on the frozen
    pretrained embedding. A split that is done is not done again, so an interrupted study goes on.

    \b
    Examples:
      musicedge study probe --data corpus --weights weights
      musicedge study probe cnn --data corpus --weights weights --ship
      musicedge study cnn lstm ast --data corpus --weights weights --folds-only
    """
    # All recipes are read before the first training: the last one may be misspelt.
    chosen = [System(None if name == PROBE else load_recipe(name)) for name in systems]
    results = [
        run(bench, system, output, ship=ship, collections=not folds_only) for system in chosen
    ]
    click.echo(json.dumps(results, indent=1) if as_json else results_table(results))
