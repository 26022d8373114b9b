"""Commands that live elsewhere: listed without an import, and what is said where one is missing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

import click

from musicedge.cli import WRONG_USAGE
from musicedge.cli.diagnostics import complain

ENTRY_POINT_GROUP = "musicedge.commands"
TOOLS_GROUP = "musicedge.tools"


class Room(NamedTuple):
    """What is known of another room's command before it is imported."""

    extra: str
    summary: str


ROOMS = {
    "bench": Room("bench", "Measure latency, memory, size and accuracy across models."),
    "evaluate": Room("train", "Measure a trained model on a dataset."),
    "export": Room("export", "Turn a trained model into a model file."),
    "features": Room("plot", "Show what is in the sound of songs."),
    "founding": Room("train", "Train and test the networks of the founding study."),
    "layers": Room("train,plot", "Show what the layers of a trained network do."),
    "study": Room("train", "Train and test recipes on the same splits, side by side."),
    "train": Room("train", "Train a model from a recipe."),
}


class Missing(click.ClickException):
    """A command, or a package that it needs, is not installed; one line says how to get it."""

    exit_code = WRONG_USAGE

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        complain(self.message)


class LazyCommand(click.Command):
    """A command whose module is imported when it is run, and not to list it.

    Parameters
    ----------
    name
        The command's name.
    target
        ``"module:attribute"``, a click command.
    summary
        One line for the list of commands.
    """

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, short_help=summary, add_help_option=False)
        self._target = target

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Import the command and let it read its arguments."""
        module, _, attribute = self._target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command.make_context(info_name, args, parent, **extra)


@cache
def room_commands() -> dict[str, LazyCommand]:
    """Return the commands of the other rooms that are installed, by name."""
    commands = {}
    for name, target in _entry_points(ENTRY_POINT_GROUP):
        room = ROOMS.get(name)
        commands[name] = LazyCommand(name, target, room.summary if room else "")
    return commands


def tool(name: str, extra: str) -> Callable[..., Any]:
    """Return a function or class of another room that a command of the runtime makes use of.

    Parameters
    ----------
    name
        Its name in the entry points.
    extra
        What it needs.

    Raises
    ------
    Missing
        That is not installed.
    """
    module, _, attribute = dict(_entry_points(TOOLS_GROUP))[name].partition(":")
    try:
        found: Callable[..., Any] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("musicedge"):
            raise
        raise Missing(f"this needs the {extra} extra: pip install 'musicedge[{extra}]'") from None
    return found


def missing_command(name: str) -> Missing | None:
    """Return the error for a known command that this installation does not have."""
    room = ROOMS.get(name)
    return None if room is None else Missing(_pip_line(name, room.extra))


def missing_package(name: str, error: ModuleNotFoundError) -> Exception:
    """Return the error for a command that could not import `error.name`.

    The exception itself is returned where it is a bug: a module of our own that is not there, or a
    command that needs no extra.
    """
    room = ROOMS.get(name)
    package = (error.name or "").partition(".")[0]
    if room is None or not package or package.startswith("musicedge"):
        return error
    return Missing(_pip_line(name, room.extra))


def _pip_line(name: str, extra: str) -> str:
    return f"`musicedge {name}` needs the {extra} extra: pip install 'musicedge[{extra}]'"


def _entry_points(group: str) -> list[tuple[str, str]]:
    """Read this distribution's entry points of a group, as (name, target).

    `importlib.metadata` would do it as well, but its import alone takes as long as all else that
    `musicedge --help` does.

    References
    ----------
    https://packaging.python.org/en/latest/specifications/entry-points/
    """
    for folder in dict.fromkeys(sys.path):
        for path in sorted(Path(folder or ".").glob("musicedge-*.dist-info/entry_points.txt")):
            _, found, rest = path.read_text("utf-8").partition(f"[{group}]")
            section = rest.partition("\n[")[0] if found else ""
            return re.findall(r"^\s*([\w.-]+)\s*=\s*([\w.]+:\w+)", section, re.MULTILINE)
    return []
