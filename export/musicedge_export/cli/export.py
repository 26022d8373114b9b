"""`musicedge export`: a checkpoint becomes verified model files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from musicedge_export.exporting import Exporter, manifest, update_manifest
from musicedge_training.cli.options import dataset_options
from musicedge_training.workbench import Workbench


@click.command()
@click.argument("checkpoint", type=click.Path(dir_okay=False, path_type=Path))
@dataset_options
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the model files.  [default: the current one]",
)
@click.option(
    "--manifest",
    "manifest_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="List the files, with their SHA-256, in this manifest (as shipped models are).",
)
@click.option(
    "--default",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="The variant that the manifest names for --variant auto.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    checkpoint: Path,
    bench: Workbench,
    output: Path,
    manifest_file: Path | None,
    default: str,
    as_json: bool,
) -> None:
    """Export CHECKPOINT as NAME.fp32.onnx and NAME.int8.onnx, verified against the network.

    Every graph is compared with the network on real windows. Where CHECKPOINT lies in a study's
    folder, the networks of the folds are exported in the same way, and each variant is scored on
    tracks that were not trained on; if the quantised one loses too much, nothing is written.

    \b
    Example:
      musicedge export runs/cnn/model.safetensors --data corpus --weights weights -o models
    """
    exporter = Exporter(bench.tracks, bench.logmel, lambda line: click.echo(line, err=True))
    written = exporter.export(checkpoint, output)
    if manifest_file is not None:
        name = written[0].path.name.split(".")[0]
        update_manifest(manifest_file, name, manifest(written, default))
    if as_json:
        rows = [
            {
                "path": str(item.path),
                "variant": item.variant,
                "bytes": item.bytes,
                "sha256": item.sha256,
                "differences": {d.output: d.value for d in item.differences},
                "held_out": dict(item.scores),
            }
            for item in written
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for item in written:
        worst = max(item.differences, key=lambda difference: difference.value)
        click.echo(
            f"{item.path}: {item.bytes:,} bytes, at most {worst.value:.2g} from the network "
            f"({worst.output})"
        )
        for name, value in item.scores.items():
            click.echo(f"  {name}: {value:.4f}")
