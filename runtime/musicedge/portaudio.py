"""PortAudio, through sounddevice: loaded or its remedy named, quiet, and not waited on for ever."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from types import ModuleType
from typing import TypeVar

from musicedge.errors import MicExtraMissing, MicrophoneError, PortAudioMissing

Result = TypeVar("Result")

PATIENCE = 10.0
"""Seconds that PortAudio gets for an answer: scanning takes a good second with many devices."""

_PIP_LINE = "pip install 'musicedge[mic]'"


def load() -> ModuleType:
    """Return sounddevice, with PortAudio initialised.

    Raises
    ------
    MicExtraMissing
        sounddevice is not installed.
    PortAudioMissing
        The library PortAudio is not installed, or does not load.
    MicrophoneError
        PortAudio does not start.
    """
    global _loaded
    if _loaded is None:
        _loaded = answered(_load)
    return _loaded


def rescan(*, patience: float = PATIENCE) -> None:
    """Look again for devices, which PortAudio does only when it starts.

    All streams of the process that sounddevice opened are closed by that.

    Raises
    ------
    MicrophoneError
        It is not done after `patience` seconds, or fails.
    """
    sounddevice = load()

    def restart() -> None:
        # These two are not public, and what all of sounddevice's users do: there is no other way.
        if sounddevice._initialized:
            sounddevice._terminate()
        sounddevice._initialize()

    answered(restart, patience=patience)


def answered(
    call: Callable[[], Result],
    *,
    patience: float = PATIENCE,
    unwanted: Callable[[Result], object] | None = None,
) -> Result:
    """Return what `call` returns, without hanging where a sound server does.

    On Linux the call runs in a thread of its own, for a server that hangs keeps its clients waiting
    for ever, where not even Ctrl-C reaches them. Elsewhere it runs here: drivers there may care
    which thread calls.

    Parameters
    ----------
    call
        Its exceptions are raised here; those of sounddevice as a MicrophoneError.
    patience
        Seconds to wait for it.
    unwanted
        Gets the result of a call that comes when nobody waits for it any more.

    Raises
    ------
    MicrophoneError
        It takes longer than that, another call does, or PortAudio fails.
    """
    if sys.platform != "linux":
        with _calling:
            return _named(call)
    if not _calling.acquire(timeout=patience):
        raise _hanging(patience)
    with _stderr_kept():
        return _awaited(call, patience, unwanted)


@contextmanager
def silent() -> Iterator[None]:
    """Keep what C libraries print on standard error off the terminal; Python's own still comes.

    PortAudio, ALSA and JACK print their failures there, from threads of their own too. The failures
    themselves are all reported as exceptions. Only with the GNU C library, whose `stderr` is a
    variable: other systems' libraries print little.
    """
    _hush(+1)
    try:
        yield
    finally:
        _hush(-1)


def _awaited(
    call: Callable[[], Result], patience: float, unwanted: Callable[[Result], object] | None
) -> Result:
    """Call in a thread, as `answered` says; `_calling` is held, and the thread lets go of it."""
    future: Future[Result] = Future()
    task = Thread(target=_fulfil, args=(future, call), name="musicedge-portaudio", daemon=True)
    task.start()
    try:
        if not wait([future], patience).done:
            raise _hanging(patience)
    except BaseException:
        if unwanted is not None:
            future.add_done_callback(lambda late: late.exception() or unwanted(late.result()))
        raise
    return future.result()


@contextmanager
def _stderr_kept() -> Iterator[None]:
    """Put standard error back where it was if what is called is given up.

    sounddevice leads it away until PortAudio has started. Where that hangs, it would stay away, and
    with it the line that says so.
    """
    try:
        before = os.dup(2)
    except OSError:  # it was closed: there is nothing to keep
        yield
        return
    try:
        yield
    except BaseException:
        os.dup2(before, 2)
        raise
    finally:
        os.close(before)


_loaded: ModuleType | None = None
_calling = Lock()  # PortAudio takes one call at a time
_hushing = Lock()
_hushed = 0  # how many want silence
_loud: int | None = None  # C's own stderr, while there is silence
_nowhere: int | None = None


def _hush(more: int) -> None:
    global _hushed, _loud, _nowhere
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return
    with _hushing:
        _hushed += more
        stderr = ctypes.c_void_p.in_dll(libc, "stderr")
        if _hushed and _loud is None:
            if _nowhere is None:  # opened once: a thread may be printing there at any time
                libc.fopen.restype = ctypes.c_void_p
                _nowhere = libc.fopen(b"/dev/null", b"w")
            if _nowhere is not None:
                _loud, stderr.value = stderr.value, _nowhere
        elif not _hushed and _loud is not None:
            stderr.value, _loud = _loud, None


def _fulfil(future: Future[Result], call: Callable[[], Result]) -> None:
    with silent():  # here, for the call may go on when nobody waits for it any more
        try:
            result = _named(call)
        except BaseException as error:
            _calling.release()
            future.set_exception(error)
        else:
            _calling.release()
            future.set_result(result)


def _named(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except Exception as error:
        if type(error).__module__ != "sounddevice":
            raise
        raise MicrophoneError(
            f"PortAudio fails ({_first_line(error)}); restart the computer's sound system"
        ) from None


def _hanging(patience: float) -> MicrophoneError:
    return MicrophoneError(
        f"the sound system has not answered for {patience:g} s; restart PulseAudio or PipeWire,"
        " such as with: systemctl --user restart pipewire pulseaudio"
    )


def _load() -> ModuleType:
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise MicExtraMissing(
            f"listening to a microphone needs the mic extra: {_PIP_LINE}"
        ) from None
    except OSError as error:
        raise PortAudioMissing(_missing_library(error)) from None
    module: ModuleType = sounddevice
    return module


def _missing_library(error: OSError) -> str:
    if sys.platform == "linux":
        remedy = (
            "install it: apt-get install libportaudio2 (Debian, Ubuntu, Raspberry Pi OS),"
            " dnf install portaudio (Fedora), pacman -S portaudio (Arch)"
        )
    elif sys.platform == "darwin":
        remedy = "install it: brew install portaudio"
    elif sys.platform == "win32":
        remedy = "it comes with sounddevice: pip install --force-reinstall sounddevice"
    else:
        remedy = "install the package portaudio"
    reason = "" if "not found" in str(error) else f" ({_first_line(error)})"
    return f"the library PortAudio, which takes the sound, does not load{reason}; {remedy}"


def _first_line(error: Exception) -> str:
    with suppress(IndexError):
        return str(error).splitlines()[0]
    return type(error).__name__
