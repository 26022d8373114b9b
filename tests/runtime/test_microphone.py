"""The microphone, on a real sound server: what is heard, from which input, and what goes wrong."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.runtime import pulse as harness
from tests.runtime.command import environment
from tests.runtime.pulse import MICROPHONE, MICROPHONE_NAME, MONITOR, MONITOR_NAME, Pulse, wait_for

import musicedge
from musicedge import capture, inputs, lateness, microphone, portaudio
from musicedge.errors import (
    InputBusy,
    InputLost,
    InputNotFound,
    InputRefused,
    LoopbackUnavailable,
    MicrophoneError,
)
from musicedge.microphone import Microphone
from musicedge.source import Chunk

RATE = 32_000
pytestmark = pytest.mark.skipif(bool(harness.why_absent()), reason=harness.why_absent())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    """Give a server with a room to play into, which must be left as it was."""
    with harness.running(tmp_path_factory.mktemp("pulse")) as pulse, reached(pulse):
        yield pulse


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Pulse]:
    """Give a server that may be broken, with a microphone in a silent room."""
    with harness.running(tmp_path / "pulse", room=False) as pulse, reached(pulse):
        yield pulse


@contextmanager
def reached(pulse: Pulse) -> Iterator[None]:
    """Let this process find the server, as one does that starts with its environment."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in pulse.environment.items():
            patch.setenv(variable, value)
        patch.delenv("PULSE_SOURCE", raising=False)
        portaudio.rescan()
        yield


def sine(hertz: float, seconds: float, peak: float = 0.5) -> np.ndarray:
    """Return np.ndarray [shape=(n,), dtype=float32]."""
    time = np.arange(round(seconds * harness.RATE)) / harness.RATE
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def fetch(source: Microphone, seconds: float) -> np.ndarray:
    """Return so much sound, as it comes; none of it may be lost."""
    chunks: list[np.ndarray] = []
    while sum(map(len, chunks)) < seconds * source.sample_rate:
        chunk = source.read(2.0)
        assert chunk is not None
        assert len(chunk.samples), "no sound comes"
        assert chunk.lost == 0
        chunks.append(chunk.samples)
    return np.concatenate(chunks)


def fetch_until_heard(source: Microphone, seconds: float = 10.0) -> Chunk:
    """Return the first chunk that is not silent."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        chunk = source.read(0.5)
        assert chunk is not None
        if len(chunk.samples) and np.abs(chunk.samples).max() > 0.01:
            return chunk
    raise AssertionError("nothing was heard")


def read_until(source: Microphone, word: str, seconds: float = 15.0) -> list[Chunk]:
    """Read until an event has that word in it; return the chunks with sound until then."""
    chunks: list[Chunk] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        chunk = source.read(0.2)
        assert chunk is not None
        if len(chunk.samples):
            chunks.append(chunk)
        if any(word in event for event in source.events()):
            return chunks
    raise AssertionError(f"no event with {word!r}")


# ---- what is heard


def test_what_is_played_is_heard(server: Pulse):
    with Microphone(sample_rate=RATE) as source:
        assert (source.name, source.sample_rate) == (MICROPHONE_NAME, RATE)
        player = server.play(sine(1000, 3))
        fetch_until_heard(source)
        heard = fetch(source, 1.0)
        player.kill()
    assert heard.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(heard[:RATE]))
    assert np.argmax(spectrum) == 1000  # one bin is one hertz
    assert np.abs(heard).max() == pytest.approx(0.5, abs=0.01)
    assert spectrum[1000] / np.sqrt(np.sum(spectrum**2)) > 0.99


def test_two_channels_are_mixed_down_to_their_mean(server: Pulse):
    left = sine(500, 3)
    with Microphone(sample_rate=RATE) as source:
        player = server.play(np.stack([left, np.zeros_like(left)], axis=1))
        fetch_until_heard(source)
        heard = fetch(source, 0.5)
        player.kill()
    assert heard.ndim == 1
    assert np.abs(heard).max() == pytest.approx(0.25, abs=0.01)


def test_sound_comes_as_fast_as_time_goes(server: Pulse):
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.1)
        begun = time.monotonic()
        samples = fetch(source, 2.0)
        assert time.monotonic() - begun == pytest.approx(len(samples) / RATE, abs=0.3)
        chunk = source.read(1.0)
        assert chunk is not None
        assert -0.05 < time.monotonic() - chunk.captured < 0.3


def test_a_source_is_what_a_listener_takes(server: Pulse):
    with Microphone(sample_rate=RATE) as source:
        protocol: musicedge.Source = source
        assert protocol.realtime


# ---- which one


def test_inputs_are_portaudios_and_the_servers(server: Pulse):
    found = {each.source or each.name: each for each in musicedge.devices()}
    assert {"default", "pulse", MICROPHONE, MONITOR} <= set(found)
    assert [name for name, each in found.items() if each.is_default] == ["default"]
    assert [name for name, each in found.items() if each.is_loopback] == [MONITOR]
    assert found[MICROPHONE].host_api == "PulseAudio"
    assert (found[MONITOR].channels, found[MONITOR].default_rate) == (2, harness.RATE)
    assert {16_000, 44_100, 48_000} <= set(found["pulse"].rates)
    assert [each.index for each in musicedge.devices(rates=False)] == list(range(len(found)))


@pytest.mark.parametrize("wanted", [MICROPHONE, MICROPHONE_NAME, "A_MICRO", "microphone (pulse"])
def test_an_input_is_found_by_a_part_of_its_name(server: Pulse, wanted: str):
    assert inputs.find(wanted).source == MICROPHONE


def test_an_input_is_found_by_its_index(server: Pulse):
    for each in inputs.devices(rates=False):
        assert inputs.find(each.index) == each


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("a_mikrophone", r"no input 'a_mikrophone' \(the nearest: 'a_microphone'"),
        ("harpsichord", r"no input 'harpsichord'; `musicedge devices` lists all"),
        ("", "no input ''"),
        (99, "no input 99; `musicedge devices`"),
        (-1, "no input -1"),
        ("pulseaudio", r"'pulseaudio' may be any of 2 inputs: 2 .*, 3 .*; give the index"),
    ],
)
def test_an_input_that_is_not_clear_is_named(server: Pulse, wanted: str | int, words: str):
    with pytest.raises(InputNotFound, match=words):
        Microphone(wanted, sample_rate=RATE)


def test_the_named_source_is_recorded_and_no_other(server: Pulse):
    server.mute()  # the monitor goes on
    try:
        with Microphone(MONITOR_NAME, sample_rate=RATE) as source:
            player = server.play(sine(700, 3))
            fetch_until_heard(source)
            player.kill()
    finally:
        server.mute(False)
    assert "PULSE_SOURCE" not in os.environ


def test_the_source_that_the_environment_chooses_is_named(
    server: Pulse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULSE_SOURCE", MONITOR)
    assert inputs.find().name == MONITOR_NAME
    monkeypatch.setenv("PULSE_SOURCE", "no_such_source")
    assert inputs.find().name == "default"


def test_loopback_is_what_the_computer_plays(server: Pulse):
    server.mute()
    try:
        with Microphone(loopback=True, sample_rate=RATE) as source:
            assert source.name == MONITOR_NAME
            player = server.play(sine(700, 3))
            fetch_until_heard(source)
            player.kill()
    finally:
        server.mute(False)


def test_loopback_of_a_real_input_is_refused(server: Pulse):
    with pytest.raises(InputNotFound, match="a_microphone: does not carry what this computer"):
        Microphone(MICROPHONE_NAME, loopback=True, sample_rate=RATE)
    with pytest.raises(InputNotFound, match="no input 'harpsichord'"):
        Microphone("harpsichord", loopback=True, sample_rate=RATE)


def test_loopback_needs_no_pactl(server: Pulse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert [each.name for each in inputs.devices(rates=False)] == ["pulse", "default"]
    with Microphone(loopback=True, sample_rate=RATE) as source:
        assert source.name == "what this computer plays"
        fetch(source, 0.2)


def test_a_monitor_in_place_of_a_microphone_is_said(own_server: Pulse):
    own_server.unplug()
    own_server.build_room()
    with Microphone(sample_rate=RATE) as source:
        assert source.name == MONITOR_NAME
        (event,) = source.events()
        assert "this is no microphone" in event
        assert source.events() == []


# ---- what does not open


def test_a_device_that_refuses_the_rate_is_opened_at_its_own(server: Pulse):
    with Microphone(sample_rate=400_000) as source:  # more than PulseAudio knows
        assert source.sample_rate == harness.RATE
        assert source.events() == [
            f"{MICROPHONE_NAME}: opened at its own 44100 Hz, as it refuses 400000 Hz"
        ]
        fetch(source, 0.2)


def test_a_server_without_any_input_is_no_input(own_server: Pulse):
    own_server.unplug()
    with pytest.raises(InputNotFound, match="no input device; plug in a microphone"):
        Microphone(sample_rate=RATE)
    with pytest.raises(LoopbackUnavailable, match="no input carries what this computer plays"):
        Microphone(sample_rate=RATE, loopback=True)


def test_an_input_that_is_gone_when_it_is_opened_is_refused(
    own_server: Pulse, capfd: pytest.CaptureFixture[str]
):
    found = inputs.find(MICROPHONE)
    own_server.unplug()
    with pytest.raises(InputRefused, match=r"a_microphone: does not open .*; see that it is"):
        capture.Capture(found, RATE)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("Error opening InputStream: Device unavailable", -9985), InputBusy, "another program"),
        (
            ("Error opening InputStream: x", -9999, (8, -16, "Device or resource busy")),
            InputBusy,
            "end that, or choose another",
        ),
        (("Invalid sample rate", -9997), InputRefused, "both 32000 Hz and its own 44100 Hz"),
        (("Error querying device 7",), InputRefused, r"does not open \(Error querying device 7\)"),
    ],
)
def test_what_a_device_answers_is_said_in_plain_words(
    server: Pulse,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    error: type[Exception],
    words: str,
):
    import sounddevice

    def refuse(**_: object) -> None:  # hardware that none of the tests' machines has
        raise sounddevice.PortAudioError(*arguments)

    monkeypatch.setattr(sounddevice, "InputStream", refuse)
    with pytest.raises(error, match=words) as caught:
        Microphone(sample_rate=RATE)
    assert str(caught.value).startswith(MICROPHONE_NAME)
    assert "\n" not in str(caught.value)


def test_a_portaudio_that_fails_is_one_line(server: Pulse, monkeypatch: pytest.MonkeyPatch):
    import sounddevice

    def fail() -> None:  # drivers that none of the tests' machines has
        raise sounddevice.PortAudioError("Error querying host APIs", -10000)

    monkeypatch.setattr(sounddevice, "query_hostapis", fail)
    with pytest.raises(
        MicrophoneError, match=r"PortAudio fails \(Error querying host APIs .*-10000"
    ):
        musicedge.devices()


def test_a_refused_stream_leaves_nothing_behind(server: Pulse):
    threads = threading.active_count()
    for _ in range(3):
        with pytest.raises(InputNotFound):
            Microphone("harpsichord", sample_rate=RATE)
    wait_for(lambda: threading.active_count() <= threads)


# ---- what goes away


def test_an_unplugged_microphone_is_waited_for(
    own_server: Pulse, capfd: pytest.CaptureFixture[str]
):
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.3)
        begun = time.monotonic()
        own_server.unplug()
        read_until(source, "it is gone; waiting")
        assert time.monotonic() - begun < 2
        own_server.build_room()
        own_server.plug_in()
        own_server.play(sine(700, 20))
        read_until(source, f"{MICROPHONE_NAME}: back")
        first = source.read(2.0)
        assert first is not None
        away = time.monotonic() - begun
        assert first.lost / RATE == pytest.approx(away, abs=1.0)
        fetch_until_heard(source)
        assert fetch(source, 0.5).any()
    assert capfd.readouterr().err == ""  # neither ALSA's lines nor PortAudio's


def test_a_server_that_ends_and_is_there_again_is_waited_for(own_server: Pulse):
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.3)
        own_server.stop()
        read_until(source, "it is gone; waiting")
        assert source.read(0.1) is not None
        own_server.start(room=False)
        read_until(source, "back")
        chunk = source.read(2.0)
        assert chunk is not None
        assert chunk.lost > 0


def test_an_unplugged_microphone_is_an_error_where_nobody_waits(own_server: Pulse):
    source = Microphone(sample_rate=RATE, reconnect=False)
    fetch(source, 0.3)
    own_server.unplug()
    with pytest.raises(InputLost, match="a_microphone: it is gone; plug it in and start again"):
        read_until(source, "never said")
    assert source.read(0.1) is None


def test_a_server_that_hangs_is_given_up_and_taken_up_again(
    own_server: Pulse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capture, "STARVED", 1.0)
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.3)
        own_server.hang()
        read_until(source, "it is gone; waiting")
        slowest = 0.0
        for _ in range(3):
            begun = time.monotonic()
            assert source.read(0.2) is not None
            slowest = max(slowest, time.monotonic() - begun)
        assert slowest < 4
        own_server.resume()
        read_until(source, "back")
        chunk = source.read(2.0)
        assert chunk is not None
        assert chunk.lost > RATE


def test_the_sleep_in_which_a_device_went_away_is_lost(
    own_server: Pulse, monkeypatch: pytest.MonkeyPatch
):
    """A computer that sleeps cuts its devices off, and `time.monotonic` may not count that."""
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.3)
        own_server.unplug()
        read_until(source, "it is gone")
        for module in (capture, microphone):
            monkeypatch.setattr(module, "clock", lambda: lateness.clock() + 3600)
        own_server.plug_in(room=False)
        read_until(source, "back")
        chunk = source.read(2.0)
        assert chunk is not None
        assert chunk.lost / RATE == pytest.approx(3600, abs=10)


def test_a_device_that_comes_back_at_another_rate_keeps_the_old_one(
    own_server: Pulse, monkeypatch: pytest.MonkeyPatch
):
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.2)
        own_server.unplug()
        read_until(source, "it is gone")
        # In place of hardware that refuses what it accepted before.
        monkeypatch.setattr(
            microphone, "Capture", lambda device, rate: capture.Capture(device, 48_000)
        )
        own_server.plug_in(room=False)
        read_until(source, "back")
        assert source.read(2.0) is not None
        begun = time.monotonic()
        assert len(fetch(source, 1.0)) / RATE == pytest.approx(time.monotonic() - begun, abs=0.2)
        assert source.sample_rate == RATE


# ---- what is lost


def test_the_oldest_sound_goes_when_nobody_fetches_it(
    server: Pulse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capture, "QUEUE_SECONDS", 0.5)
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.1)
        time.sleep(1.5)
        chunk = source.read(0.1)
        assert chunk is not None
        assert len(chunk.samples) / RATE == pytest.approx(0.5, abs=0.02)
        assert chunk.lost / RATE == pytest.approx(1.0, abs=0.2)
        assert time.monotonic() - chunk.captured < 0.2
        assert fetch(source, 0.2).size


STOPPED = """
import time
from musicedge import capture
from musicedge.microphone import Microphone
capture.STARVED = 1.0
with Microphone(sample_rate=32_000) as source:
    while not len(source.read(2.0).samples): pass
    print("ready", flush=True)
    input()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert len(source.read(1.0).samples)
    print(source.events())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="programs are stopped as on Linux")
def test_a_program_that_was_stopped_goes_on(own_server: Pulse):
    program = subprocess.Popen(
        [sys.executable, "-c", STOPPED],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGSTOP)
    time.sleep(2)
    program.send_signal(signal.SIGCONT)
    out, _ = program.communicate("\n", timeout=30)
    assert out == "[]\n"


# ---- what else comes


def test_a_muted_microphone_is_said_once(own_server: Pulse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(microphone, "_SILENT_SECONDS", 0.3)
    own_server.mute()
    with Microphone(sample_rate=RATE) as source:
        read_until(source, "nothing but digital silence")
        fetch(source, 0.5)
        assert source.events() == []


def test_closing_ends_a_read_in_another_thread(server: Pulse):
    source = Microphone(sample_rate=RATE)
    fetch(source, 0.1)
    closing = threading.Timer(0.2, source.close)
    closing.start()
    begun = time.monotonic()
    while source.read(5.0) is not None:
        assert time.monotonic() - begun < 3
    closing.join(3)
    assert not closing.is_alive()
    source.close()
    assert source.read(5.0) is None


def test_c_libraries_are_silent_only_meanwhile(server: Pulse, capfd: pytest.CaptureFixture[str]):
    import sounddevice

    def fail() -> None:
        with pytest.raises(sounddevice.PortAudioError):
            sounddevice.InputStream(device="pulse", channels=99)

    with portaudio.silent():
        with portaudio.silent():
            fail()
        fail()
        sys.stderr.write("our own\n")
    assert capfd.readouterr().err == "our own\n"
    fail()
    assert "Expression" in capfd.readouterr().err


def test_an_answer_at_the_last_moment_is_an_answer(monkeypatch: pytest.MonkeyPatch):
    class Last(Future[str]):
        """One whose result comes just when the wait for it is over."""

        def result(self, timeout: float | None = None) -> str:
            answer = super().result()
            if timeout is not None:
                raise FutureTimeout
            return answer

    monkeypatch.setattr(portaudio, "Future", Last)
    assert portaudio.answered(lambda: "here") == "here"


@pytest.mark.skipif(sys.platform != "linux", reason="calls are given up on Linux alone")
def test_a_call_that_hangs_does_not_keep_standard_error(capfd: pytest.CaptureFixture[str]):
    hanging, done = threading.Event(), threading.Event()

    def start() -> None:  # as sounddevice does
        before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        hanging.wait(10)
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
        ctypes.CDLL(None).perror(b"noise of C libraries")
        done.set()

    with pytest.raises(MicrophoneError, match=r"has not answered for 0\.2 s"):
        portaudio.answered(start, patience=0.2)
    os.write(2, b"said")
    hanging.set()
    assert done.wait(10)
    os.write(2, b" and said")
    assert capfd.readouterr().err == "said and said"


def test_devices_are_listed_while_a_microphone_is_open(server: Pulse, tmp_path: Path):
    with Microphone(sample_rate=RATE) as source:
        fetch(source, 0.1)
        assert len(musicedge.devices()) >= 4
        assert fetch(source, 0.2).size
