"""Readings of a stream: those of the file, in any chunking and at any rate, and what is added."""

from __future__ import annotations

import json
import math
import os
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime import tiny_model
from tests.runtime.tiny_model import FRONTEND, LOUD, QUIET, noise

from musicedge.analysis import MOODS, Segment
from musicedge.errors import AudioValues
from musicedge.model import Model, load
from musicedge.stream import Reading, Stream

RATE = FRONTEND.sample_rate
RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
TOLERANCE = 1e-5
STATM = Path("/proc/self/statm")
NOISE = noise(6.13, LOUD)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(tiny_model.write(tmp_path_factory.mktemp("model")), device="cpu", threads=1)


@pytest.fixture(scope="module")
def cnn() -> Model:
    return load("cnn", device="cpu", threads=1)


def music(seconds: float, rate: int) -> np.ndarray:
    """Return something like music: chords that change, under noise that comes and goes."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 220 * 2 ** (np.floor(time / 0.7) * 5 % 12 / 12)
    chord = sum(np.sin(2 * np.pi * ratio * pitch * time) for ratio in (1, 1.26, 1.5))
    beat = np.random.default_rng(1).normal(size=len(time)) * np.exp(-8 * (time % 0.5))
    return (0.1 * np.asarray(chord) * (1 + 0.5 * np.sin(time)) + 0.1 * beat).astype(np.float32)


def all_readings(
    model: Model, samples: np.ndarray, sizes: Iterable[int], rate: int = RATE, **settings: float
) -> list[Reading]:
    """Push chunks of these sizes, then what is left, and finish."""
    stream = Stream(model, rate, **settings)
    readings, start = [], 0
    for size in sizes:
        readings += stream.push(samples[..., start : start + size])
        start += size
        if start >= samples.shape[-1]:
            break
    return readings + stream.push(samples[..., start:]) + stream.finish()


def assert_same(one: Segment, other: Segment, tolerance: float = TOLERANCE) -> None:
    assert (one.start, one.end) == pytest.approx((other.start, other.end))
    assert one.music == pytest.approx(other.music, abs=tolerance)
    for mood in MOODS:
        assert getattr(one, mood) == pytest.approx(getattr(other, mood), abs=tolerance)
    scores = {entry.label: entry.score for entry in other.genre}
    assert {entry.label: entry.score for entry in one.genre} == pytest.approx(scores, abs=tolerance)


def span(window: Segment | Reading) -> tuple[float, float]:
    return round(window.start, 6), round(window.end, 6)


def assert_agrees_with_the_file(
    model: Model, readings: list[Reading], samples: np.ndarray, rate: int
) -> None:
    """Every whole window of the file must be among the readings, with the same figures."""
    of_span = {span(reading): reading for reading in readings}
    whole = [
        segment
        for segment in model.analyze(samples, sample_rate=rate).segments
        if segment.end - segment.start == pytest.approx(model.card.window_seconds)
        and segment.start % model.card.hop_seconds == pytest.approx(0)
    ]
    assert whole
    for segment in whole:
        assert_same(of_span[span(segment)].raw, segment)


# --- one road


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=12), st.floats(0.05, 6.13))
def test_a_stream_equals_the_file_for_any_chunking(model: Model, sizes: list[int], seconds: float):
    samples = NOISE[: round(seconds * RATE)]
    readings = all_readings(model, samples, sizes)
    at_once = all_readings(model, samples, [])
    assert [span(reading) for reading in readings] == [span(reading) for reading in at_once]
    for one, other in zip(readings, at_once, strict=True):
        assert_same(one.raw, other.raw)
        assert_same(one.smoothed, other.smoothed)
        assert (one.early, one.is_music) == (other.early, other.is_music)
        assert one.level == pytest.approx(other.level)
    if seconds >= 1.01:
        assert_agrees_with_the_file(model, readings, samples, RATE)


@pytest.mark.parametrize("rate", RATES)
@settings(deadline=None, max_examples=10)
@given(sizes=st.lists(st.integers(1, 20_000), min_size=1, max_size=8))
def test_a_stream_equals_the_file_at_any_rate(model: Model, rate: int, sizes: list[int]):
    samples = noise(3.3, LOUD, sample_rate=rate)
    readings = all_readings(model, samples, sizes, rate)
    assert_agrees_with_the_file(model, readings, samples, rate)


@pytest.mark.parametrize("rate", [32_000, 44_100])
def test_the_shipped_model_says_of_a_stream_what_it_says_of_the_file(cnn: Model, rate: int):
    samples = music(23.0, rate)
    readings = all_readings(cnn, samples, [441, 0, 10_007, 64])
    assert_agrees_with_the_file(cnn, all_readings(cnn, samples, [441, 10_007], rate), samples, rate)
    assert len(readings) >= 40


def test_a_clip_that_is_shorter_than_the_window_is_filled_as_a_file_is(model: Model):
    for seconds in (0.05, 0.3, 0.95):
        samples = noise(seconds, LOUD)
        [reading] = all_readings(model, samples, cycle([100]))
        [segment] = model.analyze(samples, sample_rate=RATE).segments
        assert reading.early
        assert_same(reading.raw, segment)


def test_channels_are_mixed_down_as_a_files_are(model: Model):
    samples = np.stack([noise(2, LOUD, seed=1), noise(2, LOUD, seed=2)])
    assert_agrees_with_the_file(model, all_readings(model, samples, cycle([777])), samples, RATE)


def test_a_model_streams_blocks(model: Model):
    blocks = np.split(NOISE[: 3 * RATE], 30)
    readings = list(model.stream(blocks, sample_rate=RATE, smooth=0))
    expected = all_readings(model, NOISE[: 3 * RATE], cycle([RATE // 10]), smooth=0)
    assert [reading.raw for reading in readings] == [reading.raw for reading in expected]


def test_a_model_without_heads_for_music_and_genre_streams_what_it_has(tmp_path: Path):
    model = load(tiny_model.write(tmp_path, tiny_model.card(heads=["arousal"])), device="cpu")
    reading = all_readings(model, noise(1.2, LOUD), cycle([500]))[0]
    assert reading.is_music
    assert (reading.music, reading.genre, reading.valence) == (1.0, (), None)
    assert reading.arousal is not None


# --- when readings come


def test_readings_come_after_first_and_then_every(model: Model):
    readings = all_readings(model, NOISE[: 4 * RATE], cycle([160]), every=0.25, first=0.5)
    assert [reading.end for reading in readings] == pytest.approx(np.arange(0.5, 4.1, 0.25))
    assert [reading.early for reading in readings] == [reading.end < 0.99 for reading in readings]
    assert [reading.start for reading in readings] == pytest.approx(
        [max(0.0, reading.end - 1) for reading in readings]
    )


def test_a_reading_is_there_as_soon_as_its_last_frame_is(model: Model):
    """The front-end holds back half a transform, and pre-emphasis one sample."""
    held = FRONTEND.n_fft // 2 - FRONTEND.hop_length + 1
    stream = Stream(model, RATE)
    assert stream.push(NOISE[: RATE + held - 1]) == []
    assert len(stream.push(NOISE[RATE + held - 1 : RATE + held])) == 1


def test_readings_may_be_further_apart_than_the_window_is_long(model: Model):
    readings = all_readings(model, NOISE, cycle([1000]), every=2.5)
    assert [span(reading) for reading in readings] == [(0, 1), (2.5, 3.5), (5, 6)]


def test_what_is_left_at_the_end_is_read_when_it_is_a_quarter_of_a_step(model: Model):
    ends = [reading.end for reading in all_readings(model, NOISE[: int(1.13 * RATE)], cycle([500]))]
    assert ends == pytest.approx([1.0, 1.13])
    ends = [reading.end for reading in all_readings(model, NOISE[: int(1.11 * RATE)], cycle([500]))]
    assert ends == pytest.approx([1.0])


def test_the_newest_reading_alone_counts_the_others_as_skipped(model: Model):
    stream = Stream(model, RATE)
    [late] = stream.push(NOISE[: int(3.1 * RATE)], newest_only=True)
    assert (late.end, late.skipped) == (pytest.approx(3.0), 4)
    [usual] = stream.push(NOISE[int(3.1 * RATE) : int(3.6 * RATE)], newest_only=True)
    assert (usual.end, usual.skipped) == (pytest.approx(3.5), 0)
    expected = {span(reading): reading for reading in all_readings(model, NOISE, cycle([1000]))}
    for reading in (late, usual):  # what was skipped leaves no trace in what was not
        assert_same(reading.raw, expected[span(reading)].raw)


def test_nothing_gives_nothing(model: Model):
    stream = Stream(model, RATE)
    assert stream.push(np.empty(0)) == []
    assert stream.push(np.empty((2, 0), np.float32)) == []
    assert stream.finish() == []


# --- smoothing


def test_without_smoothing_a_reading_is_raw(model: Model):
    for reading in all_readings(model, NOISE, cycle([1000]), smooth=0):
        assert_same(reading.smoothed, reading.raw, tolerance=1e-12)


def test_smoothing_weighs_by_age(model: Model):
    readings = all_readings(model, NOISE, cycle([1000]), smooth=2.0)
    for count in range(1, len(readings) + 1):
        seen = readings[:count]
        weights = np.exp([(reading.end - seen[-1].end) / 2.0 for reading in seen])
        arousal = np.average([reading.raw.arousal or 0 for reading in seen], weights=weights)
        assert seen[-1].arousal == pytest.approx(arousal)
        top = seen[-1].genre[0]
        scores = [
            next(entry.score for entry in reading.raw.genre if entry.label == top.label)
            for reading in seen
        ]
        assert top.score == pytest.approx(np.average(scores, weights=weights))
        assert sum(entry.score for entry in seen[-1].genre) == pytest.approx(1)
        ranked = [entry.score for entry in seen[-1].genre]
        assert ranked == sorted(ranked, reverse=True)


def test_smoothing_begins_anew_when_the_music_stops(model: Model):
    parts = [noise(3, LOUD, seed=1), noise(3, QUIET, seed=2), noise(3, LOUD, seed=3)]
    readings = all_readings(model, np.concatenate(parts), cycle([1000]), smooth=5.0)
    silent = [reading for reading in readings if not reading.is_music]
    assert silent
    for reading in silent:
        assert (reading.genre, reading.valence, reading.arousal) == ((), None, None)
        assert reading.music == reading.raw.music < 0.5
    again = next(r for r in readings if r.is_music and r.end > silent[-1].end)
    assert_same(again.smoothed, again.raw)


# --- what is added


def test_the_level_is_that_of_the_newest_sound(model: Model):
    time = np.arange(3 * RATE) / RATE
    sine = np.sin(2 * np.pi * 500 * time)
    sine[: 2 * RATE] *= 0.1
    readings = all_readings(model, sine, cycle([1000]))
    levels = {round(reading.end, 1): reading.level for reading in readings}
    assert levels[2.0] == pytest.approx(-23.01, abs=0.01)
    assert levels[2.5] == levels[3.0] == pytest.approx(-3.01, abs=0.01)
    assert all_readings(model, np.zeros(RATE * 2), cycle([1000]))[0].level == -120.0


def test_digital_silence_is_no_music(model: Model):
    reading = all_readings(model, np.zeros(2 * RATE, np.float32), cycle([1000]))[0]
    assert not reading.is_music
    assert (reading.music, reading.genre) == (0.0, ())


def test_a_reading_is_a_json_object_with_the_names_of_schema_1(model: Model):
    reading = all_readings(model, NOISE, cycle([1000]))[-1]
    found = json.loads(json.dumps(reading.to_dict(), allow_nan=False))
    segment = model.analyze(NOISE, sample_rate=RATE).segments[0].to_dict()
    assert found["schema"] == 1
    assert set(segment) <= set(found)
    assert set(found["raw"]) == set(segment) - {"start", "end"}
    assert found["compute_ms"] > 0
    assert found["monotonic"] is found["wall"] is found["latency_ms"] is None
    quiet = replace(reading, is_music=False, genre=(), valence=None, level=-120.0)
    assert json.loads(json.dumps(quiet.to_dict(), allow_nan=False))["genre"] == []


# --- resets and errors


def test_after_a_reset_nothing_is_left_of_what_came_before(model: Model):
    stream = Stream(model, 44_100)
    samples = noise(3, LOUD, sample_rate=44_100)
    stream.push(noise(2.3, LOUD, sample_rate=44_100, seed=9))
    stream.finish()
    stream.reset()
    assert stream.seconds == 0
    readings = stream.push(samples) + stream.finish()
    expected = all_readings(model, samples, [], 44_100)
    assert [reading.raw for reading in readings] == [reading.raw for reading in expected]
    assert [reading.genre for reading in readings] == [reading.genre for reading in expected]


def test_a_reset_may_leave_the_clock_running(model: Model):
    stream = Stream(model, RATE)
    stream.push(NOISE[: 2 * RATE])
    stream.reset(at=stream.seconds)
    [reading] = stream.push(NOISE[: int(1.2 * RATE)])
    assert span(reading) == span(reading.raw) == (2.0, 3.0)
    assert reading.early is False  # the tiny model's window is a second long
    assert stream.seconds == pytest.approx(3.2)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_samples_that_are_no_numbers_are_refused_and_nothing_is_taken(model: Model, value: float):
    stream = Stream(model, RATE)
    stream.push(NOISE[:RATE])
    bad = NOISE[RATE : 2 * RATE].astype(np.float64)
    bad[800] = value
    with pytest.raises(AudioValues, match=r"stream: the sample at 1\.050 s"):
        stream.push(bad)
    readings = stream.push(NOISE[RATE:]) + stream.finish()
    expected = all_readings(model, NOISE, [])
    assert [reading.raw for reading in readings] == [reading.raw for reading in expected]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(10, np.int16), "int16, not floats"),
        (np.zeros((1000, 2), np.float32), "transpose"),
        (np.zeros((2, 2, 2), np.float32), "give"),
        (np.zeros((0, 10), np.float32), "0 channels"),
        (["a"], "give floats"),
    ],
)
def test_what_are_no_samples_is_refused(model: Model, samples: object, reason: str):
    with pytest.raises(AudioValues, match=reason):
        Stream(model, RATE).push(samples)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"every": 0.0}, {"every": math.nan}, {"first": math.inf}, {"smooth": -1.0}]
)
def test_seconds_that_make_no_sense_are_refused(model: Model, wrong: dict[str, float]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Stream(model, RATE, **wrong)


def test_a_rate_out_of_range_is_refused(model: Model):
    with pytest.raises(AudioValues, match="stream: the sample rate is 100 Hz"):
        Stream(model, 100)


def test_a_finished_stream_takes_no_more_until_it_is_reset(model: Model):
    stream = Stream(model, RATE)
    stream.finish()
    with pytest.raises(RuntimeError):
        stream.push(NOISE)
    with pytest.raises(RuntimeError):
        stream.finish()
    stream.reset()
    assert stream.push(NOISE)


# --- cost


@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read as Linux shows it")
def test_memory_does_not_grow_in_an_hour(model: Model):
    """In virtual time; a day takes `musicedge bench --only endurance`."""
    block = noise(10, LOUD, sample_rate=8_000)
    stream = Stream(model, 8_000, every=5.0)

    def play(hours: float) -> int:
        for _ in range(round(hours * 360)):
            stream.push(block)
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    warm = play(0.2)
    assert play(1.0) - warm < 5e6
    tracemalloc.start()
    try:  # what the allocator keeps may hide what Python does: look at that as well, for a while
        play(0.05)
        before = tracemalloc.get_traced_memory()[0]
        play(0.05)
        assert tracemalloc.get_traced_memory()[0] - before < 50_000
    finally:
        tracemalloc.stop()


def test_windows_that_are_skipped_are_not_held(model: Model):
    stream, samples = Stream(model, RATE), np.tile(NOISE[: 6 * RATE], 100)
    tracemalloc.start()
    try:
        [reading] = stream.push(samples, newest_only=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reading.skipped == 1197  # the last frame of 600 s is not there yet
    assert peak < 2 * samples.nbytes + 3e6  # the sound, mixed down and joined, and one window


def test_the_times_of_readings_grow_by_every(model: Model):
    ends = [reading.end for reading in all_readings(model, NOISE, cycle([44, 4000]))]
    assert all(after - before <= 0.5 + 1e-9 for before, after in pairwise(ends))
