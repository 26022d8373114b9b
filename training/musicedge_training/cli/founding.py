"""`musicedge founding`: the founding study's networks on the corpus, and the table of results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from musicedge_training.console import console
from musicedge_training.founding.experiments import (
    EXPERIMENTS,
    Experiment,
    NothingChosen,
    choose,
)
from musicedge_training.founding.findings import find
from musicedge_training.founding.grid import Grid
from musicedge_training.founding.scoring import largest_class
from musicedge_training.founding.settings import Settings, read_settings
from musicedge_training.founding.table import findings_table, results_table

_FOLDER = click.Path(file_okay=False, path_type=Path)


def _settings(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> Settings:
    pairs = [value.partition("=") for value in values]
    for key, equals, _ in pairs:
        if not equals:
            raise click.UsageError(f"--set {key} has no value; write --set {key}=VALUE.")
    return read_settings({key: value for key, _, value in pairs})


@click.command()
@click.option("--data", help="The corpus, patrec:FOLDER, or any other dataset.")
@click.option(
    "--cache",
    type=_FOLDER,
    default=Path(".cache"),
    show_default=True,
    help="Where features are kept (about 0.3 MB a track).",
)
@click.option(
    "-o",
    "--output",
    type=_FOLDER,
    default=Path("runs/founding"),
    show_default=True,
    help="Where each experiment's result and network are kept.",
)
@click.option("--only", metavar="REGEX", help="Run the experiments whose names it is found in.")
@click.option("--list", "listing", is_flag=True, help="Print the names of the experiments and end.")
@click.option("--show", is_flag=True, help="Train nothing: print what is done already.")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_settings,
    help="Another value of a setting: " + ", ".join(Settings.model_fields) + ".",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes for features."
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Threads for training; such small networks gain little from more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def founding(
    data: str | None,
    cache: Path,
    output: Path,
    only: str | None,
    listing: bool,
    show: bool,
    settings: Settings,
    jobs: int,
    threads: int,
    as_json: bool,
) -> None:
    """Train and test the networks of the founding study, and print their scores.

    Its LSTM and its CNN, each on mel, beat-synchronous mel, chroma, mel with chroma, and that
    beat-synchronous; for genre, for three moods at once with equal and with tuned weights, from
    nothing and from a network of genres, and for each mood alone. Fold 0 of the corpus is tested
    on, fold 1 decides when training stops, the music of the others is trained on; a dataset with an
    official split is tested on its test part. The founding lab's own spectrograms, --data
    patrec:FOLDER, need no audio. What is done is not done again, so an interrupted run goes on; two
    runs may share the work with different --only. A second table says which of the study's findings
    hold, as far as both sides of a comparison are done.

    \b
    Examples:
      musicedge founding --list
      musicedge founding --data corpus --only 'genre$'
      musicedge founding --data corpus --only '^cnn-mel' --set seconds=5 --set epochs=20
      musicedge founding --data corpus --show --json > results.json
      musicedge founding --data patrec:downloads/data -o runs/patrec
    """
    import torch

    chosen = choose(only)
    if listing:
        for each in chosen if only else EXPERIMENTS:
            click.echo(each.name)
        return
    if data is None:
        raise click.UsageError("Missing option '--data': the corpus, or another dataset.")
    torch.set_num_threads(threads)
    grid = Grid(data, cache, output, settings, jobs)
    if not show and grid.source.parts.official:
        console.print(grid.told(chosen), markup=False, highlight=False, soft_wrap=True)
    results = []
    for result in _read(grid, chosen) if show else grid.run(chosen):
        results.append(result)
        if not show:
            place = f"{len(results)} of {len(chosen)}"
            console.print(f"{result['name']}: done, {place}", highlight=False)
    if not results:
        raise NothingChosen(f"{output}: no experiment is done there; leave --show out to begin")
    names = {result["name"] for result in results}
    tested = {kind: grid.tested(kind) for kind in ("genre", "moods")}
    both = list({track.id: track for tracks in tested.values() for track in tracks}.values())
    answers = {each.name: grid.answers(each) for each in chosen if each.name in names}
    findings = find(both, answers, genres=grid.source.genres)
    if as_json:
        found = [each.to_dict() for each in findings]
        click.echo(json.dumps({"results": results, "findings": found}, indent=1))
        return
    click.echo(results_table(results, largest_class(tested["genre"])))
    if findings:
        click.echo("\n" + findings_table(findings))


def _read(grid: Grid, experiments: Sequence[Experiment]) -> Iterator[dict[str, Any]]:
    for each in experiments:
        result = grid.read(each)
        if result is not None:
            yield result
