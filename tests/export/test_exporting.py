"""Exporting: from a checkpoint to verified models that the runtime loads, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto
from tests.export.conftest import FRAMES, HEADS, random_network

import musicedge
from musicedge import bundle
from musicedge.card import GraphFacts
from musicedge.frontend_config import FrontEndConfig
from musicedge_export import cards, exporting, material, verify
from musicedge_export.candidates import Candidate
from musicedge_export.exporting import Exporter
from musicedge_export.files import write_models
from musicedge_export.material import Material
from musicedge_export.verify import VerificationError
from musicedge_training import evaluate, scores
from musicedge_training.checkpoint import CheckpointError, CheckpointInfo
from musicedge_training.datasets.track import GENRES, MOODS, Track
from musicedge_training.predict import (
    HOP_FRAMES,
    WINDOW_FRAMES,
    TrackWindows,
    network_forward,
    predict,
)
from musicedge_training.representations import LogMelCache

Save = Callable[..., Path]
VARIANTS = ("fp32", "fp16", "int8", "int8-static")  # of a CNN
FACTS = GraphFacts(opset=17, parameters=1, macs=1)
INFO = CheckpointInfo(
    recipe={"name": "tiny"},
    heads=HEADS,
    hidden_size=512,
    mood_size=80,
    frontend=FrontEndConfig(),
    temperature=1.25,
    music_threshold=0.375,
)


@pytest.fixture(scope="module", autouse=True)
def _few_windows() -> Iterator[None]:
    """Calibrate and verify on as few windows as will do, and judge with few samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "CALIBRATION_TRACKS", 2)
        patch.setattr(material, "VERIFICATION_WINDOWS", 3)
        patch.setitem(scores.bootstrap_interval.__kwdefaults__, "rounds", 20)
        yield


@pytest.fixture(scope="module")
def exporter(tracks: list[Track], logmel: LogMelCache) -> Exporter:
    return Exporter(Material(tracks[:12], logmel), lambda line: None)


@pytest.fixture(scope="module")
def candidates(
    exporter: Exporter, save: Save, tmp_path_factory: pytest.TempPathFactory
) -> list[Candidate]:
    path = save(tmp_path_factory.mktemp("run") / "model.safetensors")
    return exporter.export(path, ["all"])


def test_every_variant_is_made_and_compared(candidates: list[Candidate]) -> None:
    assert tuple(item.card.variant for item in candidates) == VARIANTS
    sizes = [len(item.model.SerializeToString()) for item in candidates]
    assert sizes[1] < 0.55 * sizes[0]
    assert max(sizes[2:]) < 0.5 * sizes[0]
    all_of = [{d.output: d.value for d in item.differences} for item in candidates]
    assert all(list(each) == ["genre", *MOODS, "music", "stream"] for each in all_of)
    assert max(each["stream"] for each in all_of) <= 1e-4
    fp32, fp16 = all_of[:2]
    assert max(fp32.values()) <= verify.FP32_TOLERANCE < fp16["genre"] < 0.1


def test_only_what_is_asked_for_comes_back(exporter: Exporter, save: Save, tmp_path: Path) -> None:
    items = exporter.export(save(tmp_path / "model.safetensors"), ["fp16"])
    assert [item.card.variant for item in items] == ["fp16"]


@pytest.mark.parametrize("index", range(len(VARIANTS)))
def test_runtime_reads_the_card_and_analyses(
    index: int, candidates: list[Candidate], tmp_path: Path
) -> None:
    (written,) = write_models([candidates[index]], tmp_path)
    model = musicedge.load(written.path)
    card = model.card
    assert (card.name, card.variant) == ("tiny", VARIANTS[index])
    assert (card.graph.opset, card.input) == (17, "logmel")
    assert card.graph.operators["Conv"] == 46
    assert 9e5 < card.graph.parameters < 1.1e6
    assert 1.0e8 < card.graph.macs < 1.2e8
    assert (card.window_frames, card.hop_frames) == (WINDOW_FRAMES, HOP_FRAMES)
    assert card.frontend == FrontEndConfig()
    genre, music = card.head("genre"), card.head("music")
    assert genre is not None
    assert music is not None
    assert (genre.labels, genre.temperature) == (GENRES, 1.25)
    assert music.threshold == 0.375
    assert card.scores == {}
    assert set(card.created_with) == {"musicedge", "torch", "onnx", "onnxruntime"}
    rng = np.random.default_rng(0)
    analysis = model.analyze(rng.uniform(-0.5, 0.5, 64_000).astype(np.float32), sample_rate=32_000)
    assert 0 <= analysis.music <= 1
    if analysis.genre:
        assert sum(score.score for score in analysis.genre) == pytest.approx(1, abs=1e-5)


def test_folds_are_scored_on_what_each_did_not_hear(
    tracks: list[Track], logmel: LogMelCache, save: Save, tmp_path: Path, monkeypatch: Any
) -> None:
    # Random networks lose much when quantised; what is tested is who judges whom.
    monkeypatch.setattr(verify, "MAX_ACCURACY_LOSS", 1.0)
    fold = random_network(1)
    path = save(tmp_path / "model.safetensors")
    save(tmp_path / "fold-1" / "model.safetensors", fold)
    lines: list[str] = []
    items = Exporter(Material(tracks[:16], logmel), lines.append).export(path)
    held_out = [track for track in tracks[:16] if track.fold == 1]
    predictions = predict(network_forward(fold), TrackWindows(logmel, held_out))
    expected = evaluate.evaluate(held_out, predictions, temperature=1.25)
    assert items[0].scores == {name: round(s.value, 4) for name, s in expected.items()}
    assert [line for line in lines if "fold" in line] == ["scoring fold-1 in every variant"]
    summary = {k: v for k, v in items[0].scores.items() if not k.startswith("genre/accuracy/")}
    assert items[0].card.scores["five folds"] == summary


def test_too_much_lost_is_an_error(
    tracks: list[Track], logmel: LogMelCache, save: Save, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(verify, "MAX_ACCURACY_LOSS", -2.0)
    path = save(tmp_path / "model.safetensors")
    save(tmp_path / "fold-1" / "model.safetensors")
    with pytest.raises(VerificationError, match="genre/accuracy"):
        Exporter(Material(tracks[:16], logmel), lambda line: None).export(path)


def test_graph_that_differs_is_an_error(
    exporter: Exporter, save: Save, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(verify, "FP32_TOLERANCE", -1.0)
    with pytest.raises(VerificationError, match="fp32"):
        exporter.export(save(tmp_path / "model.safetensors"))


@pytest.mark.parametrize("name", [None, "", "../outside", "a/b", 7, "line\nbreak"])
def test_name_that_is_none_for_a_file_is_refused(
    name: object, tracks: list[Track], logmel: LogMelCache, save: Save, tmp_path: Path
) -> None:
    path = save(tmp_path / "model.safetensors", recipe={"name": name})
    info = CheckpointInfo(**{**vars(INFO), "recipe": {"name": name}})
    with pytest.raises(CheckpointError) as caught:
        exporting._card(path, info, "fp32", FACTS, {})
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_scores_that_no_card_may_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nan"):
        exporting._card(tmp_path, INFO, "fp32", FACTS, {"genre/ece": float("nan")})


def test_card_rides_on_a_copy(fp32: ModelProto, tmp_path: Path) -> None:
    before = fp32.SerializeToString()
    card = cards.make_card(INFO, variant="fp32", graph=FACTS, scores={}, folder=tmp_path)
    path = tmp_path / "m.onnx"
    path.write_bytes(cards.attach(fp32, card).SerializeToString())
    assert bundle.open(path).card == card
    assert fp32.SerializeToString() == before
    assert card.window_frames != FRAMES


def test_commit_is_empty_outside_of_a_checkout(tmp_path: Path) -> None:
    assert cards.current_commit(tmp_path) == ""
