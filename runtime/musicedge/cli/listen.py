"""`musicedge listen`: a microphone in (or a file in its place), genre and mood out as it plays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from musicedge.cli import DONE, INTERRUPTED, forget_stdout
from musicedge.cli.interruption import Interruption
from musicedge.cli.options import chosen_form, finite, model_options, refuse_audio
from musicedge.cli.readout import FORMS, Attendant, Order, write_readings
from musicedge.cli.startup import no_blas_threads, nothing_collected
from musicedge.errors import OutputError
from musicedge.pace import EVERY, SMOOTH

if TYPE_CHECKING:
    from musicedge.source import Source

MAX_SPEED = "max"


def _input(_: click.Context, __: click.Parameter, value: str | None) -> str | int | None:
    return int(value) if value is not None and value.isdecimal() else value


def _speed(_: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None or value == MAX_SPEED:
        return None if value is None else math.inf
    try:
        speed = float(value)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise click.BadParameter(f"{value!r} is neither a number above 0 nor max.", param=parameter)
    return speed


@click.command(
    epilog="""\b
Examples:
  musicedge listen
  musicedge listen --input "USB Audio" --record evening.wav
  musicedge listen --loopback --jsonl -o log.jsonl
  musicedge listen --from-file song.mp3 --speed max --csv
"""
)
@click.option(
    "--input",
    "microphone",
    callback=_input,
    metavar="NAME|INDEX",
    show_default="the system's",
    help="An input, by its index in `musicedge devices` or by a part of its name.",
)
@click.option("--loopback", is_flag=True, help="Listen to what this computer itself plays.")
@click.option(
    "--from-file",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Replay a file as if a microphone heard it.",
)
@click.option(
    "--speed",
    callback=_speed,
    metavar="X|max",
    show_default="1",
    help="How fast the file is replayed; max waits for nobody.",
)
@model_options
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Threads of the model.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    default=EVERY,
    callback=finite,
    metavar="SECONDS",
    show_default=True,
    help="Sound from one reading to the next.",
)
@click.option(
    "--smooth",
    type=click.FloatRange(0),
    default=SMOOTH,
    callback=finite,
    metavar="SECONDS",
    show_default=True,
    help="Time constant of the moving average; 0 for none.",
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    callback=finite,
    metavar="SECONDS",
    help="End after so much sound.",
)
@click.option(
    "--record",
    type=click.Path(readable=False),
    metavar="FILE.wav",
    help="Also write what is heard into a new WAV file.",
)
@click.option("--jsonl", "as_jsonl", is_flag=True, help="One JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV, one row a reading.")
@click.option(
    "-o",
    "--output",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write there; .jsonl and .csv choose the form.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="N",
    show_default="5 on a terminal, 1 in a line of text",
    help="Genres shown; the other forms hold all.",
)
@click.option(
    "--no-reconnect",
    is_flag=True,
    help="End when the input goes away, instead of waiting for it.",
)
def listen(
    microphone: str | int | None,
    loopback: bool,
    from_file: str | None,
    speed: float | None,
    model: str,
    variant: str,
    device: str,
    threads: int,
    every: float,
    smooth: float,
    duration: float | None,
    record: str | None,
    as_jsonl: bool,
    as_csv: bool,
    output: str | None,
    top: int | None,
    no_reconnect: bool,
) -> int:
    """Tell genre and mood of what is playing, while it plays.

    Ctrl-C ends it with a summary of what was heard. On a terminal the readings are a picture; in a
    pipe or a file, a line each; --jsonl and --csv are for programs (docs/live.md explains all).
    """
    flags = dict(zip(FORMS, (as_jsonl, as_csv), strict=True))
    order = Order(chosen_form(flags, output), output, top, record, every)
    of_microphone = {
        "--input": microphone is not None,
        "--loopback": loopback,
        "--no-reconnect": no_reconnect,
    }
    _check_source(from_file, speed, [name for name, given in of_microphone.items() if given])
    _check_form(order)
    _check_recording(order)

    interruption = Interruption()
    attendant = Attendant(interruption)
    with nothing_collected(), no_blas_threads():
        from musicedge import live

        refuse_audio(output, *filter(None, [from_file]))
        listener = live.listen(
            _replayed(from_file, speed),
            model=model,
            variant=variant,
            device=device,
            threads=threads,
            input=microphone,
            loopback=loopback,
            reconnect=not no_reconnect,
            every=every,
            smooth=smooth,
            duration=duration,
            record=record,
            stop=attendant,
        )
    # Only now: what is being opened may hang, and has nothing to keep.
    with interruption:
        try:
            with listener:
                write_readings(listener, order, attendant)
        except OutputError:
            if not interruption.requested():
                raise
            forget_stdout()  # the terminal went away, and nobody reads on
        if not interruption.requested():
            return DONE
        # Without an end of its own, Ctrl-C is how listening ends; else something was cut short.
        open_ended = duration is None and from_file is None
        return DONE if open_ended and listener.readings else INTERRUPTED


def _check_source(from_file: str | None, speed: float | None, of_microphone: list[str]) -> None:
    if from_file is None and speed is not None:
        raise click.UsageError("--speed is for files; give one with --from-file.")
    if from_file is not None and of_microphone:
        raise click.UsageError(
            f"--from-file and {of_microphone[0]} exclude each other: a file or a microphone."
        )


def _check_form(order: Order) -> None:
    if order.for_programs and order.top is not None:
        raise click.UsageError("--top is for text; the other forms hold all genres.")
    if order.form == "text" and Path(order.output or "").suffix.lower() == ".json":
        raise click.UsageError(
            f"-o {order.output}: readings have no end, so they are no JSON list; "
            "give a name in .jsonl."
        )


def _check_recording(order: Order) -> None:
    """Refuse to record over anything: what is there may be sound that was heard but once."""
    if order.record is None:
        return
    path = Path(order.record)
    if path.suffix.lower() != ".wav":
        raise click.UsageError(f"--record {order.record}: it will be a WAV file; call it .wav.")
    if path.exists() or path.is_symlink():
        raise click.UsageError(
            f"--record {order.record} is there already; remove it or choose another name."
        )


def _replayed(from_file: str | None, speed: float | None) -> Source | None:
    if from_file is None:
        return None
    from musicedge.replay import FileSource

    return FileSource(from_file, speed=1.0 if speed is None else speed)
