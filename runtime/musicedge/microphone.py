"""A microphone as a source of live sound, which is waited for when it goes away."""

from __future__ import annotations

import time
from contextlib import ExitStack
from threading import Event, Lock
from types import TracebackType

import numpy as np

from musicedge import inputs, portaudio
from musicedge.capture import Capture
from musicedge.errors import InputLost, MicrophoneError
from musicedge.inputs import InputDevice, devices
from musicedge.lateness import clock
from musicedge.resampling import Resampler
from musicedge.source import Chunk

__all__ = ["InputDevice", "Microphone", "devices"]

RETRY_SECONDS = 1.0
"""How often it is looked whether an input that went away is back."""

_WAITING = 2.0  # seconds for each look: the caller gets no other news meanwhile
_SILENT_SECONDS = 5.0  # of nothing but zeros, which no open microphone gives


class Microphone:
    """An input device, mixed down to one channel.

    PortAudio's callback copies into a queue of 30 s. When it is full, the oldest sound goes; what
    is lost is counted in the next chunk. Of more than two channels the first two are recorded where
    the device allows it: most inputs of a large interface are silent.

    Parameters
    ----------
    input
        The index of an input, or its name or a part of it; see `musicedge.devices`. None is the
        system's default.
    sample_rate
        The rate that is wanted, in Hz. A device that refuses it is opened at its own.
    loopback
        Whether to record what the computer itself plays.
    reconnect
        Whether to wait when the device goes away, and to go on when it is back. To find it,
        PortAudio is started anew, which closes all other streams that the process has open through
        sounddevice.

    Attributes
    ----------
    name
        What people call the device.
    sample_rate
        Of the chunks, in Hz; it stays the same when the device comes back with another.

    Raises
    ------
    InputNotFound, LoopbackUnavailable
        There is no such input; nothing carries what the computer plays.
    InputBusy, InputRefused
        It is there but cannot be opened.
    MicExtraMissing, PortAudioMissing
        sounddevice or PortAudio is not installed.

    Examples
    --------
    >>> import musicedge
    >>> with musicedge.Microphone(sample_rate=32_000) as microphone:  # doctest: +SKIP
    ...     while (chunk := microphone.read(timeout=0.5)) is not None:
    ...         print(chunk.samples.shape, chunk.lost)
    """

    realtime = True

    def __init__(
        self,
        input: str | int | None = None,
        *,
        sample_rate: int,
        loopback: bool = False,
        reconnect: bool = True,
    ) -> None:
        self._wanted = input
        self._loopback = loopback
        self._reconnect = reconnect
        self._events: list[str] = []
        self._closing = Lock()
        self._closed = Event()
        self._gone = 0.0  # by `clock`, when the last sound came before the device went away
        self._retry_at = 0.0
        self._zeros: float | None = 0.0  # seconds of nothing but zeros so far; None: told or heard
        with ExitStack() as opening:
            opening.enter_context(portaudio.silent())
            device = inputs.find(input, loopback=loopback)
            self._capture: Capture | None = Capture(device, sample_rate)
            self._silence = opening.pop_all()
        self.name = device.name
        self.sample_rate = self._capture.sample_rate
        self._resampler = Resampler(self.sample_rate, self.sample_rate)  # until it is another's
        if input is not None:  # an index may be another device's when this one is back
            self._wanted = device.source or f"{device.name}, {device.host_api}"
        if self.sample_rate != sample_rate:
            self._events.append(
                f"{self.name}: opened at its own {self.sample_rate} Hz, as it refuses"
                f" {sample_rate} Hz"
            )
        if device.is_loopback and not loopback and input is None:
            self._events.append(
                f"{self.name}: this is no microphone; what this computer itself plays is heard"
            )
        if device.is_loopback:
            self._zeros = None

    def __enter__(self) -> Microphone:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def read(self, timeout: float) -> Chunk | None:
        """Return all that came since the last call, in one piece; None once it is closed.

        Where nothing came, it waits for up to `timeout` seconds; then the chunk is empty, and so it
        is while the device is away.

        Raises
        ------
        InputLost
            The device went away, and `reconnect` is False.
        MicrophoneError
            The sound system hangs.
        """
        capture = self._capture
        if self._closed.is_set():
            return None
        if capture is None:
            return self._wait(timeout)
        chunk = capture.take(timeout)
        if len(chunk.samples):
            return self._heard(chunk)
        if self._closed.is_set():
            return None
        if not capture.is_alive:
            self._gone = self._gone or capture.heard_at
            self._lose(capture)
        return chunk

    def events(self) -> list[str]:
        """Return what people should know that happened since the last call, a line each."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Let go of the device; more than once does no harm."""
        with self._closing:
            if self._closed.is_set():
                return
            self._closed.set()
        with self._silence:
            if self._capture is not None:
                self._capture.close()

    def _heard(self, chunk: Chunk) -> Chunk:
        if self._zeros is not None:
            self._listen_for_zeros(chunk)
        lost = chunk.lost
        if self._gone:
            away = clock() - (time.monotonic() - chunk.captured) - self._gone
            lost += round(away * self.sample_rate) - len(chunk.samples)
            self._gone = 0.0
        return chunk._replace(samples=self._resampler.push(chunk.samples), lost=max(0, lost))

    def _listen_for_zeros(self, chunk: Chunk) -> None:
        if chunk.samples.any():
            self._zeros = None
            return
        self._zeros = (self._zeros or 0.0) + len(chunk.samples) / self.sample_rate
        if self._zeros >= _SILENT_SECONDS:
            self._zeros = None
            self._events.append(
                f"{self.name}: nothing but digital silence so far; see that it is not muted, and"
                " that this program may use the microphone"
            )

    def _lose(self, capture: Capture) -> None:
        self._retry_at = 0.0
        self._capture = None
        capture.close()
        if not self._reconnect:
            self.close()
            raise InputLost(f"{self.name}: it is gone; plug it in and start again")
        self._events.append(f"{self.name}: it is gone; waiting until it is back")

    def _wait(self, timeout: float) -> Chunk | None:
        nothing = Chunk(np.zeros(0, np.float32), time.monotonic())
        left = self._retry_at - time.monotonic()
        if left > 0:
            return None if self._closed.wait(min(timeout, left)) else nothing
        try:
            portaudio.rescan(patience=_WAITING)
            device = inputs.find(self._wanted, loopback=self._loopback)
            capture = Capture(device, self.sample_rate)
        except MicrophoneError:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return nothing
        with self._closing:
            if self._closed.is_set():
                capture.close()
                return None
            self._capture = capture
        self._resampler = Resampler(capture.sample_rate, self.sample_rate)
        was, self.name = self.name, device.name
        self._events.append(
            f"{was}: back" if self.name == was else f"{self.name}: listened to in place of {was}"
        )
        return nothing
