"""`musicedge explain`: why a model says what it says of a moment, in words and as a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from musicedge.cli.diagnostics import is_on_terminal
from musicedge.cli.options import chosen_form, finite, model_options, refuse_audio
from musicedge.cli.output import STDOUT, destination, standard_output
from musicedge.cli.rooms import tool
from musicedge.cli.startup import no_blas_threads, nothing_collected

if TYPE_CHECKING:
    from musicedge.explanation import Explanation

PAGE_SUFFIX = ".explained.html"


@click.command(
    epilog="""\b
Examples:
  musicedge explain song.mp3
  musicedge explain --at 95 --of jazz song.mp3
  musicedge explain -m my.onnx -o why.html song.mp3
  musicedge explain --json song.mp3 | jq .bands
  musicedge explain --checkpoint cnn.safetensors song.mp3
"""
)
@click.argument("path", metavar="FILE", type=click.Path(readable=False))
@model_options
@click.option(
    "--at",
    type=click.FloatRange(0),
    callback=finite,
    metavar="SECONDS",
    show_default="where the model is most certain",
    help="The moment to explain.",
)
@click.option(
    "--of",
    metavar="WHAT",
    show_default="the first genre",
    help="What to explain: a genre, valence, arousal, danceability or music.",
)
@click.option(
    "--checkpoint",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Take the map from the gradients of the checkpoint that the model was made of.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, and no page.")
@click.option(
    "-o",
    "--output",
    type=click.Path(readable=False),
    metavar="FILE",
    show_default=f"the piece's name with {PAGE_SUFFIX}, here",
    help="Write there; .html, .png and .json choose the form.",
)
def explain(
    path: str,
    model: str,
    variant: str,
    device: str,
    at: float | None,
    of: str | None,
    checkpoint: str | None,
    as_json: bool,
    output: str | None,
) -> None:
    """Tell why a model says what it says of a moment of a piece.

    Parts of what the model sees are covered, and its answers compared: nothing but the model file
    is needed. The page shows the piece over time and, for one window, how much each band and each
    second speaks for the answer; words and a check of the map go to standard output.
    """
    if path == "-":
        raise click.UsageError("the piece is read twice, which standard input cannot be.")
    refuse_audio(output, path)
    form, output = _form(path, as_json, output)
    with nothing_collected(), no_blas_threads():
        from musicedge.explaining import explain as explained
        from musicedge.model import load
        from musicedge.readings import target_names
        from musicedge.report.explanation.json import explanation_object
        from musicedge.report.explanation.page import explanation_page
        from musicedge.report.json import compact

        draw = tool("explanation-picture", "plot") if form == "png" else None
        loaded = load(model, variant=variant, device=device)
        by = tool("checkpoint-map", "train")(checkpoint, loaded.card) if checkpoint else None
    names = target_names(loaded.card)
    if of is not None and of not in names:
        raise click.BadParameter(
            f"{of!r} is nothing that this model tells; choose of {', '.join(names)}.",
            param_hint="--of",
        )
    with destination(output, line_by_line=False, for_programs=True, whole=True) as stream:
        with _progress() as progress:
            found = explained(loaded, path, at=at, of=of, by=by, progress=progress)
        if draw is not None:
            stream.buffer.write(draw(found))
        elif form == "json":
            stream.write(compact(explanation_object(found)) + "\n")
        else:
            genre = loaded.card.head("genre")
            stream.write(explanation_page(found, genre.labels if genre is not None else ()))
    if form != "json" and output != STDOUT:
        _tell(found, str(output))


def _form(path: str, as_json: bool, output: str | None) -> tuple[str, str | None]:
    """Return the form of what is written, and where; None for standard output."""
    form = chosen_form({"json": as_json, "html": False, "png": False}, output)
    if form == "text":  # no flag and no suffix chooses another
        form = "html"
        if output is None:
            output = Path(path).stem + PAGE_SUFFIX
        elif output != STDOUT:
            raise click.UsageError(f"-o {output} chooses no form; name a .html, .png or .json.")
    return form, output


def _tell(found: Explanation, output: str) -> None:
    """Put the explanation in words on standard output, and where the page or picture is."""
    from musicedge.audio import printable
    from musicedge.report.explanation.text import explanation_text

    with standard_output(for_programs=False) as stream:
        width = shutil.get_terminal_size().columns if stream.isatty() else None
        stream.write(explanation_text(found, width) + f"  see {printable(output)}\n")


@contextmanager
def _progress() -> Iterator[Callable[[int], None] | None]:
    """Show on a terminal how far the work is; give what counts its windows, or None elsewhere."""
    if not is_on_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from musicedge.explaining import RUNS

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task("listening with parts covered", total=RUNS)
        yield lambda count: bar.advance(task, count)
