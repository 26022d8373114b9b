"""`musicedge bench`: measures, and prints every figure beside its budget."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from musicedge.cli.diagnostics import complain
from musicedge_benchmarks.bar import RunBar
from musicedge_benchmarks.changes import as_text as changes_as_text
from musicedge_benchmarks.changes import load_earlier
from musicedge_benchmarks.extras import require
from musicedge_benchmarks.pictures import check_picture, draw_comparison, draw_growth
from musicedge_benchmarks.pinning import pin_to_one_thread

if TYPE_CHECKING:
    from musicedge.session import Device
    from musicedge_benchmarks.manifest import LabelledTrack
    from musicedge_benchmarks.results import Results
    from musicedge_benchmarks.suite import Suite

MODELS, DATA, PEERS = "models", "data", "peers"
PARTS = (MODELS, "cold-start", "throughput", "log-mel", "memory", "live")
GROWTH = ("growth", "endurance")
LONG_PARTS = (DATA, PEERS, *GROWTH)  # measured only where they are asked for
PEER_FILES = ("yamnet", "musicnn")
_INTERRUPTED = 130
_MOST_THREADS = 256


def _counts(_: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """Read numbers of threads, such as ``1,2,4``."""
    try:
        counts = tuple(dict.fromkeys(int(part) for part in value.split(",")))
    except ValueError:
        counts = ()
    if not counts or not all(1 <= count <= _MOST_THREADS for count in counts):
        raise click.BadParameter(
            f"{value!r} must be numbers from 1 to {_MOST_THREADS}, such as 1,2,4.", param=parameter
        )
    return counts


def _files_by_name(
    _: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """Read files of other people's models, such as ``yamnet=yamnet.tflite``."""
    files = {}
    for value in values:
        name, _, path = value.partition("=")
        if name not in PEER_FILES:
            known = ", ".join(f"{each}=FILE" for each in PEER_FILES)
            raise click.BadParameter(f"{value!r} must be one of {known}.", param=parameter)
        if not Path(path).is_file():
            raise click.BadParameter(f"{path!r}: there is no such file.", param=parameter)
        files[name] = Path(path)
    return files


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=["cnn"],
    metavar="NAME|FILE",
    help="An installed model, or a model file; may be given more than once.  [default: cnn]",
)
@click.option("--variant", default="auto", show_default=True, metavar="NAME")
@click.option(
    "--device",
    "devices",
    multiple=True,
    default=["cpu"],
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where the models run; may be given more than once, to compare.  [default: cpu]",
)
@click.option(
    "--audio",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The music that all clips repeat.  [default: the example piece, or chords]",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(PARTS + LONG_PARTS),
    help="Measure this part; may be given more than once.  [default: all but the long ones]",
)
@click.option(
    "--threads",
    default="1",
    show_default=True,
    metavar="N,...",
    callback=_counts,
    help="Threads with which the models are compared, such as 1,2,4.",
)
@click.option(
    "--data",
    "manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Score the models on your labelled music: columns path, genre, valence, arousal, "
    "danceability, group and fold, any label empty.",
)
@click.option("--fold", type=int, metavar="N", help="Of --data, only the tracks of this fold.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Of --data, at most so many tracks, all genres alike, the same in every run.",
)
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For the peers: the network's weights, to run it by PyTorch.",
)
@click.option(
    "--peer",
    "peer_files",
    multiple=True,
    callback=_files_by_name,
    metavar="NAME=FILE",
    help="For the peers: a model file of yamnet (.tflite) or musicnn (.onnx).",
)
@click.option("--quick", is_flag=True, help="Fewer rounds and shorter clips: about 20 seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the comparison of models as CSV.")
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@click.option(
    "--compare",
    "earlier_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Say what changed since an earlier run's --json.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw accuracy against time into this .png, .svg or .pdf; or, with --only growth and "
    "--only endurance, time and memory against hours (needs the plot extra).",
)
def bench(
    models: tuple[str, ...],
    variant: str,
    devices: tuple[Device, ...],
    audio: Path | None,
    only: tuple[str, ...],
    threads: tuple[int, ...],
    manifest: Path | None,
    fold: int | None,
    limit: int | None,
    checkpoint: Path | None,
    peer_files: dict[str, Path],
    quick: bool,
    as_json: bool,
    as_csv: bool,
    markdown: bool,
    earlier_file: Path | None,
    plot: Path | None,
) -> int:
    """Compare the models, and measure the project's budgets, on this machine.

    Every installed model, and those of --model, are run in turn, on each --device and with each
    number of threads. Then cold start, throughput, the front-end, memory and listening are
    measured for the first model, and every figure is printed beside the project's budget. What is
    compared takes turns, so that a busy machine hits all alike; ratios can be trusted more than
    times. Ctrl-C prints what is there.

    \b
    Examples:
      musicedge bench --only models --threads 1,2
      musicedge bench --only models --device cpu --device cuda
      musicedge bench -m my.onnx --only models --markdown
      musicedge bench --only models --json > before.json
      musicedge bench --only models --compare before.json --plot models.png
      musicedge bench --data labels.csv --limit 200
      musicedge bench --only peers --checkpoint cnn.safetensors
      musicedge bench --only growth --plot growth.png
      musicedge bench --quick
    """
    pinned = pin_to_one_thread()  # before anything imports numpy
    form = _form(as_json, as_csv, markdown)
    draws_growth = MODELS not in only and not set(GROWTH).isdisjoint(only)
    asked = {"csv": as_csv, "compare": earlier_file, "plot": plot and not draws_growth}
    asked["markdown"] = markdown and {DATA, PEERS}.isdisjoint(only)
    for option in (name for name, value in asked.items() if value):
        if only and MODELS not in only:
            raise click.UsageError(f"--{option} is the comparison of models; add --only models.")
        only = only or (MODELS,)
    if earlier_file is not None and form != "text":
        raise click.UsageError(f"--compare is text; leave --{form} out.")
    if (checkpoint or peer_files) and PEERS not in only:
        raise click.UsageError("--checkpoint and --peer are for the peers; add --only peers.")
    tracks = _tracks(manifest, fold, limit)
    if tracks and DATA not in only:
        only = (*(only or (MODELS,)), DATA)
    if DATA in only and not tracks:
        raise click.UsageError("--only data needs labelled music; name it with --data.")
    earlier = load_earlier(earlier_file) if earlier_file is not None else None
    if plot is not None:
        check_picture(plot)
    with tempfile.TemporaryDirectory(prefix="musicedge-bench-") as folder, RunBar() as bar:
        from musicedge_benchmarks.suite import Suite

        suite = Suite(
            Path(folder),
            models,
            variant,
            audio=audio,
            quick=quick,
            devices=devices,
            threads=threads,
            checkpoint=checkpoint,
            peer_files=peer_files,
            data=(manifest.name if manifest else "", tracks),
            progress=bar.tell,
        )
        if not pinned:
            suite.results.notes.append("numpy was loaded already: its threads could not be pinned")
        try:
            suite.run(only or PARTS)
        except KeyboardInterrupt:
            suite.results.interrupted = True
    _print(suite, form)
    if earlier is not None:
        click.echo("\n" + "\n".join(changes_as_text(suite.results, earlier)))
    _draw(suite.results, plot, draws_growth)
    failures = suite.results.worths.failures if suite.results.worths else []
    for failure in failures:
        complain(failure)
    if suite.results.interrupted:
        return _INTERRUPTED
    return 1 if failures else 0


def _tracks(manifest: Path | None, fold: int | None, limit: int | None) -> list[LabelledTrack]:
    """Read the labelled music, in the order in which the models are asked about it."""
    if manifest is None:
        if fold is not None or limit is not None:
            raise click.UsageError("--fold and --limit choose tracks of --data; name that too.")
        return []
    require("scores", "bench", "sklearn", "scipy")
    from musicedge_benchmarks.manifest import draw, read_manifest

    return draw(read_manifest(manifest), fold=fold, limit=limit)


def _draw(results: Results, path: Path | None, draws_growth: bool) -> None:
    if path is not None and draws_growth:
        draw_growth(results.growth, results.endurance, path)
    elif path is not None and results.models:
        draw_comparison(results.models, path, results.worths)


def _form(as_json: bool, as_csv: bool, markdown: bool) -> str:
    given = {"json": as_json, "csv": as_csv, "markdown": markdown}
    chosen = [form for form, wanted in given.items() if wanted]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other; choose one.")
    return chosen[0] if chosen else "text"


def _print(suite: Suite, form: str) -> None:
    from musicedge_benchmarks import tables
    from musicedge_benchmarks.report import text

    results = suite.results
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    forms = {
        "json": lambda: json.dumps(results.to_dict(), indent=2) + "\n",
        "csv": lambda: tables.as_csv(results),
        "markdown": lambda: tables.as_markdown(results),
        "text": lambda: text(results, width),
    }
    click.echo(forms[form](), nl=False)
