"""`musicedge classify`: files, folders or standard input in, genre and mood out."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from musicedge.cli import DONE, FAILED, INTERRUPTED
from musicedge.cli.diagnostics import complain_of
from musicedge.cli.interruption import Interruption
from musicedge.cli.options import chosen_form, model_options, part_options, refuse_audio
from musicedge.cli.startup import no_blas_threads, nothing_collected
from musicedge.errors import MusicedgeError

if TYPE_CHECKING:
    from musicedge.library import Outcome
    from musicedge.model import Model
    from musicedge.report import Report

FORMS = ("json", "jsonl", "csv", "html")  # without one of them: text for people
_LINE_BY_LINE = ("jsonl", "csv")


class _Order(NamedTuple):
    """What was asked for, as far as the output is concerned."""

    form: str
    output: str | None
    timeline: bool
    top: int | None


@click.command(
    epilog="""\b
Examples:
  musicedge classify song.mp3
  musicedge classify --timeline --top 3 concert.flac
  musicedge classify --csv -o library.csv Music/
  musicedge classify --html report.html Music/
  cat song.ogg | musicedge classify --json -
"""
)
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(readable=False)
)
@model_options
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    show_default="fitting",
    help="Threads of the model for one file.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    show_default="one for each CPU",
    help="Files at the same time.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.option("--jsonl", "as_jsonl", is_flag=True, help="One JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV, one row a file (or a segment).")
@click.option(
    "--html",
    type=click.Path(readable=False),
    metavar="FILE",
    help="A page for a browser, which sorts, filters and draws the tracks.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write there; .json, .jsonl, .csv and .html choose the form.",
)
@click.option(
    "--timeline",
    is_flag=True,
    help="Add what is found in each window; a page has it always.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="N",
    show_default="5",
    help="Genres shown in text; the other forms hold all.",
)
@part_options
def classify(
    paths: tuple[str, ...],
    model: str,
    variant: str,
    device: str,
    threads: int | None,
    jobs: int | None,
    as_json: bool,
    as_jsonl: bool,
    as_csv: bool,
    html: str | None,
    output: str | None,
    timeline: bool,
    top: int | None,
    offset: float,
    duration: float | None,
) -> int:
    """Tell genre and mood of files and folders.

    Folders are searched to any depth; `-` is standard input. Text for people is the default form;
    --json, --jsonl and --csv are for programs (docs/json.md explains the fields); --html is a page
    that opens from disk, without a network.
    """
    if html is not None and output is not None:
        raise click.UsageError("--html and -o both name a file for the results; choose one.")
    flags = dict(zip(FORMS, (as_json, as_jsonl, as_csv, html is not None), strict=True))
    output = html if html is not None else output
    order = _Order(chosen_form(flags, output), output, timeline, top)
    if order.form != "text" and top is not None:
        raise click.UsageError("--top is for text; the other forms hold all genres.")
    _check_stdin(paths)

    with Interruption() as interruption:
        with nothing_collected(), no_blas_threads():
            from musicedge.library import analyze_many, default_jobs, find_audio
            from musicedge.opening import load_meanwhile
            from musicedge.session import thread_count

            refuse_audio(output, *paths, option="-o" if html is None else "--html")
            found = list(find_audio(paths, stop=interruption.requested))
            jobs = min(jobs or default_jobs(), max(len(found), 1))
            at_once = thread_count(threads) if threads is not None or jobs == 1 else 1
            loaded = load_meanwhile(model, variant=variant, device=device, at_once=at_once)
        outcomes = analyze_many(
            loaded,
            found,
            jobs=jobs,
            offset=offset,
            duration=duration,
            stop=interruption.requested,
        )
        with closing(outcomes):
            loaded.wait()  # what keeps the graph from opening ends the run, not each of its files
            failed = _write(outcomes, len(found), order, loaded)
        if interruption.requested():
            return INTERRUPTED
    return FAILED if failed else DONE


def _write(outcomes: Iterator[Outcome], total: int, order: _Order, model: Model) -> bool:
    """Write the outcomes as they come, and return whether there was a failure among them."""
    from musicedge.cli.output import destination
    from musicedge.cli.progress import RunProgress

    failed = False
    lines, programs = order.form in _LINE_BY_LINE, order.form != "text"
    with destination(order.output, line_by_line=lines, for_programs=programs) as stream:
        report = _report(order, stream, model)
        try:
            with RunProgress(total) as progress:
                for outcome in outcomes:
                    error = outcome.result if isinstance(outcome.result, MusicedgeError) else None
                    with progress.aside(when=error is not None or stream.isatty()):
                        report.write(outcome)
                        if error is not None:
                            complain_of(error)
                    failed = failed or error is not None
                    progress.advance(outcome.result)
        finally:
            report.close()
    return failed


def _check_stdin(paths: tuple[str, ...]) -> None:
    if Counter(paths)["-"] > 1:
        raise click.UsageError("`-` stands twice; standard input can be read but once.")
    if "-" in paths and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("standard input holds no audio; pipe some into it.")


def _report(order: _Order, stream: TextIO, model: Model) -> Report:
    if order.form == "json":
        from musicedge.report.json import JsonList

        return JsonList(stream, timeline=order.timeline)
    if order.form == "jsonl":
        from musicedge.report.json import JsonLines

        return JsonLines(stream, timeline=order.timeline)
    head = model.card.head("genre")
    labels = head.labels if head else ()
    if order.form == "csv":
        from musicedge.report.csv import CsvTable

        return CsvTable(stream, labels, timeline=order.timeline)
    if order.form == "html":
        from musicedge.report.html import LibraryPage

        return LibraryPage(stream, labels, model.info)
    options: dict[str, Any] = {"timeline": order.timeline}
    if order.top is not None:
        options["top"] = order.top
    if stream.isatty() or (stream is sys.stdout and os.environ.get("FORCE_COLOR")):
        from musicedge.report.panel import Panels

        return Panels(stream, **options)
    from musicedge.report.text import PlainText

    return PlainText(stream, **options)
