"""Options that several commands have, and the rules that they share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_MODEL_OPTIONS = (
    click.option(
        "-m",
        "--model",
        default="cnn",
        show_default=True,
        metavar="NAME|FILE",
        help="An installed model (see `musicedge models`), or a model file.",
    ),
    click.option(
        "--variant",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="A variant, such as int8 or fp32; auto is the fastest here, measured once.",
    ),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "cpu", "cuda"]),
        help="Where the model runs.",
    ),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add -m, --variant and --device, which say which model runs where."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command


def finite(_: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse seconds that are not finite."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds.", param=parameter)
    return value


_PART_OPTIONS = (
    click.option(
        "--offset",
        default=0.0,
        type=click.FloatRange(0),
        callback=finite,
        metavar="SECONDS",
        help="Skip the beginning of each file.",
    ),
    click.option(
        "--duration",
        type=click.FloatRange(0, min_open=True),
        callback=finite,
        metavar="SECONDS",
        help="Read no more than this of each file.",
    ),
)


def part_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --offset and --duration, which say which part of each file is read."""
    for option in reversed(_PART_OPTIONS):
        command = option(command)
    return command


def chosen_form(flags: dict[str, bool], output: str | None) -> str:
    """Return the form of the results: by flag, else by the output's suffix, else ``"text"``.

    Parameters
    ----------
    flags
        Each form that the command has, and whether its flag was given.
    output
        The file that gets the results.
    """
    given = [form for form, wanted in flags.items() if wanted]
    if len(given) > 1:
        raise click.UsageError(f"--{given[0]} and --{given[1]} exclude each other; choose one.")
    if given:
        return given[0]
    suffix = Path(output or "").suffix.lower().lstrip(".")
    return suffix if suffix in flags else "text"


def refuse_audio(output: str | None, *inputs: str, option: str = "-o") -> None:
    """Refuse to write results over what is audio by its name, or is itself one of the inputs.

    Parameters
    ----------
    output
        The file that gets the results; None for none.
    inputs
        The files that are read.
    option
        What named the output.
    """
    from musicedge.suffixes import AUDIO_SUFFIXES

    if output is None:
        return
    is_audio = Path(output).suffix.lower() in AUDIO_SUFFIXES
    if is_audio or any(_is_file(output, each) for each in inputs):
        raise click.UsageError(
            f"{option} {output} would overwrite audio; name a file for the results."
        )


def _is_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file."""
    try:
        return Path(one).is_file() and Path(one).samefile(other)
    except (OSError, ValueError):  # such as a path that leads nowhere
        return False
