"""One opened input: PortAudio's callback copies into a bounded queue, and counts what is lost."""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import suppress
from threading import Condition
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from musicedge import portaudio
from musicedge.errors import InputBusy, InputRefused, MicrophoneError
from musicedge.frontend import Float32
from musicedge.inputs import InputDevice
from musicedge.lateness import Lateness, clock
from musicedge.pulseaudio import recording_from
from musicedge.source import Chunk

QUEUE_SECONDS = 30.0
"""Sound that is kept while nobody fetches it; then the oldest goes."""

STARVED = 5.0
"""Seconds without sound after which a device counts as gone; a server may take two to begin."""

BLOCK_SECONDS = 0.02
_LATENCY = 0.1  # seconds that the system may buffer: less wakes the processor more often
_CLOSING = 2.0  # seconds that closing may take
_LONGEST_PAUSE = 1.0  # seconds between two calls for sound that count as waiting for it

# Codes of portaudio.h.
_UNANTICIPATED = -9999
_INVALID_CHANNELS = -9998
_INVALID_RATE = -9997
_UNAVAILABLE = -9985


class _Block(NamedTuple):
    samples: Float32  # (n, channels)
    lost: int  # just before them


class Capture:
    """An input device that is being recorded, until it is closed or gone.

    Parameters
    ----------
    device
        What is opened.
    sample_rate
        The rate that is tried first, in Hz; the device's own is next.

    Attributes
    ----------
    sample_rate
        Of what is recorded, in Hz.
    heard_at
        When sound came last, by `musicedge.lateness.clock`.

    Raises
    ------
    MicrophoneError
        It cannot be opened.
    """

    def __init__(self, device: InputDevice, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._device = device
        self._news = Condition()
        self._blocks: deque[_Block] = deque()
        self._queued = 0
        self._lateness = Lateness()
        self._captured = self._asked = time.monotonic()
        self.heard_at = clock()
        self._starved = 0.0  # seconds
        self._ended = False
        self._stream: Any = None
        sounddevice = portaudio.load()
        self._stream = portaudio.answered(
            lambda: self._open(sounddevice, sample_rate), unwanted=lambda stream: stream.close()
        )

    @property
    def is_alive(self) -> bool:
        """Whether more is to be expected of it."""
        return not self._ended and self._starved < STARVED

    def take(self, timeout: float) -> Chunk:
        """Return what came, up to the next gap in it; after `timeout` seconds without, nothing."""
        with self._news:
            self._news.wait_for(lambda: self._blocks or self._ended, timeout)
            # Not the time since the last sound: this whole program may have been stopped meanwhile.
            now = time.monotonic()
            starved = self._starved + min(now - self._asked, _LONGEST_PAUSE)
            self._asked, self._starved = now, 0.0 if self._blocks else starved
            blocks: list[_Block] = []
            later = self._queued
            while self._blocks and not (blocks and self._blocks[0].lost):
                blocks.append(self._blocks.popleft())
                later -= len(blocks[-1].samples)
            self._queued = later
            captured = self._captured - later / self.sample_rate
        if not blocks:
            return Chunk(np.zeros(0, np.float32), captured)
        samples = np.concatenate([block.samples for block in blocks])
        return Chunk(samples.mean(axis=1, dtype=np.float32), captured, blocks[0].lost)

    def close(self) -> None:
        """Let go of the device; more than once does no harm."""
        with self._news:
            stream, self._stream = self._stream, None
            self._ended = True
            self._news.notify_all()
        if stream is not None:

            def close() -> None:
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)

            with suppress(MicrophoneError):  # a server that hangs: then it is left to itself
                portaudio.answered(close, patience=_CLOSING)

    def _open(self, sounddevice: ModuleType, wanted: int) -> Any:
        device = self._device
        few, most = min(2, device.channels), device.channels
        tries = [
            (rate, channels)
            for rate in (wanted, device.default_rate)
            for channels in (few, most, 1)
        ]
        refused: Any = None
        for rate, channels in dict.fromkeys(tries):
            stream = None
            try:
                with recording_from(device.source):
                    stream = sounddevice.InputStream(
                        samplerate=rate,
                        blocksize=round(rate * BLOCK_SECONDS),
                        device=device.opens,
                        channels=channels,
                        dtype="float32",
                        latency=_LATENCY,
                        callback=self._hear,
                        finished_callback=self._finish,
                    )
                    self.sample_rate = rate
                    stream.start()
            except sounddevice.PortAudioError as error:
                if stream is not None:
                    stream.close(ignore_errors=True)
                refused = error
                if _code(error) not in (_INVALID_RATE, _INVALID_CHANNELS, _UNANTICIPATED):
                    break
            else:
                return stream
        raise _named(refused, device, wanted)

    def _hear(self, samples: Float32, frames: int, moment: Any, status: Any) -> None:
        """Take a block from PortAudio: called in its thread, so it only copies."""
        now = time.monotonic()
        age = moment.currentTime - moment.inputBufferAdcTime - frames / self.sample_rate
        overflow = bool(status.input_overflow)
        self.heard_at = clock()
        late = self._lateness.after(frames / self.sample_rate, self.heard_at, overflow=overflow)
        with self._news:
            self._captured = now - min(max(age, 0.0), 2.0)  # some drivers give no times
            lost = max(round(late * self.sample_rate), int(overflow))
            self._blocks.append(_Block(samples.copy(), lost))
            self._queued += frames
            while self._queued > QUEUE_SECONDS * self.sample_rate:
                self._drop()
            self._news.notify_all()

    def _drop(self) -> None:
        oldest = self._blocks.popleft()
        self._queued -= len(oldest.samples)
        if self._blocks:
            lost = oldest.lost + len(oldest.samples)
            self._blocks[0] = self._blocks[0]._replace(lost=self._blocks[0].lost + lost)

    def _finish(self) -> None:
        """Take note that PortAudio's thread has ended, as it does when the device is gone."""
        with self._news:
            self._ended = True
            self._news.notify_all()


def _code(error: Exception) -> int:
    return error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0


def _named(error: Exception, device: InputDevice, rate: int) -> MicrophoneError:
    """Return PortAudio's error with the device, the value, and what to do."""
    code = _code(error)
    host = str(error.args[2][2]) if len(error.args) > 2 else ""
    text = f"{error.args[0]}".rpartition(": ")[2] + (f", {host.strip()}" if host.strip() else "")
    if code == _UNAVAILABLE or "busy" in host.lower():
        return InputBusy(
            f"{device.name}: another program has it for itself; end that, or choose another"
            " input (`musicedge devices`)"
        )
    if code == _INVALID_RATE:
        return InputRefused(
            f"{device.name}: refuses both {rate} Hz and its own {device.default_rate} Hz; choose"
            " another input or host API (`musicedge devices`)"
        )
    hint = "see that it is plugged in and that no other program has it"
    if sys.platform == "win32":
        hint += ", and that Settings > Privacy > Microphone allows desktop apps"
    elif sys.platform == "darwin":
        hint += ", and that System Settings > Privacy & Security > Microphone allows this"
    return InputRefused(f"{device.name}: does not open ({text}); {hint}")
