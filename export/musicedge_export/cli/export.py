"""`musicedge export`: a checkpoint becomes verified model files, a model file another form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
import onnx

from musicedge import bundle
from musicedge.frontend_config import FrontEndConfig
from musicedge_export.candidates import Candidate
from musicedge_export.conversion import Converter
from musicedge_export.exporting import Exporter
from musicedge_export.files import Exported, manifest, update_manifest, write_models
from musicedge_export.forms import waveform_form
from musicedge_export.graph import INPUT
from musicedge_export.material import Material
from musicedge_export.variants import ALL, DEFAULT_VARIANTS, VARIANTS
from musicedge_export.waveform import WAVEFORM
from musicedge_training import checkpoint
from musicedge_training.cli.options import feature_options
from musicedge_training.datasets.opening import open_dataset
from musicedge_training.representations import LogMelCache

CHECKPOINT = ".safetensors"


@click.command()
@click.argument("source", metavar="CHECKPOINT|MODEL")
@click.option(
    "--data",
    help="Labelled music to calibrate and verify on, of a checkpoint what it was trained on; "
    "needed for a checkpoint and for --variant.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice([*VARIANTS, ALL]),
    help="What to write, more than once for more; int8-static is for CNNs, int4 for "
    "transformers.  [default: fp32 and int8]",
)
@click.option(
    "--input",
    "graph_input",
    type=click.Choice([INPUT, WAVEFORM]),
    default=INPUT,
    show_default=True,
    help="What the model takes; waveform puts the front-end into the file, for other programs.",
)
@click.option(
    "--ort", is_flag=True, help="Also write onnxruntime's own format, for minimal builds."
)
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
    type=click.Choice(VARIANTS),
    default="fp32",
    show_default=True,
    help="The variant that the manifest names for --variant auto.",
)
@feature_options
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    source: str,
    data: str | None,
    variants: Sequence[str],
    graph_input: str,
    ort: bool,
    output: Path,
    manifest_file: Path | None,
    default: str,
    cache: Path,
    jobs: int,
    as_json: bool,
) -> None:
    """Export a CHECKPOINT as verified model files, or a MODEL in another variant or form.

    A checkpoint becomes NAME.fp32.onnx and NAME.int8.onnx. Every graph is compared with the network
    on real windows. Where the checkpoint lies in a study's folder, the networks of the folds are
    exported in the same way, and each variant is scored on tracks that were not trained on; if a
    smaller one loses too much, nothing is written.

    A model in fp32 (a name as of `musicedge models`, or a file) becomes other variants, each scored
    beside it on labelled music. Any model can be given the front-end inside, so that any ONNX
    runtime goes from samples to scores with it, or onnxruntime's own format.

    \b
    Examples:
      musicedge export runs/cnn/model.safetensors --data corpus -o models
      musicedge export runs/cnn/model.safetensors --data corpus --variant all
      musicedge export cnn --variant int8-static --data corpus
      musicedge export cnn.int8 --input waveform --ort
    """
    if source.endswith(CHECKPOINT):
        candidates = _of_checkpoint(Path(source), data, variants, cache, jobs)
    elif variants:
        candidates = _converted(source, data, variants, cache, jobs)
    elif graph_input == INPUT and not ort:
        raise click.UsageError(
            "a model is exported already; give --variant, --input waveform or --ort"
        )
    else:
        candidates = [_of_model(source)]
    if graph_input == WAVEFORM:
        _note("the front-end goes into the graph")
        candidates = [waveform_form(candidate) for candidate in candidates]
    written = write_models(candidates, output, ort=ort)
    if manifest_file is not None:
        entry = manifest(written, default)
        beside = not source.endswith(CHECKPOINT)
        update_manifest(manifest_file, candidates[0].card.name, entry, beside=beside)
    if as_json:
        click.echo(json.dumps([_as_object(item) for item in written], indent=1))
        return
    for item in written:
        _print(item)


def _of_checkpoint(
    path: Path, data: str | None, variants: Sequence[str], cache: Path, jobs: int
) -> list[Candidate]:
    if data is None:
        raise click.UsageError("a checkpoint is calibrated and verified on music; give --data")
    info = checkpoint.load(path)[1]
    material = _material(data, info.frontend, cache, jobs)
    return Exporter(material, _note).export(path, variants or DEFAULT_VARIANTS)


def _converted(
    source: str, data: str | None, variants: Sequence[str], cache: Path, jobs: int
) -> list[Candidate]:
    if "fp32" in variants:
        raise click.UsageError("a model's variants are made of its fp32 form: that one is there")
    if data is None:
        raise click.UsageError("a variant is judged on labelled music; give --data")
    found = _opened(source, "fp32")
    return Converter(_material(data, found.card.frontend, cache, jobs), _note).convert(
        found, variants
    )


def _material(data: str, frontend: FrontEndConfig, cache: Path, jobs: int) -> Material:
    tracks = open_dataset(data).tracks
    logmel = LogMelCache(cache / "logmel", frontend)
    skipped = {each.path for each in logmel.fill([track.path for track in tracks], jobs=jobs)}
    return Material([track for track in tracks if track.path not in skipped], logmel)


def _of_model(source: str) -> Candidate:
    found = _opened(source)
    return Candidate(onnx.load_from_string(found.data), found.card, ())


def _opened(source: str, variant: str = "auto") -> bundle.Bundle:
    found = bundle.open(source, variant)
    if found.card.input != INPUT:
        raise click.UsageError(f"{found.source} takes a {found.card.input}: give the one it is of")
    return found


def _note(line: str) -> None:
    click.echo(line, err=True)


def _as_object(item: Exported) -> dict[str, object]:
    return {
        "path": str(item.path),
        "variant": item.variant,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "differences": {d.output: d.value for d in item.differences},
        "scores": dict(item.scores),
        "companions": [str(path) for path in item.companions],
    }


def _print(item: Exported) -> None:
    line = f"{item.path}: {item.bytes:,} bytes"
    if item.differences:
        worst = max(item.differences, key=lambda difference: difference.value)
        line += f", at most {worst.value:.2g} from what it was made of ({worst.output})"
    click.echo(line)
    for path in item.companions:
        click.echo(f"{path}: {path.stat().st_size:,} bytes")
    for name, value in item.scores.items():
        click.echo(f"  {name}: {value:.4f}")
