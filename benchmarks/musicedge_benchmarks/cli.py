"""`musicedge bench`: measures, and prints every figure beside its budget."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from musicedge_benchmarks.bar import RunBar
from musicedge_benchmarks.changes import as_text as changes_as_text
from musicedge_benchmarks.changes import load_earlier
from musicedge_benchmarks.pictures import check_picture, draw_comparison
from musicedge_benchmarks.pinning import pin_to_one_thread

if TYPE_CHECKING:
    from musicedge.session import Device
    from musicedge_benchmarks.suite import Suite

PARTS = ("models", "cold-start", "throughput", "log-mel", "memory", "live")
LONG_PARTS = ("endurance",)  # measured only where they are asked for
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


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=["cnn"],
    show_default="cnn",
    metavar="NAME|FILE",
    help="An installed model, or a model file; may be given more than once.",
)
@click.option("--variant", default="auto", show_default=True, metavar="NAME")
@click.option(
    "--device",
    "devices",
    multiple=True,
    default=["cpu"],
    show_default="cpu",
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where the models run; may be given more than once, to compare.",
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
    help="Measure this part; may be given more than once.  [default: all but endurance]",
)
@click.option(
    "--threads",
    default="1",
    show_default=True,
    metavar="N,...",
    callback=_counts,
    help="Threads with which the models are compared, such as 1,2,4.",
)
@click.option("--quick", is_flag=True, help="Fewer rounds and shorter clips: under 20 s.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the comparison of models as CSV.")
@click.option("--markdown", is_flag=True, help="Print the comparison of models as Markdown.")
@click.option(
    "--compare",
    "earlier_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Say what changed since an earlier run's --json.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw accuracy against time into this .png, .svg or .pdf (needs the plot extra).",
)
def bench(
    models: tuple[str, ...],
    variant: str,
    devices: tuple[Device, ...],
    audio: Path | None,
    only: tuple[str, ...],
    threads: tuple[int, ...],
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
      musicedge bench --quick
    """
    form = _form(as_json, as_csv, markdown)
    asked = {"csv": as_csv, "markdown": markdown, "plot": plot, "compare": earlier_file}
    for option in (name for name, value in asked.items() if value):
        if only and "models" not in only:
            raise click.UsageError(f"--{option} is the comparison of models; add --only models.")
        only = only or ("models",)
    if earlier_file is not None and form != "text":
        raise click.UsageError(f"--compare is text; leave --{form} out.")
    earlier = load_earlier(earlier_file) if earlier_file is not None else None
    if plot is not None:
        check_picture(plot)
    pinned = pin_to_one_thread()
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
    if plot is not None and suite.results.models:
        draw_comparison(suite.results.models, plot)
    return _INTERRUPTED if suite.results.interrupted else 0


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
    forms = {
        "json": lambda: json.dumps(results.to_dict(), indent=2) + "\n",
        "csv": lambda: tables.as_csv(results),
        "markdown": lambda: tables.as_markdown(results),
        "text": lambda: text(results),
    }
    click.echo(forms[form](), nl=False)
