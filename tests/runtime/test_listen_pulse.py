"""`musicedge listen` on a real microphone: music that is played in its room, and what breaks."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.runtime import pulse as harness
from tests.runtime import tiny_model
from tests.runtime.command import environment, run, start
from tests.runtime.pulse import MICROPHONE_NAME, Pulse, wait_for

EXAMPLE = Path(__file__).parents[2] / "examples" / "corner-store-shuffle.mp3"
WINDOW = 10.0  # seconds, of the shipped model
pytestmark = pytest.mark.skipif(bool(harness.why_absent()), reason=harness.why_absent())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    with harness.running(tmp_path_factory.mktemp("pulse")) as pulse:
        yield pulse


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Pulse]:
    """Give a server that may be broken, with a microphone in a silent room."""
    with harness.running(tmp_path / "pulse", room=False) as pulse:
        yield pulse


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model"))


class Lines:
    """The lines of a running program, as they come."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        self._path = path
        self.process = process

    def __call__(self) -> list[str]:
        return self._path.read_text("utf-8").splitlines()


def listen(folder: Path, pulse: Pulse, *options: str | Path) -> tuple[Lines, Lines]:
    """Start `musicedge listen --jsonl`; return its output and its notes."""
    out, err = folder / "out.jsonl", folder / "err.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = start(
            *("listen", "--jsonl", *options),
            env=environment(**pulse.environment),
            stdout=stdout,
            stderr=stderr,
        )
    return Lines(process, out), Lines(process, err)


def offset_of(heard: np.ndarray, played: np.ndarray, rate: int) -> float:
    """Return the seconds of `played` at which `heard` begins, by cross-correlation."""
    size = 1 << (len(heard) + len(played)).bit_length()
    spectrum = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    position = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (position - size if position > size // 2 else position) / rate


def classified(path: Path) -> dict[str, Any]:
    """Return the only segment of a clip of one window."""
    done = run("classify", "--timeline", "--jsonl", path)
    assert done.returncode == 0, done.stderr
    (segment,) = json.loads(done.stdout)["segments"]
    return segment


@pytest.mark.slow
def test_a_room_with_music_is_heard_as_the_file_is(server: Pulse, tmp_path: Path):
    samples, rate = soundfile.read(EXAMPLE, dtype="float32")
    record = tmp_path / "heard.wav"
    out, err = listen(tmp_path, server, "--smooth", "0", "--duration", "14", "--record", record)
    wait_for(record.exists)
    player = server.play(samples, rate)
    assert out.process.wait(60) == 0, err()
    player.kill()
    readings = [json.loads(line) for line in out()]

    full = [each for each in readings if not each["early"]]
    assert len(full) >= 8
    assert np.diff([each["end"] for each in full]) == pytest.approx(0.5, abs=0.02)
    heard, heard_rate = soundfile.read(record, dtype="float32")
    assert heard.shape == (14 * heard_rate,)
    begin = offset_of(heard, _at(samples.mean(axis=1), rate, heard_rate), heard_rate)
    assert -3 < begin <= 0.1, "the music began soon after the recording"

    last = full[-1]
    assert last["start"] + begin > 0, "its window is full of music"
    clip = tmp_path / "clip.wav"
    first = round((last["start"] + begin) * rate)
    soundfile.write(clip, samples[first : first + round(WINDOW * rate)], rate, subtype="FLOAT")
    expected = classified(clip)
    assert last["is_music"]
    assert last["music"] == pytest.approx(expected["music"], abs=0.02)
    assert last["genre"][0]["label"] == expected["genre"][0]["label"]
    scores = {each["label"]: each["score"] for each in expected["genre"]}
    for each in last["genre"]:
        assert each["score"] == pytest.approx(scores[each["label"]], abs=0.05)
    for mood in ("valence", "arousal", "danceability"):
        assert last[mood] == pytest.approx(expected[mood], abs=0.02)

    whole = json.loads(run("classify", "--jsonl", EXAMPLE).stdout)
    assert last["genre"][0]["label"] in [each["label"] for each in whole["genre"][:2]]
    for mood in ("valence", "arousal", "danceability"):
        assert last[mood] == pytest.approx(whole[mood], abs=0.1)


def test_readings_come_in_time_with_their_clocks(server: Pulse, tiny: Path, tmp_path: Path):
    out, err = listen(tmp_path, server, "--model", tiny, "--duration", "4")
    assert out.process.wait(30) == 0, err()
    readings = [json.loads(line) for line in out()]
    assert len(readings) >= 6
    for each in readings:
        assert abs(each["wall"] - time.time()) < 60
        assert 0 < each["latency_ms"] < 1000
        assert (each["skipped"], each["overruns"]) == (0, 0)
    pace = np.diff([each["monotonic"] for each in readings])
    assert np.median(pace) == pytest.approx(0.5, abs=0.1)


def test_an_unplugged_microphone_is_waited_for(own_server: Pulse, tiny: Path, tmp_path: Path):
    out, err = listen(tmp_path, own_server, "--model", tiny)
    try:
        wait_for(out)
        own_server.unplug()
        wait_for(lambda: any("it is gone; waiting until it is back" in line for line in err()))
        before = len(out())
        own_server.plug_in(room=False)
        wait_for(lambda: any(f"{MICROPHONE_NAME}: back" in line for line in err()))
        wait_for(lambda: len(out()) > before)
    finally:
        out.process.send_signal(signal.SIGINT)
        out.process.wait(10)
    assert all(json.loads(line) for line in out())
    noise = ("ALSA", "Expression", "Traceback", "PulseAudio:")
    assert not any(word in line for line in err() for word in noise), err()


def test_without_reconnecting_it_ends_with_one_line(own_server: Pulse, tiny: Path, tmp_path: Path):
    out, err = listen(tmp_path, own_server, "--model", tiny, "--no-reconnect")
    wait_for(out)
    own_server.stop()
    assert out.process.wait(15) == 1
    gone = [line for line in err() if "gone" in line]
    assert gone == [f"musicedge: {MICROPHONE_NAME}: it is gone; plug it in and start again"]
    assert not any("Traceback" in line for line in err())


def test_a_sound_server_that_hangs_can_be_left(own_server: Pulse, tiny: Path, tmp_path: Path):
    own_server.hang()
    out, err = listen(tmp_path, own_server, "--model", tiny)
    time.sleep(2)
    assert out.process.poll() is None
    out.process.send_signal(signal.SIGINT)
    out.process.wait(5)
    assert out() == []
    assert not any("Traceback" in line for line in err())


def _at(samples: np.ndarray, rate: int, other: int) -> np.ndarray:
    import soxr

    return soxr.resample(samples, rate, other)
