"""Sound in, `Analysis` out: with a real file, real decoding and onnxruntime."""

from __future__ import annotations

import io
import json
import threading
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime import tiny_model
from tests.runtime.tiny_model import CARD, FRONTEND, GENRES, LOUD, QUIET, noise

from musicedge import audio
from musicedge.analysis import MOODS, Analysis
from musicedge.errors import AudioEmpty, AudioNotFound, AudioValues, ModelInvalid, ModelNotFound
from musicedge.frontend import FrontEnd
from musicedge.model import Model, load
from musicedge.readings import softmax

RATE = FRONTEND.sample_rate


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(tiny_model.write(tmp_path_factory.mktemp("model")), device="cpu", threads=1)


def part_music(*loud: bool) -> np.ndarray:
    """Return a second of sound for each argument, loud ("music" to the tiny model) or quiet."""
    return np.concatenate(
        [noise(1, LOUD if is_loud else QUIET, seed=i) for i, is_loud in enumerate(loud)]
    )


def wav(samples: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples.T, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def model_with(folder: Path, **changes: object) -> Model:
    return load(tiny_model.write(folder, tiny_model.card(**changes)), device="cpu", threads=1)


# --- the whole road


def test_an_analysis_holds_everything(model: Model, tmp_path: Path):
    path = tmp_path / "song.wav"
    path.write_bytes(wav(noise(3.2, LOUD)))
    result = model.analyze(path)
    assert result.path == str(path)
    assert result.duration == pytest.approx(3.2)
    assert result.decoder == "soundfile"
    assert (result.model.name, result.model.variant) == ("tiny", "fp32")
    assert result.model.sha256 == model.sha256
    assert result.model.provider == model.provider == "CPUExecutionProvider"
    assert result.is_music
    assert result.music > 0.99
    assert {entry.label for entry in result.genre} == set(GENRES)
    scores = [entry.score for entry in result.genre]
    assert sum(scores) == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= getattr(result, mood) <= 1 for mood in MOODS)
    assert result.notes == ()
    json.dumps(result.to_dict(timeline=True), allow_nan=False)


def test_the_numbers_are_those_of_the_formulas(model: Model):
    """The whole road, once more in a few lines of NumPy."""
    samples = noise(2, LOUD)
    frames = FrontEnd(FRONTEND).logmel(samples)
    shown = [frames[start : start + 100].mean(axis=0) for start in (0, 50, 100)]
    tensors = {
        tensor.name: np.frombuffer(tensor.raw_data, np.float32).reshape(tensor.dims)
        for tensor in tiny_model.graph().graph.initializer
        if tensor.name != "one"
    }
    logits = np.stack(shown) @ tensors["genre.weight"] + tensors["genre.bias"]
    odds = np.exp(logits / CARD.heads[0].temperature)
    genre = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    valence = 1 / (1 + np.exp(-np.stack(shown) @ tensors["valence.weight"]))

    result = model.analyze(samples, sample_rate=RATE)
    assert len(result.segments) == 3
    found = {entry.label: entry.score for entry in result.genre}
    np.testing.assert_allclose([found[label] for label in GENRES], genre, atol=1e-5)
    assert result.valence == pytest.approx(valence.mean(), abs=1e-5)
    for segment, value in zip(result.segments, valence[:, 0], strict=True):
        assert segment.valence == pytest.approx(value, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4 * RATE), st.sampled_from([8_000, RATE, 44_100]), st.integers(1, 2))
def test_an_array_gives_what_its_file_gives(model: Model, n_samples: int, rate: int, channels: int):
    samples = noise(4, LOUD, seed=channels)[:n_samples]
    samples = np.stack([samples, samples[::-1]])[:channels] if channels > 1 else samples
    try:
        from_array: object = model.analyze(samples, sample_rate=rate).to_dict(timeline=True)
    except AudioEmpty as error:
        from_array = type(error)
    try:
        from_file: object = model.analyze(wav(samples, rate)).to_dict(timeline=True)
    except AudioEmpty as error:
        from_file = type(error)
    if isinstance(from_array, dict) and isinstance(from_file, dict):
        assert from_file.pop("decoder") == "soundfile"
        assert from_array.pop("decoder") == "array"
    assert from_array == from_file


def test_a_path_bytes_and_a_file_object_are_the_same_piece(model: Model, tmp_path: Path):
    data = wav(noise(1.5, LOUD))
    path = tmp_path / "song.wav"
    path.write_bytes(data)
    from_path = model.analyze(str(path))
    assert replace(model.analyze(data), path=str(path)) == from_path
    assert model.analyze(data).path is None
    with path.open("rb") as file:
        assert model.analyze(file, name="-") == replace(from_path, path="-")


@pytest.mark.parametrize(("offset", "duration"), [(0.5, None), (0, 1.2), (0.7, 1.5), (1, 99)])
def test_offset_and_duration_mean_the_same_for_arrays_and_files(
    model: Model, offset: float, duration: float | None
):
    samples = noise(3, LOUD)
    whole = {"offset": offset, "duration": duration}
    from_array = model.analyze(samples, sample_rate=RATE, **whole)
    assert replace(model.analyze(wav(samples), **whole), decoder="array") == from_array
    stop = None if duration is None else round((offset + duration) * RATE)
    alone = model.analyze(samples[round(offset * RATE) : stop], sample_rate=RATE)
    assert alone.duration == from_array.duration
    assert alone.genre == from_array.genre
    for shifted, plain in zip(from_array.segments, alone.segments, strict=True):
        assert shifted.start == pytest.approx(plain.start + offset)
        assert shifted.end == pytest.approx(plain.end + offset)


def test_what_is_shorter_than_the_window_is_repeated_and_says_so(model: Model):
    samples = noise(0.32, LOUD)
    result = model.analyze(samples, sample_rate=RATE)
    assert result.notes == ("clip shorter than the window (0.3 s of 1.0 s): repeated to fill it",)
    (segment,) = result.segments
    assert (segment.start, segment.end) == (0, pytest.approx(0.32))
    assert result.is_music


@pytest.mark.parametrize(
    ("seconds", "spans"),
    [
        (1.0, [(0, 1)]),
        (1.1, [(0, 1)]),
        (1.2, [(0, 1), (0.2, 1.2)]),
        (1.5, [(0, 1), (0.5, 1.5)]),
        (2.3, [(0, 1), (0.5, 1.5), (1, 2), (1.3, 2.3)]),
    ],
)
def test_segments_tell_where_they_lie(
    model: Model, seconds: float, spans: list[tuple[float, float]]
):
    result = model.analyze(noise(seconds, LOUD), sample_rate=RATE)
    found = [(segment.start, segment.end) for segment in result.segments]
    assert found == [(pytest.approx(start), pytest.approx(end)) for start, end in spans]


# --- music or not


def test_only_windows_that_hold_music_make_the_genre(model: Model):
    loud = model.analyze(part_music(True, True), sample_rate=RATE)
    result = model.analyze(part_music(True, True, False, False, False, False), sample_rate=RATE)
    assert result.is_music
    holding = [segment for segment in result.segments if segment.genre]
    assert len(result.segments) == 11
    assert 3 <= len(holding) <= 4  # the window on the border may count
    assert result.music_share == len(holding) / 11
    mean = dict.fromkeys(GENRES, 0.0)
    for segment in holding:
        for entry in segment.genre:
            mean[entry.label] += entry.score / len(holding)
    assert {entry.label: entry.score for entry in result.genre} == pytest.approx(mean)
    assert loud.genre[0].label == result.genre[0].label
    assert result.notes == (f"music in {round(100 * len(holding) / 11)} % of the windows",)
    assert result.music == pytest.approx(np.mean([s.music for s in result.segments]))
    for segment in result.segments:
        assert (segment.valence is None) == (not segment.genre) == (segment.music < 0.5)


def test_less_than_a_tenth_of_music_is_no_music(model: Model):
    result = model.analyze(part_music(True, *[False] * 19), sample_rate=RATE)
    assert 0 < result.music_share < 0.1
    assert not result.is_music
    assert result.genre == ()
    assert (result.valence, result.arousal, result.danceability) == (None, None, None)
    (note,) = result.notes
    assert note.endswith("of the windows: too few to name a genre or a mood")


def test_no_music_has_no_genre_and_no_note(model: Model):
    result = model.analyze(noise(3, QUIET), sample_rate=RATE)
    assert not result.is_music
    assert result.genre == ()
    assert result.valence is None
    assert result.notes == ()


@pytest.mark.parametrize("level", [0.0, 0.3, 5e-5])
def test_digital_silence_is_no_music_whatever_the_network_says(tmp_path: Path, level: float):
    always = model_with(tmp_path, heads=["genre", "valence"])  # without "music": all is music
    if level == 0.3:
        samples = np.full(3 * RATE, level, np.float32)  # a constant offset is no sound either
    else:
        samples = noise(3, level) if level else np.zeros(3 * RATE, np.float32)
    result = always.analyze(samples, sample_rate=RATE)
    assert result.music == 0
    assert not result.is_music
    assert result.genre == ()
    assert result.notes == ("nothing but digital silence",)
    samples[RATE:] += noise(2, 0.01)
    assert always.analyze(samples, sample_rate=RATE).is_music


# --- models with some heads only


@pytest.mark.parametrize(
    "heads",
    [["genre"], ["valence", "arousal", "danceability"], ["music"], ["genre", "music"], ["arousal"]],
)
def test_missing_heads_leave_their_fields_empty(tmp_path: Path, heads: list[str]):
    result = model_with(tmp_path, heads=heads).analyze(noise(2, LOUD), sample_rate=RATE)
    assert bool(result.genre) == ("genre" in heads)
    for mood in MOODS:
        assert (getattr(result, mood) is not None) == (mood in heads)
    assert result.is_music
    if "music" not in heads:
        assert result.music == 1
        assert all(segment.music == 1 for segment in result.segments)
    json.dumps(result.to_dict(timeline=True), allow_nan=False)


def test_without_a_music_head_everything_but_silence_is_music(tmp_path: Path):
    model = model_with(tmp_path, heads=["genre"])
    assert model.analyze(noise(2, QUIET), sample_rate=RATE).is_music


# --- what goes wrong


def test_an_array_needs_its_sample_rate_and_a_file_refuses_one(model: Model, tmp_path: Path):
    with pytest.raises(AudioValues, match="pass sample_rate"):
        model.analyze(noise(1, LOUD))
    with pytest.raises(AudioValues, match=r"a\\nb: sample_rate=8000 was given, but a file names"):
        model.analyze("a\nb", sample_rate=8000)
    with pytest.raises(AudioValues):
        model.analyze(noise(1, LOUD), sample_rate=0)
    with pytest.raises(AudioValues, match="divide"):
        model.analyze((noise(1, LOUD) * 2**15).astype(np.int16), sample_rate=RATE)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"offset": -1.0}, AudioValues),
        ({"offset": float("nan")}, AudioValues),
        ({"offset": float("inf")}, AudioValues),
        ({"duration": 0.0}, AudioValues),
        ({"duration": float("nan")}, AudioValues),
        ({"offset": 99.0}, AudioEmpty),
    ],
)
def test_a_part_that_cannot_be_is_refused_alike(model: Model, changes: dict, error: type):
    samples = noise(1, LOUD)
    with pytest.raises(error):
        model.analyze(samples, sample_rate=RATE, **changes)
    with pytest.raises(error):
        model.analyze(wav(samples), **changes)


def test_errors_of_the_audio_come_through(model: Model, tmp_path: Path):
    with pytest.raises(AudioNotFound, match=r"missing\.wav"):
        model.analyze(tmp_path / "missing.wav")
    with pytest.raises(AudioEmpty):
        model.analyze(np.empty(0, np.float32), sample_rate=RATE)


@pytest.mark.parametrize("n_samples", range(1, 12))
def test_a_few_samples_are_judged_or_too_short_to_judge(model: Model, n_samples: int):
    try:
        result = model.analyze(noise(1, LOUD)[:n_samples], sample_rate=RATE)
    except AudioEmpty as error:
        assert "too short to judge" in str(error)  # noqa: PT017
    else:
        assert len(result.segments) == 1


def test_extreme_samples_warn_of_nothing(model: Model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for peak in (1e-30, 1.0, audio.MAX_SAMPLE):
            result = model.analyze(noise(1.5, peak), sample_rate=RATE)
            json.dumps(result.to_dict(timeline=True), allow_nan=False)


def test_a_model_that_breaks_its_promise_is_invalid(tmp_path: Path):
    card = tiny_model.card(["genre"])
    graph = tiny_model.graph(card)
    for tensor in graph.graph.initializer:
        if tensor.name == "genre.bias":
            tensor.raw_data = np.full(5, np.nan, np.float32).tobytes()
    path = tmp_path / "bad.onnx"
    path.write_bytes(tiny_model.with_card(graph, card.to_json()))
    with pytest.raises(ModelInvalid, match="not finite"):
        load(path, device="cpu").analyze(noise(1, LOUD), sample_rate=RATE)


def test_an_unknown_model_is_not_found():
    with pytest.raises(ModelNotFound):
        load("no such model")


# --- many at once, and long


def test_one_model_serves_many_threads(model: Model):
    pieces = [noise(2 + seed / 3, LOUD, seed=seed) for seed in range(8)]

    def analyze(piece: np.ndarray) -> Analysis:
        return model.analyze(piece, sample_rate=RATE)

    alone = [analyze(piece) for piece in pieces]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(analyze, pieces * 3))
    assert together == alone * 3
    assert threading.active_count() < 20


def test_memory_does_not_grow_with_the_length(tmp_path: Path):
    model = model_with(tmp_path, hop_frames=100)

    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        soundfile.write(path, noise(seconds, LOUD), RATE, subtype="PCM_16")
        tracemalloc.start()
        try:
            assert len(model.analyze(path).segments) == seconds
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    short, long = peak(40), peak(440)
    per_window = (long - short) / 400
    assert per_window < 300  # bytes: a few numbers; its samples alone would be 64,000


def test_softmax_stands_any_logits():
    logits = np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(softmax(logits), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
