"""`musicedge evaluate`: score a trained model on labelled music."""

from __future__ import annotations

import json
from pathlib import Path

import click

from musicedge.cli.output import destination
from musicedge_training.cli.options import feature_options
from musicedge_training.console import console
from musicedge_training.datasets.opening import open_dataset
from musicedge_training.evaluation import of_checkpoint, of_model, predictions_of
from musicedge_training.judgement import judge, to_text
from musicedge_training.pictures.evaluation import draw, page
from musicedge_training.splits import FOLDS
from musicedge_training.unheard import part_of


@click.command()
@click.argument("source", metavar="CHECKPOINT|MODEL")
@click.option(
    "--data", required=True, help="A folder of genre-named folders, a CSV, or a known dataset."
)
@feature_options
@click.option(
    "--fold",
    type=click.IntRange(0, FOLDS - 1),
    help="Score the tracks of one fold.  [default: what a checkpoint has not heard]",
)
@click.option("--everything", is_flag=True, help="Score all tracks, whatever was trained on.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="A picture (.png) or a page (.html) of the results.",
)
def evaluate(
    source: str,
    data: str,
    cache: Path,
    jobs: int,
    fold: int | None,
    everything: bool,
    as_json: bool,
    output: str | None,
) -> None:
    """Score a CHECKPOINT, or a MODEL by name or file, on the labelled tracks of --data.

    Prints accuracy, macro-F1 and calibration error of genres, the rank correlation (Spearman),
    concordance (CCC) and R2 of moods for each source of labels, each with its 95 % interval, and
    every genre's precision, recall and F1. Scores on tracks that were trained on flatter a model:
    a checkpoint is scored on what was held out when it was trained, the official test part or a
    fold, and of other music on all that it has not heard. A model file does not say what it has
    heard.

    \b
    Examples:
      musicedge evaluate runs/finetune/model.safetensors --data music/
      musicedge evaluate cnn.int8 --data songs.csv -o results.html
      musicedge evaluate my.onnx --data corpus --json
    """
    suffix = "" if output is None else Path(output).suffix.lower()
    if output is not None and suffix not in (".png", ".html"):
        raise click.UsageError(f"-o {output}: must end in .png or .html")
    subject = of_checkpoint(Path(source)) if source.endswith(".safetensors") else of_model(source)
    dataset = open_dataset(data)
    for note in dataset.notes:
        console.print(f"{dataset.source}: {note}", markup=False, soft_wrap=True)
    part = part_of(dataset, subject.split, subject.trained_on, fold=fold, everything=everything)
    for note in part.notes:
        console.print(f"{source}: {note}", markup=False, soft_wrap=True)
    tracks, predictions = predictions_of(subject, part.tracks, cache, jobs)
    judgement = judge(tracks, predictions, temperature=subject.temperature, genres=subject.genres)
    if output is not None:
        title = f"{Path(source).name} on {dataset.name}, {part.name}"
        with destination(output, line_by_line=False, for_programs=True, whole=True) as stream:
            if suffix == ".png":
                stream.buffer.write(draw(title, judgement))
            else:
                stream.write(page(title, judgement))
    if as_json:
        about = {
            **{"model": source, "data": str(dataset.source)},
            **{"part": part.name, "fold": part.fold, "trained_on": part.heard},
        }
        click.echo(json.dumps({**about, **judgement.to_dict()}, indent=1))
        return
    click.echo(f"{part.name}: {to_text(judgement)}")
    if output is not None:
        click.echo(f"see {output}")
