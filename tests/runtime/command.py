"""The `musicedge` command as a process of its own, and the files that tests give it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tests.runtime.tiny_model import FRONTEND, LOUD, noise

import musicedge

RATE = FRONTEND.sample_rate
COMMAND = (sys.executable, "-m", "musicedge")

_SOURCES = Path(musicedge.__file__).parents[1]
_PR_CAPBSET_DROP = 24  # linux/prctl.h
_PERMISSION_CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH of linux/capability.h


def environment(**changes: str) -> dict[str, str]:
    """Return an environment in which the command is found, without what steers its output."""
    steering = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "MUSICEDGE_DEBUG", "PYTHONUNBUFFERED")
    kept = {key: value for key, value in os.environ.items() if key not in steering}
    path = os.pathsep.join([str(_SOURCES), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "TERM": "xterm-256color", **changes}


def run(*args: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end, with both streams caught."""
    settings = {"env": environment(), "stdin": subprocess.DEVNULL, "timeout": 60, **options}
    if "input" in settings:
        del settings["stdin"]
    return subprocess.run([*COMMAND, *map(str, args)], capture_output=True, check=False, **settings)


def start(*args: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start the command, with pipes for its streams."""
    settings: dict[str, Any] = {
        "env": environment(),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    return subprocess.Popen([*COMMAND, *map(str, args)], **{**settings, **options})


def write_audio(path: Path, seconds: float = 1.5, peak: float = LOUD, *, seed: int = 0) -> Path:
    """Write noise that the tiny model takes for music, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(seconds, peak, seed=seed).astype(np.float32), RATE)
    return path


def bind_permissions() -> Callable[[], None] | None:
    """Return what makes permissions bind a child process, if it runs as the superuser.

    Returns
    -------
    callable or None
        For ``preexec_fn`` of `subprocess`; None where permissions bind already.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    prctl = ctypes.CDLL(None).prctl

    def drop() -> None:
        for capability in _PERMISSION_CAPABILITIES:
            if prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise PermissionError("the capabilities of the superuser cannot be dropped")

    return drop


def on_terminal(columns: int, *args: str | Path, env: dict[str, str] | None = None) -> str:
    """Run the command on a terminal of that width, and return all that it wrote there."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    process = start(
        *args, stdin=follower, stdout=follower, stderr=follower, env=env or environment()
    )
    os.close(follower)
    pieces = []
    try:
        while piece := os.read(leader, 1 << 16):
            pieces.append(piece)
    except OSError:  # how Linux says that the other end was closed
        pass
    finally:
        os.close(leader)
        process.wait(60)
    return b"".join(pieces).decode("utf-8").replace("\r\n", "\n")
