"""A PulseAudio server of the tests' own: what is played into its room is heard by its microphone.

No hardware is needed. The room is a null sink; the microphone is a source that hands on what the
sink's monitor carries, and an input to PortAudio through ALSA's plugin for PulseAudio.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

PROGRAMS = ("pulseaudio", "pactl", "pacat", "parec")
SINK = "room"
MONITOR = f"{SINK}.monitor"
MONITOR_NAME = "Monitor of the_room"
MICROPHONE = "mic"
MICROPHONE_NAME = "a_microphone"
RATE = 44_100
_ALSA_PLUGIN = "libasound_module_pcm_pulse.so"


def why_absent() -> str:
    """Return what of the harness is not installed here, or nothing."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if find_spec("sounddevice") is None:
        missing.append("sounddevice")
    if ctypes.util.find_library("portaudio") is None:
        missing.append("libportaudio2")
    if not any(Path("/usr/lib").glob(f"**/alsa-lib/{_ALSA_PLUGIN}")):
        missing.append("libasound2-plugins")
    return f"not installed: {', '.join(missing)}" if missing else ""


class Pulse:
    """A server in a folder of its own; `environment` leads programs to it.

    Its sink ticks every few milliseconds, as an output does that something plays to, because the
    server plays silence to it all the time. Left alone, a null sink would wake every two seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        # ALSA's default device is the server, as on a desktop.
        (folder / ".asoundrc").write_text("pcm.!default { type pulse }\n", "utf-8")
        (folder / "client.conf").write_text("autospawn = no\n", "utf-8")
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_STATE_PATH": str(folder),
            "PULSE_CONFIG_PATH": str(folder),
            "PULSE_CLIENTCONFIG": str(folder / "client.conf"),
            "PULSE_SERVER": f"unix:{folder / 'native'}",
        }
        self._settings = {**os.environ, **self.environment}
        for variable in ("PULSE_SOURCE", "PULSE_SINK"):
            self._settings.pop(variable, None)
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []
        self._module = ""

    def start(self, *, room: bool = True) -> None:
        """Start the server and plug the microphone in."""
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm"]
        command += ["--use-pid-file=no", "--log-target=stderr", "--high-priority=no"]
        socket = self._folder / "native"
        command += [f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1"]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                command, env=self._settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(lambda: socket.exists() and self._ask("info").returncode == 0)
        if room:
            self.build_room()
        self.plug_in(room=room)

    def stop(self) -> None:
        """End the server at once, as a crash does."""
        for player in self._players:
            player.kill()
            player.wait()
        self._players.clear()
        if self._server is not None:
            self.resume()
            self._server.kill()
            self._server.wait()
            self._server = None
        (self._folder / "native").unlink(missing_ok=True)

    def build_room(self) -> None:
        """Let an output and its monitor appear, and wait until they tick."""
        self.add_output()
        with Path("/dev/zero").open("rb") as zeros:
            self._players.append(self._player(stdin=zeros))
        command = ["parec", "--raw", "--latency-msec=20", f"--device={MONITOR}"]
        with subprocess.Popen(command, env=self._settings, stdout=subprocess.PIPE) as recorder:
            assert recorder.stdout is not None
            recorder.stdout.read(RATE // 10)  # the first tick is after two seconds still
            recorder.kill()

    def add_output(self) -> None:
        """Let an output and its monitor appear, which tick every two seconds only."""
        properties = "sink_properties=device.description=the_room"
        self._must(
            "load-module", "module-null-sink", f"sink_name={SINK}", f"rate={RATE}", properties
        )

    def plug_in(self, *, room: bool = True) -> None:
        """Let the microphone appear, and be the default; without the room it hears only silence."""
        kind = ["module-remap-source", f"master={MONITOR}"] if room else ["module-null-source"]
        named = [f"source_name={MICROPHONE}", f"rate={RATE}"]
        name = "source_properties=device.description=" if room else "description="
        self._module = kind[0]
        self._must("load-module", *kind, *named, name + MICROPHONE_NAME)
        self._must("set-default-source", MICROPHONE)

    def unplug(self) -> None:
        """Let the microphone go, and the room with it, if there is one; the server stays."""
        self._must("unload-module", self._module)
        self._ask("unload-module", "module-null-sink")

    def mute(self, muted: bool = True) -> None:
        """Let the microphone give nothing but zeros, or sound again."""
        self._must("set-source-mute", MICROPHONE, str(int(muted)))

    def hang(self) -> None:
        """Let the server stop answering."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def play(self, samples: np.ndarray, rate: int = RATE) -> subprocess.Popen[bytes]:
        """Play sound into the room, in the background.

        Parameters
        ----------
        samples
            np.ndarray [shape=(n,) or (n, channels), dtype=float32]
        """
        file = self._folder / f"played-{len(self._players)}.raw"
        samples = samples.astype(np.float32).reshape(len(samples), -1)
        samples.tofile(file)
        with file.open("rb") as raw:
            player = self._player(rate, samples.shape[1], stdin=raw)
        self._players.append(player)
        return player

    def _player(
        self, rate: int = RATE, channels: int = 1, stdin: Any = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        command = ["pacat", "--raw", "--format=float32le", f"--rate={rate}"]
        command += [f"--channels={channels}", "--latency-msec=100", f"--device={SINK}"]
        return subprocess.Popen(command, env=self._settings, stdin=stdin, stderr=subprocess.DEVNULL)

    def _ask(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["pactl", *command], env=self._settings, capture_output=True, timeout=10, check=False
        )

    def _must(self, *command: str) -> None:
        done = self._ask(*command)
        assert done.returncode == 0, done.stderr


@contextmanager
def running(folder: Path, *, room: bool = True) -> Iterator[Pulse]:
    """Give a server with a microphone, and end it."""
    pulse = Pulse(folder)
    try:
        pulse.start(room=room)
        yield pulse
    finally:
        pulse.stop()


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something is so, and fail if it never is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
