"""Where results go: standard output, or a file that is tried before the work begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from musicedge.errors import OutputError

STDOUT = "-"


def destination(
    output: str | None, *, line_by_line: bool, for_programs: bool, whole: bool = False
) -> AbstractContextManager[TextIO]:
    """Give what -o names as a text stream: a file, or standard output without it.

    Parameters
    ----------
    output
        The file; None or ``"-"`` for standard output.
    line_by_line, whole
        See `output_file`.
    for_programs
        See `standard_output`.
    """
    if output in (None, STDOUT):
        return standard_output(for_programs=for_programs)
    return output_file(str(output), line_by_line=line_by_line, whole=whole)


@contextmanager
def standard_output(*, for_programs: bool) -> Iterator[TextIO]:
    """Give standard output as a text stream.

    Parameters
    ----------
    for_programs
        Whether what is written is data: then it is UTF-8 with line ends as written, whatever the
        terminal's encoding is. Text for people keeps that encoding, and escapes what it cannot
        hold.
    """
    if sys.stdout is None:  # the caller closed it
        raise OutputError("standard output is closed; the results need a place to go")
    if isinstance(sys.stdout, TextIOWrapper):
        if for_programs:
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        else:
            sys.stdout.reconfigure(errors="backslashreplace")
    with _failures_named("standard output"):
        yield sys.stdout
        sys.stdout.flush()


@contextmanager
def output_file(path: str, *, line_by_line: bool, whole: bool = False) -> Iterator[TextIO]:
    """Give a file as a text stream.

    Parameters
    ----------
    path
        The file.
    line_by_line
        Whether each line is complete in itself: then the file grows as the work goes on. Otherwise
        it appears, or takes the place of the one that was there, at the end; also after an
        interruption.
    whole
        Whether a part of the results is of no use: then the file appears only if all went well.

    Raises
    ------
    OutputError
        The file cannot be written; at the start, or when the disk is full.
    """
    target = Path(path)
    with _failures_named(path):
        if target.is_symlink():
            target = target.resolve()
        exists = target.exists()
        if exists and not os.access(target, os.W_OK):
            raise PermissionError(None, "Permission denied")
        in_place = line_by_line or (exists and not target.is_file())
        if in_place:
            with target.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        import secrets  # late: results mostly go to standard output

        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        keep = True
        try:
            with part.open("x", encoding="utf-8", newline="") as stream:
                try:
                    yield stream
                except BaseException as error:
                    # Such as a full disk: half a file must not replace a whole one.
                    keep = not whole and not isinstance(error, OSError)
                    raise
            if exists:
                import shutil

                shutil.copymode(target, part)
        except OSError:
            keep = False
            raise
        finally:
            if keep:
                part.replace(target)
            else:
                part.unlink(missing_ok=True)


@contextmanager
def _failures_named(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from musicedge.audio import printable

        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"{printable(name)}: results cannot be written there ({reason}); "
            "choose another place with -o"
        ) from error
