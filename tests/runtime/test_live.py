"""Listening: files replayed through the live path, gaps, overload, recordings, and the end."""

from __future__ import annotations

import io
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.runtime import tiny_model
from tests.runtime.command import RATE, environment, write_audio
from tests.runtime.test_stream import assert_agrees_with_the_file, music, span
from tests.runtime.tiny_model import LOUD, noise

import musicedge
from musicedge import Chunk, FileSource, Listener, Reading, listen
from musicedge.errors import AudioFormat, AudioNotFound, AudioTruncated, ModelNotFound, OutputError
from musicedge.model import Model, load
from musicedge.recording import Recording

EXAMPLE = Path(__file__).parents[2] / "examples" / "corner-store-shuffle.mp3"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(tiny: Path) -> Model:
    return load(tiny, device="cpu", threads=1)


class Script:
    """A source that hands over the chunks it was given: a device whose every mood is known."""

    name = "script"
    sample_rate = RATE

    def __init__(self, chunks: Iterable[Chunk], *, realtime: bool = True) -> None:
        self.realtime = realtime
        self.closed = 0
        self._chunks = iter(chunks)

    def read(self, timeout: float) -> Chunk | None:
        return next(self._chunks, None)

    def events(self) -> list[str]:
        return []

    def close(self) -> None:
        self.closed += 1


def chunk(seconds: float, *, lost: float = 0.0, captured: float | None = None) -> Chunk:
    at = time.monotonic() if captured is None else captured
    return Chunk(noise(seconds, LOUD), at, round(lost * RATE))


def replay(path: Path, model: Model, **settings: object) -> list[Reading]:
    return list(listen(FileSource(path, speed=math.inf), model=model, **settings))


# --- a file through the live path


@pytest.mark.parametrize("variant", ["fp32", "int8"])
@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac"])
def test_a_replayed_file_says_what_its_analysis_says(suffix: str, variant: str, tmp_path: Path):
    cnn = load("cnn", variant=variant, device="cpu", threads=1)
    path = EXAMPLE
    if suffix != "mp3":
        path = tmp_path / f"music.{suffix}"
        soundfile.write(path, music(21, 44_100), 44_100)
    with musicedge.audio.open(path, sample_rate=None) as reader:
        samples, rate = np.concatenate(list(reader)), reader.sample_rate
    assert_agrees_with_the_file(cnn, replay(path, cnn), samples, rate)
    of_file = {span(segment): segment for segment in cnn.analyze(path).segments}
    shared = [reading for reading in replay(path, cnn) if span(reading) in of_file]
    assert len(shared) >= 2
    for reading in shared:
        assert reading.raw.arousal == pytest.approx(of_file[span(reading)].arousal, abs=1e-5)
        assert reading.raw.music == pytest.approx(of_file[span(reading)].music, abs=1e-5)


def test_at_top_speed_nothing_is_left_out(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "long.wav", 20)
    readings = replay(path, model)
    assert [reading.end for reading in readings] == pytest.approx(np.arange(1, 20.1, 0.5))
    assert sum(reading.skipped for reading in readings) == 0
    again = replay(path, model)
    assert [reading.raw for reading in readings] == [reading.raw for reading in again]
    assert [reading.genre for reading in readings] == [reading.genre for reading in again]
    assert {reading.latency_ms for reading in readings} == {None}


def test_at_speed_1_sound_takes_its_time(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "short.wav", 2.2)
    listener = listen(FileSource(path, speed=1.0), model=model)
    begun, wall = time.monotonic(), time.time()
    readings = list(listener)
    taken = time.monotonic() - begun
    assert 2.1 < taken < 4
    assert [reading.end for reading in readings] == pytest.approx([1.0, 1.5, 2.0, 2.2])
    for reading in readings[:-1]:
        assert reading.monotonic is not None
        assert reading.wall is not None
        assert reading.latency_ms is not None
        assert reading.monotonic - begun >= reading.end
        assert reading.wall - wall == pytest.approx(reading.monotonic - begun, abs=0.1)
        # Frames wait for half a transform of 32 ms, sound for 20 ms in the device.
        assert 5 < reading.latency_ms < 500
    assert (listener.readings, listener.skipped, listener.overruns) == (4, 0, 0)
    assert listener.seconds == pytest.approx(2.2)


def test_at_a_higher_speed_it_takes_less(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "short.wav", 4)
    begun = time.monotonic()
    readings = list(listen(FileSource(path, speed=8.0), model=model))
    assert 0.45 < time.monotonic() - begun < 2
    assert readings[-1].end == pytest.approx(4.0)


def test_a_slow_listener_hears_the_newest_and_counts_what_it_missed(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "long.wav", 60)
    listener = listen(FileSource(path, speed=20.0), model=model, duration=50)
    begun = time.monotonic()
    for reading in listener:
        assert reading.monotonic is not None
        # It never lags behind: by a step, and what sounds in a fifth of a second.
        assert 20 * (reading.monotonic - begun) - reading.end < 0.5 + 4
        time.sleep(0.1)  # 2 s of sound
    assert listener.skipped > 50
    assert listener.readings + listener.skipped == 99


def test_a_file_that_is_missing_or_no_audio_is_named(tmp_path: Path):
    with pytest.raises(AudioNotFound, match=r"nowhere\.wav"):
        FileSource(tmp_path / "nowhere.wav")
    (tmp_path / "text.wav").write_text("la la la")
    with pytest.raises(AudioFormat, match=r"text\.wav"):
        FileSource(tmp_path / "text.wav")
    with pytest.raises(ValueError, match="speed"):
        FileSource(tmp_path / "text.wav", speed=0)


def test_a_file_that_is_cut_off_is_heard_to_where_it_ends(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "cut.wav", 4)
    path.write_bytes(path.read_bytes()[: 2 * RATE * 3])
    readings = iter(listen(FileSource(path, speed=math.inf), model=model))
    heard = [next(readings) for _ in range(4)]
    assert [reading.end for reading in heard] == pytest.approx([1.0, 1.5, 2.0, 2.5])
    with pytest.raises(AudioTruncated, match=r"cut\.wav"):
        next(readings)


def test_what_a_decoder_notes_is_told_once(model: Model):
    data = io.BytesIO()
    soundfile.write(data, noise(2, LOUD), RATE, format="WAV")
    listener = listen(FileSource(data.getvalue(), speed=math.inf), model=model)
    listener.source._reader.notes.append("a remark")  # type: ignore[attr-defined]
    assert [event.endswith(": a remark") for event in listener.events()] == [True]
    assert listener.events() == []
    listener.close()


# --- gaps


def test_a_short_loss_is_counted_and_spliced(model: Model):
    source = Script([chunk(0.9), chunk(0.4, lost=0.4), chunk(0.5)])
    listener = Listener(source, model)
    readings = list(listener)
    assert [span(reading) for reading in readings] == [(0, 1), (0.5, 1.5), (0.8, 1.8)]
    assert (listener.overruns, listener.lost_samples) == (1, round(0.4 * RATE))
    assert [reading.overruns for reading in readings] == [1, 1, 1]
    assert listener.events() == []
    assert listener.seconds == pytest.approx(1.8)


def test_after_a_long_gap_the_stream_begins_anew(model: Model):
    source = Script([chunk(1.2), chunk(1.2, lost=3.0)])
    listener = Listener(source, model, first=0.5)
    readings = list(listener)
    assert [span(reading) for reading in readings] == [(0, 1), (1.2, 2.2), (1.4, 2.4)]
    assert [reading.early for reading in readings] == [False, False, False]
    [event] = listener.events()
    assert event == "script: 3.0 s of sound lost; begun anew"


def test_overload_skips_and_never_delays(model: Model):
    """Ten seconds have piled up: one reading, of the newest, and as fresh as its sound."""
    now = time.monotonic()
    source = Script([chunk(1.1, captured=now), chunk(10.0, captured=now)])
    first, newest = list(Listener(source, model))
    assert (first.end, newest.end) == (pytest.approx(1.0), pytest.approx(11.0))
    assert newest.skipped == 19
    assert newest.latency_ms == pytest.approx(1e3 * (newest.monotonic - now + 0.1), abs=1)  # type: ignore[operator]


# --- the end


def test_a_duration_ends_it_to_the_sample(model: Model, tmp_path: Path):
    path, record = write_audio(tmp_path / "long.wav", 10), tmp_path / "heard.wav"
    readings = replay(path, model, duration=3.3, record=record)
    assert [reading.end for reading in readings] == pytest.approx([1, 1.5, 2, 2.5, 3, 3.3])
    assert soundfile.info(record).frames == round(3.3 * RATE)


def test_a_duration_ends_it_while_no_sound_comes(model: Model, tmp_path: Path):
    def nothing() -> Iterable[Chunk]:
        while True:
            time.sleep(0.02)
            yield Chunk(np.empty(0, np.float32), time.monotonic())

    begun = time.monotonic()
    assert list(Listener(Script(nothing()), model, duration=0.2)) == []
    assert 0.2 <= time.monotonic() - begun < 2


@pytest.mark.parametrize("duration", [0, -1.0, math.nan, math.inf])
def test_a_duration_must_be_one(model: Model, duration: float):
    source = Script([])
    with pytest.raises(ValueError, match="duration"):
        listen(source, model=model, duration=duration)
    assert source.closed


def test_it_ends_well_when_it_is_asked_to(model: Model, tmp_path: Path):
    record = tmp_path / "heard.wav"
    source = Script([chunk(1.1), chunk(0.5), chunk(5)])
    answers = iter([False, True])
    listener = Listener(source, model, record=record, stop=lambda: next(answers))
    assert [reading.end for reading in listener] == pytest.approx([1.0, 1.5])
    assert source.closed
    assert soundfile.info(record).duration == pytest.approx(1.6)


def test_the_source_is_closed_however_it_ends(model: Model):
    at_end, broken_off, by_with = (Script([chunk(3), chunk(3)]) for _ in range(3))
    list(Listener(at_end, model))
    for _ in Listener(broken_off, model):
        break
    with Listener(by_with, model):
        pass
    assert at_end.closed
    assert broken_off.closed
    assert by_with.closed


def test_a_source_is_closed_when_the_model_cannot_be_had(tmp_path: Path):
    source = Script([])
    with pytest.raises(ModelNotFound):
        listen(source, model=tmp_path / "none.onnx")
    assert not source.closed  # the model comes first, and the source is still the caller's
    with pytest.raises(OutputError):
        listen(source, model="cnn", record=tmp_path / "no" / "such.wav")
    assert source.closed


def test_a_model_may_be_named(tiny: Path, tmp_path: Path):
    path = write_audio(tmp_path / "clip.wav", 1.2)
    with listen(FileSource(path, speed=math.inf), model=tiny, device="cpu") as listener:
        assert listener.model.card.name == "tiny"
        assert len(list(listener)) == 2


# --- recordings


def test_a_recording_holds_what_was_heard(model: Model, tmp_path: Path):
    path, record = tmp_path / "song.wav", tmp_path / "heard.wav"
    rng = np.random.default_rng(0)
    steps = rng.integers(-(2**15), 2**15, 3 * 22_050).astype(np.int16)
    soundfile.write(path, steps, 22_050)
    replay(path, model, record=record)
    heard, rate = soundfile.read(record, dtype="int16")
    assert rate == 22_050
    np.testing.assert_array_equal(heard, steps)


def test_what_is_beyond_full_scale_is_clipped(model: Model, tmp_path: Path):
    path, record = tmp_path / "loud.wav", tmp_path / "heard.wav"
    samples = np.linspace(-1.5, 1.5, 2 * RATE).astype(np.float32)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    replay(path, model, record=record)
    heard, _ = soundfile.read(record)
    np.testing.assert_allclose(heard, np.clip(samples, -1, 1), atol=2**-22)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_recording_is_whole_whatever_ends_it(tiny: Path, tmp_path: Path, ending: signal.Signals):
    path, record = write_audio(tmp_path / "clip.wav", 30), tmp_path / "heard.wav"
    code = (
        "import sys, musicedge\n"
        "source = musicedge.FileSource(sys.argv[1])\n"
        "for reading in musicedge.listen(source, model=sys.argv[2], record=sys.argv[3]):\n"
        "    print('reading', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, path, tiny, record],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(ending)
        process.wait(20)
    heard, _ = soundfile.read(record, dtype="float32")
    assert 1.5 <= len(heard) / RATE < 10
    original, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(heard, original[: len(heard)], atol=2**-22)


def test_a_recording_that_cannot_be_written_is_one_line(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "clip.wav", 2)
    with pytest.raises(OutputError, match=r"such\.wav: the recording cannot be written") as caught:
        listen(FileSource(path), model=model, record=tmp_path / "no" / "such.wav")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line(model: Model, tmp_path: Path):
    path = write_audio(tmp_path / "clip.wav", 2)
    with pytest.raises(OutputError, match="No space left on device"):
        replay(path, model, record=Path("/dev/full"))


def record_quarters(path: Path) -> None:
    with closing(Recording(path, RATE)) as recording:
        for _ in range(10):
            recording.write(np.full(1_000, 0.25, np.float32))


@pytest.mark.skipif(sys.platform != "linux", reason="files are limited as on Linux")
@pytest.mark.parametrize(("room", "kept"), [(0, None), (44, None), (10_000, 3_000)])
def test_a_recording_on_a_full_disk_keeps_what_it_got_and_no_empty_file(
    tmp_path: Path, room: int, kept: int | None
):
    import resource

    record = tmp_path / "heard.wav"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # in place of a full disk
    try:
        with pytest.raises(OutputError):
            record_quarters(record)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert record.exists() == (kept is not None)
    if kept is not None:
        heard, _ = soundfile.read(record)
        assert heard.tolist() == [0.25] * kept
