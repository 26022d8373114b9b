"""What the command says on standard error: one line a failure, a traceback only when asked."""

from __future__ import annotations

import os
import sys

import click

from musicedge.errors import InternalError, MusicedgeError

DEBUG_VARIABLE = "MUSICEDGE_DEBUG"


def is_on_terminal() -> bool:
    """Whether standard error is a terminal; where the caller closed it, it is nothing at all."""
    return sys.stderr is not None and sys.stderr.isatty()


def complain(message: str) -> None:
    """Print one line on standard error."""
    click.echo(f"musicedge: {message}", err=True)


def complain_of(error: MusicedgeError) -> None:
    """Print the line of an input that failed."""
    complain(str(error))
    if isinstance(error, InternalError):
        _trace(error.__cause__ or error)


def complain_of_bug(error: Exception) -> None:
    """Print the line of an exception that should not have got this far."""
    from musicedge.library import unexpected

    complain(unexpected(error))
    _trace(error)


def _trace(error: BaseException) -> None:
    if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
