"""What a caller gives (a path, bytes, a file object) to one regular, seekable, unbuffered file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from musicedge.errors import AudioEmpty, AudioFormat, AudioNotFound, AudioPermission, AudioValues

SPOOL_LIMIT = 2 * 1024**3
"""Bytes of a pipe or file object that are taken before it is refused: decoders must seek, so these
inputs are copied to the temporary folder, which must not fill without bound."""

_COPY_BYTES = 1 << 20
_STANDARD_INPUT = "<stdin>"  # what Python calls it


def open_source(source: Any, name: str | None = None) -> tuple[BinaryIO, str]:
    """Open what a caller gave.

    Parameters
    ----------
    source : str, os.PathLike, bytes or binary file object
        A path of a local file (a URL is just a path that does not exist); or the content of a file;
        or an object with ``read``, which is read from its present position to its end, up to
        `SPOOL_LIMIT` bytes, and left open.
    name
        What errors call it; by default its path, ``bytes``, ``standard input`` or its name.

    Returns
    -------
    file
        A regular file at its beginning, for the caller to close.
    name
        The name, fit for one line.

    Raises
    ------
    AudioNotFound, AudioPermission, AudioFormat, AudioEmpty, AudioValues
        No such file; it may not be read; it is no regular file; it is empty; it is too long.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fsdecode(source)
        name = printable(path if name is None else name)
        file = _open_path(path, name)
    elif isinstance(source, bytes | bytearray | memoryview):
        name = printable("bytes" if name is None else name)
        file = copy_of([source], name)
    elif callable(getattr(source, "read", None)):
        if name is None:
            name = getattr(source, "name", None)
            name = name if isinstance(name, str) else "file object"
            name = "standard input" if name == _STANDARD_INPUT else name
        name = printable(name)
        file = _spool(source, name)
    else:
        raise TypeError(f"source is {type(source).__name__}: give a path, bytes or a file object")
    if os.fstat(file.fileno()).st_size == 0:
        file.close()
        raise AudioEmpty(f"{name}: the file is empty (0 bytes); give an audio file")
    file.seek(0)
    return file, name


def printable(name: str) -> str:
    """Return a name in one printable line: control and undecodable characters become escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in name
    )


def copy_of(pieces: Iterable[bytes | bytearray | memoryview], name: str) -> BinaryIO:
    """Return a temporary file, gone when closed, that holds the pieces; it is at its end.

    Raises
    ------
    AudioFormat
        The temporary folder has no room for it.
    """
    import tempfile  # late: most inputs are files that need no copy

    file = None
    try:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        for piece in pieces:
            rest = memoryview(piece).cast("B")
            while len(rest):
                rest = rest[file.write(rest) :]
    except BaseException as error:
        if file is not None:
            file.close()
        if isinstance(error, OSError):
            raise AudioFormat(
                f"{name}: the temporary folder cannot take a copy of it "
                f"({error.strerror or error}); make room there, or set TMPDIR to another folder"
            ) from None
        raise
    return file


def pieces_of(file: BinaryIO, start: int, stop: int | None = None) -> Iterable[bytes]:
    """Yield the bytes of a file from `start` to `stop` (by default its end), piece by piece."""
    file.seek(start)
    while stop is None or start < stop:
        piece = file.read(_COPY_BYTES if stop is None else min(_COPY_BYTES, stop - start))
        if not piece:
            return
        start += len(piece)
        yield piece


def _open_path(path: str, name: str) -> BinaryIO:
    if not path:  # which pathlib takes for the present folder
        raise AudioNotFound("the path of the file is empty; give the path of a file")
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioFormat(f"{name}: it is a folder; give the audio files in it")
        if not stat.S_ISREG(mode):
            # Opening a FIFO waits for a writer, and opening a device can act on it.
            raise AudioFormat(
                f"{name}: it is a {_kind(mode)}, not a regular file; "
                "pipe its content to standard input instead"
            )
        return Path(path).open("rb", buffering=0)
    except PermissionError:
        raise AudioPermission(
            f"{name}: there is no permission to read it; change its permissions or run as its owner"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        remedy = "give the path of a file"
        if "://" in path:
            remedy = "only local files are read: download it first"
        raise AudioNotFound(f"{name}: it cannot be opened ({reason}); {remedy}") from None


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


def _spool(source: Any, name: str) -> BinaryIO:
    def pieces() -> Iterable[bytes]:
        total = 0
        while True:
            try:
                piece = source.read(_COPY_BYTES)
            except OSError as error:
                raise AudioFormat(
                    f"{name}: reading fails ({error.strerror or error}); save it to a file first"
                ) from None
            if isinstance(piece, str):
                raise TypeError(f"{name} is open in text mode: open it in binary mode")
            if not piece:
                return
            total += len(piece)
            if total > SPOOL_LIMIT:
                raise AudioValues(
                    f"{name}: it is longer than {SPOOL_LIMIT / 1024**3:g} GiB, the most that is "
                    "taken from a pipe or file object; save it to a file and give its path"
                )
            yield piece

    return copy_of(pieces(), name)
