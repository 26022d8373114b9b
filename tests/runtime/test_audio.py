"""Audio in: every input becomes mono blocks, or one line that says why not."""

from __future__ import annotations

import contextlib
import gc
import io
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.runtime import hostile
from tests.runtime.hostile import RATE, tone

from musicedge import audio
from musicedge.decoding import sources
from musicedge.errors import (
    AudioEmpty,
    AudioError,
    AudioFormat,
    AudioNotFound,
    AudioPermission,
    AudioTruncated,
    AudioValues,
    MediaExtraMissing,
)

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
FORMATS = ("WAV", "FLAC", "OGG", "OPUS", "MP3", "AIFF", "AU", "CAF", "W64", "RF64")
LOSSLESS = ("WAV", "FLAC", "AIFF", "AU", "CAF", "W64", "RF64")

pytestmark = pytest.mark.filterwarnings("error")  # a file left open is a ResourceWarning

own_files = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()


@pytest.fixture
def without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "musicedge.decoding.ffmpeg", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)


def write(path: Path, samples: np.ndarray, kind: str = "WAV", rate: int = RATE) -> Path:
    options = {"format": "OGG", "subtype": "OPUS"} if kind == "OPUS" else {"format": kind}
    if kind == "WAV":
        options["subtype"] = "FLOAT"
    soundfile.write(path, samples, rate, **options)
    return path


def read(source: object, sample_rate: int = RATE, **cut: object) -> np.ndarray:
    with audio.open(source, sample_rate=sample_rate, **cut) as reader:
        return np.concatenate(list(reader))


def read_until_error(source: object, **cut: object) -> tuple[np.ndarray, AudioError]:
    blocks: list[np.ndarray] = []
    with (
        pytest.raises(AudioError) as raised,
        audio.open(source, sample_rate=RATE, **cut) as reader,
    ):
        blocks.extend(reader)
    return np.concatenate([*blocks, np.empty(0, np.float32)]), raised.value


# What good input gives


@pytest.mark.parametrize("kind", FORMATS)
def test_reads_what_libsndfile_writes(kind: str, tmp_path: Path) -> None:
    rate = 48_000 if kind == "OPUS" else RATE
    samples = tone(2.0, rate, channels=2)
    path = write(tmp_path / "song", samples, kind, rate)
    with audio.open(path, sample_rate=rate) as reader:
        assert (reader.decoder, reader.source_rate, reader.channels) == ("soundfile", rate, 2)
        assert reader.source_duration == pytest.approx(2.0, abs=0.001)
        blocks = list(reader)
    assert all(block.dtype == np.float32 and block.ndim == 1 for block in blocks)
    result = np.concatenate(blocks)
    assert len(result) == len(samples)
    error = np.abs(result - samples.mean(axis=1))
    assert error.max() < 2**-15 if kind in LOSSLESS else np.sqrt((error**2).mean()) < 0.1


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mp4", "aac"),
        ("adts", "aac"),
        ("webm", "libopus"),
        ("matroska", "flac"),
        ("caf", "alac"),
        ("avi", "ac3"),
        ("mpegts", "aac"),
        ("asf", "wmav2"),
    ],
)
def test_reads_other_formats_through_pyav(kind: str, codec: str, tmp_path: Path) -> None:
    pytest.importorskip("av")
    rate = 48_000 if codec == "libopus" else RATE
    try:
        path = hostile.video(
            tmp_path / "song.wav", 2.0, "stereo", codec, kind, picture=False, rate=rate
        )
    except (ValueError, OSError) as error:
        pytest.skip(f"this FFmpeg does not write {codec} in {kind}: {error}")
    with audio.open(path, sample_rate=rate) as reader:
        assert (reader.decoder, reader.channels) == ("pyav", 2)
        result = np.concatenate(list(reader))
    expected = tone(2.0, rate, channels=2).mean(axis=1)
    assert len(result) / rate == pytest.approx(2.0, abs=0.1)
    assert _best_correlation(result, expected) > 0.95


def test_reads_the_sound_of_a_video(tmp_path: Path) -> None:
    path = hostile.video(tmp_path / "film.mp4", 2.0)
    result = read(path)
    assert _best_correlation(result, tone(2.0)[:, 0]) > 0.95


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_integer_samples_are_scaled_alike_by_both_decoders(subtype: str, tmp_path: Path) -> None:
    pytest.importorskip("av")
    from musicedge.decoding.ffmpeg import PyAVDecoder

    path = tmp_path / "song.wav"
    soundfile.write(path, tone(0.5, channels=2), RATE, subtype=subtype)
    with path.open("rb", buffering=0) as file:
        decoder = PyAVDecoder(file, "song")
        by_pyav = np.concatenate(list(decoder.blocks(4096)))
        decoder.close()
    np.testing.assert_allclose(by_pyav, read(path), atol=1e-6)


@own_files
@given(
    seconds=st.floats(0.001, 3.0),
    rates=st.sampled_from([(44_100, 32_000), (48_000, 32_000), (8_000, 32_000), (96_000, 22_050)]),
    channels=st.integers(1, 3),
)
def test_blocks_are_the_resampled_mean_of_the_channels(
    seconds: float, rates: tuple[int, int], channels: int
) -> None:
    source_rate, rate = rates
    samples = tone(seconds, source_rate, channels)
    with audio.from_array(samples.T, source_rate, sample_rate=rate) as reader:
        blocks = list(reader)
    assert all(len(block) <= audio.BLOCK_SAMPLES for block in blocks)
    expected = soxr.resample(samples.mean(axis=1), source_rate, rate)
    np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-4)


@own_files
@example(offset=3.999999, duration=1.0, kind="FLAC")
@given(offset=st.floats(0, 4), duration=st.floats(0.001, 5), kind=st.sampled_from(LOSSLESS))
def test_a_cut_equals_slicing(offset: float, duration: float, kind: str, tmp_path: Path) -> None:
    samples = tone(4.0, channels=2)
    path = tmp_path / kind
    if not path.exists():
        write(path, samples, kind)
    start = round(offset * RATE)
    if start >= len(samples):
        with pytest.raises(AudioEmpty, match=r"beyond its end at 4\.00 s"):
            audio.open(path, sample_rate=RATE, offset=offset)
        return
    whole = read(path)
    result = read(path, offset=offset, duration=duration)
    expected = whole[start : start + max(1, round(duration * RATE))]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("kind", ["OGG", "OPUS", "MP3"])
def test_a_cut_of_a_compressed_file_equals_slicing(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "song", tone(8.0, 48_000), kind, 48_000)
    whole = read(path, 48_000)
    result = read(path, 48_000, offset=5.25, duration=1.5)
    np.testing.assert_allclose(result, whole[252_000:324_000], atol=1e-4)


def test_a_cut_through_pyav_equals_slicing(tmp_path: Path) -> None:
    path = hostile.m4a(tmp_path / "song.m4a", 40.0)
    whole = read(path)
    for offset in (5.25, 35.25):  # decoded and dropped; sought
        start = round(offset * RATE)
        result = read(path, offset=offset, duration=2.0)
        np.testing.assert_allclose(result, whole[start : start + 2 * RATE], atol=1e-4)


def test_a_cut_after_resampling_has_the_length_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(4.0))
    assert len(read(path, 32_000, offset=1.0, duration=1.5)) == 48_000


def test_a_duration_beyond_the_end_reads_to_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(2.0))
    assert len(read(path, offset=0.5, duration=60)) == 1.5 * RATE


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_one_sample_is_enough(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "click", tone(1 / RATE), kind)
    assert 1 <= len(read(path)) < 0.1 * RATE


def test_paths_bytes_and_file_objects_give_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "song.flac", tone(1.0), "FLAC")
    data = path.read_bytes()
    expected = read(path)
    for source in (str(path), data, bytearray(data), memoryview(data), io.BytesIO(data)):
        np.testing.assert_array_equal(read(source), expected)


def test_a_pipe_is_read_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(1.0))
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert len(read(process.stdout)) == RATE
        assert not process.stdout.closed
    stream = io.BytesIO(b"before" + path.read_bytes())
    stream.seek(6)
    assert len(read(stream)) == RATE
    assert not stream.closed


def test_a_pipe_longer_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SPOOL_LIMIT", 1024**2)
    with pytest.raises(AudioValues, match="save it to a file and give its path"):
        audio.open(io.BytesIO(bytes(1024**2 + 1)), sample_rate=RATE, name="standard input")


def test_a_full_temporary_folder_is_told(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = hostile.mp3_twice(tmp_path / "song.mp3")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        for source in (path, path.read_bytes()):
            with pytest.raises(AudioFormat, match="temporary folder cannot take a copy"):
                audio.open(source, sample_rate=RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_open_in_text_mode_is_a_type_error(tmp_path: Path) -> None:
    path = hostile.text(tmp_path / "notes.txt")
    with path.open() as file, pytest.raises(TypeError, match="binary mode"):
        audio.open(file, sample_rate=RATE)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["song.WAV", "song.txt", "song", "song.vox", "song.raw", "-"])
def test_content_decides_and_not_the_name(name: str, tmp_path: Path) -> None:
    path = hostile.mp3(tmp_path / "song")
    path = path.rename(tmp_path / name)
    assert len(read(path)) == 4 * RATE


def test_levels_beyond_full_scale_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "hot.wav", 20 * tone(0.5))
    assert np.abs(read(path)).max() > 10


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_what_is_read_does_not_depend_on_the_pieces(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pure tones: an MP3 encoder saves bits for later frames, which a seek in between would lose.
    time = np.arange(8 * RATE)[:, np.newaxis] / RATE
    path = tmp_path / f"tones.{kind.lower()}"
    write(path, 0.3 * np.sin(2 * np.pi * np.array([440, 660]) * time), kind)
    monkeypatch.setattr("musicedge.decoding.reader._DECODED_SAMPLES", 20_000)
    samples, _ = soundfile.read(path, dtype="float32")
    assert np.abs(read(path) - samples.mean(axis=1)).max() < 1e-6


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_sixteen_bits_are_read_exactly(channels: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(channels)
    integers = rng.integers(-(2**15), 2**15, (100_000, channels), np.int16)
    path = tmp_path / "song.wav"
    soundfile.write(path, integers, RATE, subtype="PCM_16")
    expected = integers.mean(axis=1) / 2**15
    assert np.abs(read(path) - expected).max() <= np.finfo(np.float32).eps


def test_memory_stays_bounded(tmp_path: Path) -> None:
    path = hostile.wav_of_unknown_length(tmp_path / "long.wav", seconds=1.0)
    with path.open("ab") as file:  # ten minutes: 50 MB of 16 bits, 100 MB of float32
        second = hostile.pcm(1.0)
        file.writelines(second for _ in range(599))
    tracemalloc.start()
    with audio.open(path, sample_rate=32_000) as reader:
        seconds = sum(len(block) for block in reader) / 32_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds == pytest.approx(600, abs=0.01)
    assert peak < 5_000_000


# The reader itself


def test_a_reader_is_iterable_once(tmp_path: Path) -> None:
    reader = audio.open(write(tmp_path / "song.wav", tone()), sample_rate=RATE)
    list(reader)
    with pytest.raises(RuntimeError, match="open it again"):
        iter(reader)


def test_a_reader_closes_when_it_is_abandoned(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(5.0))
    reader = audio.open(path, sample_rate=RATE)
    for _ in reader:
        break
    reader.close()
    with audio.open(path, sample_rate=RATE):
        pass
    with pytest.raises(ZeroDivisionError), audio.open(path, sample_rate=RATE) as reader:
        assert [1 / 0 for _ in reader]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.parametrize("kind", ["FLAC", "MP3", "M4A"])
def test_an_interrupt_is_not_lost_in_a_decoder(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "song"
    hostile.m4a(path, 8.0) if kind == "M4A" else write(path, tone(8.0), kind)
    read(path)  # imports

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    end = time.monotonic() + 10

    def read_again_and_again() -> None:
        while time.monotonic() < end:
            read(path)

    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            read_again_and_again()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_blocks_may_be_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(5.0))
    with audio.open(path, sample_rate=RATE) as reader:
        blocks = list(reader)
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), tone(5.0)[:, 0])


def test_decoders_are_not_imported_before_they_are_needed() -> None:
    program = (
        "import sys, musicedge.audio;"
        "print([name for name in ('soundfile', 'soxr', 'av') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(audio.__file__).parents[1])},
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ({"offset": -1}, "offset is -1 s"),
        ({"offset": float("nan")}, "offset is nan s"),
        ({"offset": float("inf")}, "offset is inf s"),
        ({"duration": 0}, "duration is 0 s"),
        ({"duration": -0.5}, "duration is -0.5 s"),
        ({"duration": float("nan")}, "duration is nan s"),
    ],
)
def test_impossible_cuts_are_refused(cut: dict[str, float], said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone())
    with pytest.raises(AudioValues, match=said):
        audio.open(path, sample_rate=RATE, **cut)


@pytest.mark.parametrize("kind", ["WAV", "MP3", "OGG", "M4A", "ADTS"])
def test_an_offset_beyond_the_end_says_where_the_end_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "song"
    if kind in ("M4A", "ADTS"):
        hostile.video(path, 2.0, kind="mp4" if kind == "M4A" else "adts", picture=False)
    else:
        write(path, tone(2.0), kind)
    with pytest.raises(AudioEmpty, match=r"offset of 40 s is beyond its end at 2\.0\d s"):
        read(path, offset=40)


# Arrays


def test_an_array_gives_its_samples_in_blocks() -> None:
    samples = tone(4.0)[:, 0]
    with audio.from_array(samples, RATE, sample_rate=RATE) as reader:
        assert (reader.decoder, reader.channels, reader.source_duration) == ("array", 1, 4.0)
        blocks = list(reader)
    assert len(blocks) == 3
    np.testing.assert_array_equal(np.concatenate(blocks), samples)


@pytest.mark.parametrize("kind", [np.float16, np.float64, list])
def test_an_array_may_be_of_any_float_type(kind: Callable[[np.ndarray], object]) -> None:
    samples = tone(0.1, channels=2).T
    given = samples.tolist() if kind is list else samples.astype(kind)
    (block,) = audio.from_array(given, RATE, sample_rate=RATE)
    assert block.dtype == np.float32
    np.testing.assert_allclose(block, samples.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize(
    ("samples", "error", "said"),
    [
        (np.zeros(0, np.float32), AudioEmpty, "no samples"),
        (np.zeros((2, 0), np.float32), AudioEmpty, "no samples"),
        (np.zeros(100, np.int16), AudioValues, "samples / 32768"),
        (np.zeros(100, np.int32), AudioValues, "samples / 2147483648"),
        (np.zeros(100, np.complex64), AudioValues, "give floats"),
        (np.zeros(100, bool), AudioValues, "give floats"),
        (np.zeros((100, 2), np.float32), AudioValues, "transpose"),
        (np.zeros((64, 100), np.float32), AudioValues, "64 channels"),
        (np.zeros((2, 2, 2), np.float32), AudioValues, "shape"),
        (np.float32(1), AudioValues, "shape"),
        (np.array([0, np.nan], np.float32), AudioValues, "nan, not a finite number"),
        (np.array([0, -np.inf], np.float32), AudioValues, "-inf, not a finite number"),
        (np.array([0, 1e300]), AudioValues, "inf, not a finite number"),
        (np.array([0, 20_000], np.float32), AudioValues, "full scale is 1"),
    ],
)
def test_arrays_that_are_no_audio_are_refused(
    samples: np.ndarray, error: type[AudioError], said: str
) -> None:
    with pytest.raises(error, match=said):
        list(audio.from_array(samples, RATE, sample_rate=RATE))


def test_an_array_at_an_impossible_rate_is_refused() -> None:
    with pytest.raises(AudioValues, match="sample rate is 44 Hz"):
        audio.from_array(np.zeros(100, np.float32), 44, sample_rate=RATE)


# What bad input gets


@pytest.mark.parametrize(
    ("make", "error"), hostile.REFUSED, ids=[make.__name__ for make, _ in hostile.REFUSED]
)
def test_bad_input_gets_one_line(
    make: Callable[[Path], Path],
    error: type[AudioError],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = make(tmp_path / "song.wav")
    capfd.readouterr()
    _, raised = read_until_error(path)
    assert type(raised) is error
    message = str(raised)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert "; " in message  # what is wrong; what to do
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("make", "error"), hostile.REFUSED, ids=[make.__name__ for make, _ in hostile.REFUSED]
)
def test_bad_input_gets_one_line_without_pyav(
    make: Callable[[Path], Path],
    error: type[AudioError],
    tmp_path: Path,
    without_pyav: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = make(tmp_path / "song.wav")
    capfd.readouterr()
    _, raised = read_until_error(path)
    assert isinstance(raised, error)
    assert str(raised).isprintable()
    assert capfd.readouterr() == ("", "")


def test_an_unreadable_file_is_a_matter_of_permission(tmp_path: Path) -> None:
    beside = write(tmp_path / "song.wav", tone())
    with hostile.unreadable(tmp_path / "secret.wav") as path:
        assert len(read(beside)) == RATE
        with pytest.raises(AudioPermission, match="no permission to read it"):
            audio.open(path, sample_rate=RATE)


def test_names_are_escaped_into_one_line(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines\x1b[2J.wav"
    with pytest.raises(AudioNotFound) as raised:
        audio.open(path, sample_rate=RATE)
    assert "two\\nlines\\x1b[2J.wav" in str(raised.value)
    path.write_bytes(hostile.wav(hostile.pcm()))
    assert len(read(path)) == RATE
    with pytest.raises(AudioNotFound) as raised:
        audio.open("caf\udce9.wav", sample_rate=RATE)
    str(raised.value).encode("utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "http://localhost:9/song.mp3",
        "file:///etc/hostname",
        "concat:a.mp3|b.mp3",
        "pipe:0",
        "data:audio/wav;base64,UklGRg==",
        "",
        "\0",
        "x" * 5000,
    ],
)
def test_strings_are_names_of_local_files_and_nothing_else(path: str) -> None:
    with pytest.raises(AudioNotFound):
        audio.open(path, sample_rate=RATE)


def test_the_first_bad_sample_is_named(tmp_path: Path) -> None:
    for make in (hostile.wav_with_nan, hostile.wav_with_infinity):
        _, error = read_until_error(make(tmp_path / "song.wav"))
        assert "the sample at 1.250 s is" in str(error)
        _, error = read_until_error(tmp_path / "song.wav", offset=0.75)
        assert "the sample at 1.250 s is" in str(error)
    assert len(read(tmp_path / "song.wav", duration=1.25)) == 1.25 * RATE


@pytest.mark.parametrize(
    "make",
    [
        hostile.truncated_wav,
        hostile.truncated_aiff,
        hostile.truncated_flac,
        hostile.truncated_mp3,
        hostile.truncated_vbr_mp3,
    ],
)
@pytest.mark.parametrize("rate", [RATE, 32_000])
def test_a_truncated_file_gives_what_is_there_and_then_an_error(
    make: Callable[[Path], Path], rate: int, tmp_path: Path
) -> None:
    path = make(tmp_path / "song")
    blocks = []
    with (
        pytest.raises(AudioTruncated) as raised,
        audio.open(path, sample_rate=rate) as reader,
    ):
        blocks.extend(reader)
    assert sum(map(len, blocks)) / rate == pytest.approx(2.0, abs=0.2)
    message = str(raised.value)
    assert "its header promises 4.0" in message
    seconds = float(message.split("use --duration ")[1].split()[0])
    assert len(read(path, rate, duration=seconds)) == pytest.approx(seconds * rate, abs=1)


def test_a_cut_of_a_truncated_file_is_judged_by_what_it_asked_for(tmp_path: Path) -> None:
    path = hostile.truncated_flac(tmp_path / "song.flac")
    assert len(read(path, offset=0.5, duration=1)) == RATE
    with pytest.raises(AudioTruncated, match=r"use --duration 1\.[34]"):
        read(path, offset=0.5)
    with pytest.raises(AudioTruncated, match="get the whole file"):
        read(path, offset=3)


def test_a_truncated_m4a_gives_what_is_there_and_then_an_error(tmp_path: Path) -> None:
    path = hostile.m4a(tmp_path / "song.m4a", 4.0, movflags="faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    samples, error = read_until_error(path)
    assert type(error) is AudioTruncated
    assert 1.0 < len(samples) / RATE < 3.0


def test_a_missing_codec_frame_is_no_truncation(tmp_path: Path) -> None:
    path = hostile.mp3(tmp_path / "song.mp3")
    path.write_bytes(path.read_bytes()[:-600])
    assert len(read(path)) / RATE == pytest.approx(4.0, abs=0.2)


def test_an_ogg_file_without_an_end_is_noted(tmp_path: Path) -> None:
    path = hostile.truncated_ogg(tmp_path / "song.ogg")
    with audio.open(path, sample_rate=RATE) as reader:
        assert 1.0 < sum(len(block) for block in reader) / RATE < 3.0
    assert "no end mark" in reader.notes[0]


def test_a_corrupt_middle_does_not_stop_pyav(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = write(tmp_path / "song.flac", tone(8.0), "FLAC")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    with audio.open(path, sample_rate=RATE) as reader:
        samples = np.concatenate(list(reader))
    assert reader.decoder == "pyav"
    assert "libsndfile stopped there" in reader.notes[0]
    assert len(samples) / RATE == pytest.approx(8.0, abs=0.5)
    np.testing.assert_allclose(samples[: 3 * RATE], tone(8.0)[: 3 * RATE, 0], atol=2**-15)


# Headers that give no length, or a wrong one


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFDB])
def test_a_wav_file_of_unknown_length_is_read_to_its_end(size: int, tmp_path: Path) -> None:
    path = hostile.wav_of_unknown_length(tmp_path / "song.wav", size)
    assert len(read(path)) == 2 * RATE
    assert len(read(path, offset=0.5)) == 1.5 * RATE


def test_chunks_after_no_samples_are_no_samples() -> None:
    data = hostile.wav(b"") + b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    with pytest.raises(AudioEmpty):
        read(data)


def test_a_flac_file_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = hostile.flac_of_unknown_length(tmp_path / "song.flac")
    with audio.open(path, sample_rate=RATE) as reader:
        assert reader.source_duration is None
        assert sum(len(block) for block in reader) == 2 * RATE
    assert reader.decoder == "soundfile"
    assert len(read(path, offset=0.5)) == 1.5 * RATE


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_file_without_a_header_is_read_to_its_end(mode: str, tmp_path: Path) -> None:
    path = hostile.mp3_without_header(tmp_path / "song.mp3", 8.0, mode)
    with audio.open(path, sample_rate=RATE) as reader:
        assert sum(len(block) for block in reader) / RATE == pytest.approx(8.0, abs=0.1)
    assert reader.decoder == "soundfile"


def test_libsndfile_alone_cuts_such_an_mp3_file_short(tmp_path: Path) -> None:
    """The reason why frames are walked; when this fails, libsndfile has learnt it."""
    path = hostile.mp3_without_header(tmp_path / "song.mp3", 8.0, "VARIABLE")
    with soundfile.SoundFile(path) as file:
        assert len(file.read()) / RATE < 7.5


@pytest.mark.parametrize(
    ("make", "seconds"),
    [
        (hostile.mp3_with_picture, 4.0),
        (hostile.mp3_with_junk, 4.0),
        (hostile.mp3_twice, 8.0),
        (hostile.mp3_among_zeros, 4.0),
    ],
)
def test_mp3_files_from_the_wild_are_read_whole_and_quietly(
    make: Callable[[Path], Path],
    seconds: float,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = make(tmp_path / "song.mp3")
    with audio.open(path, sample_rate=RATE) as reader:
        result = np.concatenate(list(reader))
    assert reader.decoder == "soundfile"
    assert len(result) / RATE == pytest.approx(seconds, abs=0.15)
    assert _best_correlation(result[:RATE], tone(4.0)[:RATE, 0]) > 0.95
    assert capfd.readouterr() == ("", "")


def test_junk_within_an_mp3_file_is_noted(tmp_path: Path) -> None:
    path = hostile.mp3_with_junk(tmp_path / "song.mp3")
    with audio.open(path, sample_rate=RATE) as reader:
        list(reader)
    assert len(reader.notes) == 1
    assert "bytes that are no MPEG audio were skipped" in reader.notes[0]


@own_files
@given(data=st.data())
def test_any_damage_to_an_mp3_file_gives_samples_or_one_line(
    data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / "song.mp3"
    good = bytearray(hostile.mp3(path, 1.0, "VARIABLE").read_bytes())
    start = data.draw(st.integers(0, len(good) - 1))
    stop = data.draw(st.integers(start, min(len(good), start + 2_000)))
    good[start:stop] = data.draw(st.binary(max_size=300))
    path.write_bytes(good)
    with contextlib.suppress(AudioError):
        assert len(read(path)) < 3 * RATE


# PyAV


def test_a_chain_of_ogg_streams_is_read_whole(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = hostile.ogg_chain(tmp_path / "radio.ogg")
    with audio.open(path, sample_rate=RATE) as reader:
        assert sum(len(block) for block in reader) / RATE == pytest.approx(8.0, abs=0.1)
    assert "chain of Ogg streams" in reader.notes[0]


def test_a_chain_of_ogg_streams_is_noted_without_pyav(tmp_path: Path, without_pyav: None) -> None:
    path = hostile.ogg_chain(tmp_path / "radio.ogg")
    with audio.open(path, sample_rate=RATE) as reader:
        assert sum(len(block) for block in reader) / RATE == pytest.approx(4.0, abs=0.1)
    assert "pip install 'musicedge[media]'" in reader.notes[0]


def test_without_pyav_the_extra_is_named(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = hostile.m4a(tmp_path / "song.m4a")
    request.getfixturevalue("without_pyav")
    with pytest.raises(MediaExtraMissing, match=r"pip install 'musicedge\[media\]'"):
        audio.open(path, sample_rate=RATE)


def test_a_film_without_sound_says_so(tmp_path: Path) -> None:
    path = hostile.video(tmp_path / "silent.mp4", sound=False)
    with pytest.raises(AudioFormat, match="without audio"):
        audio.open(path, sample_rate=RATE)


@pytest.mark.parametrize("make", [hostile.hls_playlist, hostile.ffconcat_script])
def test_playlists_would_open_other_files_if_they_were_let(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two playlists are live ones: plain PyAV follows them. The refusal is tested above."""
    av = pytest.importorskip("av")
    path = make(tmp_path / ("list.m3u8" if make is hostile.hls_playlist else "list.ffconcat"))
    monkeypatch.chdir(tmp_path)
    options = {"allowed_extensions": "ALL", "extension_picky": "0"}
    if make is hostile.ffconcat_script:
        options = {}
    with av.open(str(path), options=options) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > RATE


# The development corpus


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the development corpus is not here")
@pytest.mark.parametrize("path", sorted(CORPUS.glob("odd/*.opus")), ids=lambda path: path.stem)
def test_opus_that_libsndfile_refuses_is_read_by_pyav(path: Path) -> None:
    pytest.importorskip("av")
    with audio.open(path, sample_rate=32_000) as reader:
        result = np.concatenate(list(reader))
    assert reader.decoder == "pyav"
    assert len(result) / 32_000 == pytest.approx(5.0, abs=0.05)
    assert "libsndfile" in reader.notes[0]


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the development corpus is not here")
@pytest.mark.parametrize("path", sorted(CORPUS.glob("odd/*.opus")), ids=lambda path: path.stem)
def test_without_pyav_the_remedy_for_such_opus_is_named(path: Path, without_pyav: None) -> None:
    with pytest.raises(AudioError, match=r"pip install 'musicedge\[media\]'"):
        read(path)


def _best_correlation(result: np.ndarray, expected: np.ndarray, most_lag: int = 4096) -> float:
    """Return the highest correlation over the shifts that a codec's delay may cause."""
    length = min(len(result), len(expected)) - 2 * most_lag
    middle = expected[most_lag : most_lag + length]
    size = 1 << (len(result) + length).bit_length()
    spectrum = np.fft.rfft(result, size) * np.conj(np.fft.rfft(middle, size))
    products = np.fft.irfft(spectrum, size)[: 2 * most_lag]
    at = int(products.argmax())
    return float(np.corrcoef(result[at : at + length], middle)[0, 1])
