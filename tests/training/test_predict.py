"""Predictions: the runtime's windows, means over them, and the same answers as the runtime."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime import tiny_model
from tests.training.tiny_corpus import RATE, every_head

import musicedge
from musicedge.frontend_config import FrontEndConfig
from musicedge.windows import WindowCutter
from musicedge_training import predict
from musicedge_training.architectures.cnn import POOLING, MobileNetV3
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.datasets.track import MOODS, Track
from musicedge_training.predict import Predictions, TrackWindows, cut_windows
from musicedge_training.representations import LogMelCache


def make(counts: list[int], seed: int = 0, genres: int = 4) -> Predictions:
    """Return predictions of tracks with so many windows each."""
    rng = np.random.default_rng(seed)
    return Predictions(
        rng.standard_normal((sum(counts), genres)).astype(np.float32),
        np.repeat(np.arange(len(counts)), counts),
        rng.random((len(counts), len(MOODS))).astype(np.float32),
        rng.random(len(counts)).astype(np.float32),
    )


def assert_equal(first: Predictions, second: Predictions) -> None:
    for field in fields(Predictions):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


counts = st.lists(st.integers(1, 4), min_size=1, max_size=8)


@given(counts, st.floats(0.2, 5))
def test_genre_is_the_mean_over_windows_of_the_softmax(given_: list[int], t: float) -> None:
    predictions = make(given_)
    result = predictions.genre(t)
    for track in range(len(given_)):
        logits = torch.from_numpy(predictions.logits[predictions.owner == track])
        expected = torch.softmax(logits / t, dim=1).mean(dim=0).numpy()
        np.testing.assert_allclose(result[track], expected, atol=1e-6)
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-5)


def test_huge_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, -1e4, 0.0]], np.float32)
    predictions = Predictions(logits, np.zeros(1, np.int64), np.zeros((1, 3)), np.zeros(1))
    np.testing.assert_array_equal(predictions.genre(0.1), [[1, 0, 0]])


@given(counts, counts)
def test_taking_from_what_was_joined_gives_the_parts(first: list[int], second: list[int]) -> None:
    one, two = make(first, 1), make(second, 2)
    joined = Predictions.join([one, two])
    assert_equal(joined.take(np.arange(len(first))), one)
    assert_equal(joined.take(len(first) + np.arange(len(second))), two)


@given(counts, st.randoms())
def test_taking_keeps_each_tracks_own_windows(given_: list[int], random: object) -> None:
    predictions = make(given_)
    order = np.random.default_rng(len(given_)).permutation(len(given_))
    taken = predictions.take(order)
    np.testing.assert_allclose(taken.genre(), predictions.genre()[order], atol=1e-6)
    np.testing.assert_array_equal(taken.music, predictions.music[order])
    np.testing.assert_array_equal(taken.moods, predictions.moods[order])
    assert (np.diff(taken.owner) >= 0).all()


def test_taking_nothing_gives_nothing() -> None:
    taken = make([1, 2]).take(np.empty(0, np.int64))
    assert len(taken.logits) == len(taken.owner) == len(taken.music) == 0


def test_saved_predictions_load_as_they_were(tmp_path: Path) -> None:
    predictions = make([2, 1, 3])
    predictions.save(tmp_path / "p.npz")
    assert_equal(Predictions.load(tmp_path / "p.npz"), predictions)


@given(st.integers(1, 4200), st.integers(1, 900))
@settings(deadline=None, max_examples=30)
def test_windows_are_those_that_the_runtime_cuts(n: int, piece: int) -> None:
    frames = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    cutter = WindowCutter(predict.WINDOW_FRAMES, predict.HOP_FRAMES)
    windows = [w for i in range(0, n, piece) for w in cutter.push(frames[i : i + piece])]
    windows += cutter.finish()
    given_ = cut_windows(frames.astype(np.float64))
    assert given_.dtype == np.float32
    np.testing.assert_array_equal(given_, np.stack([window.frames for window in windows]))


def test_predicting_means_over_each_tracks_windows() -> None:
    blocks = [np.full((2, 3, 4), 0.5, np.float32), np.zeros((1, 3, 4), np.float32)]
    blocks[0][1] = 1

    def forward(windows: np.ndarray) -> dict[str, np.ndarray]:
        level = windows.mean(axis=(1, 2))
        return {
            "genre": np.stack([level, -level], 1),
            "music": level,
            **dict.fromkeys(MOODS, level),
        }

    predictions = predict.predict(forward, blocks)
    np.testing.assert_array_equal(predictions.owner, [0, 0, 1])
    np.testing.assert_array_equal(predictions.logits[:, 0], [0.5, 1, 0])
    np.testing.assert_array_equal(predictions.music, [0.75, 0])
    np.testing.assert_array_equal(predictions.moods, [[0.75] * 3, [0] * 3])


def test_network_as_a_function_equals_the_network() -> None:
    torch.manual_seed(0)
    network = MultitaskNetwork(MobileNetV3(pooling=POOLING), every_head(), hidden_size=16)
    windows = np.random.default_rng(0).standard_normal((2, 60, 128)).astype(np.float32)
    outputs = predict.network_forward(network)(windows)
    assert not network.training
    with torch.inference_mode():
        expected = network(torch.from_numpy(windows))
    assert list(outputs) == list(expected)
    for name, value in outputs.items():
        np.testing.assert_allclose(value, expected[name].numpy(), atol=1e-5)


def test_training_room_says_of_a_file_what_the_runtime_says(tmp_path: Path) -> None:
    # The runtime leaves out windows without music; with a threshold of 0 there are none.
    heads = tuple(replace(h, threshold=0.0) if h.name == "music" else h for h in tiny_model.HEADS)
    card = replace(
        tiny_model.CARD,
        frontend=FrontEndConfig(),
        window_frames=predict.WINDOW_FRAMES,
        hop_frames=predict.HOP_FRAMES,
        heads=heads,
    )
    model_path = tiny_model.write(tmp_path, card)
    t = np.arange(24 * RATE) / RATE
    samples = 0.02 * t * np.sin(2 * np.pi * (100 + 40 * t) * t)
    sound = tmp_path / "sound.flac"
    soundfile.write(sound, samples.astype(np.float32), RATE)

    session = onnxruntime.InferenceSession(model_path.read_bytes())
    names = [output.name for output in session.get_outputs()]

    def forward(windows: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, {"logmel": windows}), strict=True))

    track = Track("a/b", sound, "music", "a", "g", 0)
    windows = TrackWindows(LogMelCache(tmp_path / "cache", card.frontend), [track])
    assert len(windows[0]) == 3
    predictions = predict.predict(forward, windows)
    analysis = musicedge.load(model_path).analyze(sound)

    genre = card.head("genre")
    assert genre is not None
    expected = {score.label: score.score for score in analysis.genre}
    given_ = predictions.genre(genre.temperature)[0]
    # The cache keeps 11 bits of every frame.
    for label, value in zip(genre.labels, given_, strict=True):
        assert value == pytest.approx(expected[label], abs=2e-3)
    for mood, value in zip(MOODS, predictions.moods[0], strict=True):
        assert value == pytest.approx(getattr(analysis, mood), abs=2e-3)
    assert predictions.music[0] == pytest.approx(analysis.music, abs=2e-3)
