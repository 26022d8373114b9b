"""A WAV file that is written while sound comes, and is whole at any moment."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from musicedge.errors import OutputError
from musicedge.frontend import Float32

_BYTES = 3  # 24 bits: what converters of 16 and 24 bits give is kept exactly
_FULL_SCALE = 2 ** (8 * _BYTES - 1)
# RIFF and WAVE (Microsoft and IBM, 1991): the form, its format and the beginning of its data.
_HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")
_PCM = 1
_MOST_BYTES = 2**32 - 2**16  # the sizes in the header have 32 bits


class Recording:
    """A mono WAV file of 24 bits. Its header is true after every write, whatever happens then.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    sample_rate
        In Hz.

    Raises
    ------
    OutputError
        It cannot be written there.
    """

    def __init__(self, path: str | os.PathLike[str], sample_rate: int) -> None:
        self._path = Path(path)
        self._sample_rate = sample_rate
        self._n_bytes = 0
        self._is_full = False
        with self._failures_named():
            self._file = self._path.open("wb")
            try:
                self._append(b"")
            except OSError:
                with suppress(OutputError):
                    self.close()
                raise

    def write(self, samples: Float32) -> list[str]:
        """Add samples, np.ndarray [shape=(n,)]; what is beyond full scale is clipped.

        Returns
        -------
        list of str
            One line for people when the file has become as long as a WAV file can be, and takes no
            more.

        Raises
        ------
        OutputError
            The disk is full, or the file cannot be written any more.
        """
        if self._is_full:
            return []
        if self._n_bytes + len(samples) * _BYTES > _MOST_BYTES:
            self._is_full = True
            hours = self._n_bytes / _BYTES / self._sample_rate / 3600
            return [
                f"{self._path}: a WAV file holds at most 4 GB; the recording ends after "
                f"{hours:.1f} h"
            ]
        scaled = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        with self._failures_named():
            self._append(scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :_BYTES].tobytes())
        return []

    def close(self) -> None:
        """Close the file; more than once does no harm. A file that got no sound is removed."""
        if self._file.closed:
            return
        with self._failures_named():
            try:
                self._file.close()
            finally:  # on a full disk it fails to write once more what could not be written
                if self._n_bytes == 0 and self._path.is_file():
                    self._path.unlink()

    def _append(self, data: bytes) -> None:
        """Write data, and only then the header that counts them."""
        self._file.seek(_HEADER.size + self._n_bytes)
        n_bytes = self._n_bytes + len(data)
        padding = n_bytes % 2  # chunks have even lengths; the next data overwrite it
        self._file.write(data + bytes(padding))
        self._file.seek(0)
        self._file.write(
            _HEADER.pack(
                *(b"RIFF", _HEADER.size - 8 + n_bytes + padding, b"WAVE"),
                *(b"fmt ", 16, _PCM, 1, self._sample_rate, self._sample_rate * _BYTES),
                *(_BYTES, 8 * _BYTES),
                *(b"data", n_bytes),
            )
        )
        self._file.flush()
        self._n_bytes = n_bytes

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputError(
                f"{self._path}: the recording cannot be written there ({reason}); "
                "choose another place or make room"
            ) from error
