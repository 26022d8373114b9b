"""Exporting: from a checkpoint to files that the runtime loads, all of them or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto
from tests.export.conftest import FRAMES, HEADS, random_network
from tests.runtime import command

import musicedge
from musicedge import bundle
from musicedge.errors import OutputError
from musicedge.frontend_config import FrontEndConfig
from musicedge_export import cards, exporting, verify
from musicedge_export.exporting import Exported, Exporter, manifest, update_manifest
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
INFO = CheckpointInfo(
    recipe={"name": "tiny"},
    heads=HEADS,
    hidden_size=512,
    mood_size=96,
    frontend=FrontEndConfig(),
    temperature=1.25,
    music_threshold=0.375,
)


@pytest.fixture(scope="module", autouse=True)
def _few_windows() -> Iterator[None]:
    """Calibrate and verify on as few windows as will do, and judge with few samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "CALIBRATION_TRACKS", 2)
        patch.setattr(exporting, "VERIFICATION_WINDOWS", 3)
        patch.setitem(scores.bootstrap_interval.__kwdefaults__, "rounds", 20)
        yield


@pytest.fixture(scope="module")
def exporter(tracks: list[Track], logmel: LogMelCache) -> Exporter:
    return Exporter(tracks[:12], logmel, lambda line: None)


@pytest.fixture(scope="module")
def written(
    exporter: Exporter, save: Save, tmp_path_factory: pytest.TempPathFactory
) -> list[Exported]:
    home = tmp_path_factory.mktemp("exported")
    return exporter.export(save(home / "run" / "model.safetensors"), home / "models")


def test_both_variants_are_written_and_nothing_else(written: list[Exported]) -> None:
    assert [item.variant for item in written] == ["fp32", "int8"]
    folder = written[0].path.parent
    assert {path.name for path in folder.iterdir()} == {"tiny.fp32.onnx", "tiny.int8.onnx"}
    for item in written:
        data = item.path.read_bytes()
        assert (item.bytes, item.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert [d.output for d in item.differences] == ["genre", *MOODS, "music"]
    assert written[1].bytes < 0.5 * written[0].bytes
    assert max(d.value for d in written[0].differences) <= verify.FP32_TOLERANCE


@pytest.mark.parametrize("index", [0, 1])
def test_runtime_reads_the_card_and_analyses(index: int, written: list[Exported]) -> None:
    model = musicedge.load(written[index].path)
    card = model.card
    assert (card.name, card.variant) == ("tiny", ("fp32", "int8")[index])
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
    exporter: Exporter, tracks: list[Track], save: Save, tmp_path: Path, monkeypatch: Any
) -> None:
    # Random networks lose much when quantised; what is tested is who judges whom.
    monkeypatch.setattr(verify, "MAX_ACCURACY_LOSS", 1.0)
    fold = random_network(1)
    path = save(tmp_path / "model.safetensors")
    save(tmp_path / "fold-1" / "model.safetensors", fold)
    lines: list[str] = []
    items = Exporter(tracks[:16], exporter.logmel, lines.append).export(path, tmp_path / "models")
    held_out = [track for track in tracks[:16] if track.fold == 1]
    predictions = predict(network_forward(fold), TrackWindows(exporter.logmel, held_out))
    expected = evaluate.evaluate(held_out, predictions, temperature=1.25)
    assert items[0].scores == {name: round(s.value, 4) for name, s in expected.items()}
    assert [line for line in lines if "fold" in line] == ["scoring fold-1 in every variant"]
    summary = {k: v for k, v in items[0].scores.items() if not k.startswith("genre/accuracy/")}
    assert musicedge.load(items[0].path).card.scores["five folds"] == summary


def test_nothing_is_written_when_too_much_is_lost(
    exporter: Exporter, tracks: list[Track], save: Save, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(verify, "MAX_ACCURACY_LOSS", -2.0)
    path = save(tmp_path / "model.safetensors")
    save(tmp_path / "fold-1" / "model.safetensors")
    with pytest.raises(VerificationError, match="genre/accuracy"):
        Exporter(tracks[:16], exporter.logmel, lambda line: None).export(path, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_graph_that_differs_is_not_written(
    exporter: Exporter, save: Save, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(verify, "FP32_TOLERANCE", -1.0)
    with pytest.raises(VerificationError, match="fp32"):
        exporter.export(save(tmp_path / "model.safetensors"), tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", [None, "", "../outside", "a/b", 7, "line\nbreak"])
def test_name_that_is_none_for_a_file_is_refused(
    name: object, tracks: list[Track], logmel: LogMelCache, save: Save, tmp_path: Path
) -> None:
    path = save(tmp_path / "model.safetensors", recipe={"name": name})
    info = CheckpointInfo(**{**vars(INFO), "recipe": {"name": name}})
    with pytest.raises(CheckpointError) as caught:
        exporting._card(path, info, "fp32", {})
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_scores_that_no_card_may_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nan"):
        exporting._card(tmp_path, INFO, "fp32", {"genre/ece": float("nan")})


def test_card_rides_on_a_copy(fp32: ModelProto, tmp_path: Path) -> None:
    before = fp32.SerializeToString()
    card = cards.make_card(INFO, variant="fp32", scores={}, folder=tmp_path)
    path = tmp_path / "m.onnx"
    path.write_bytes(cards.attach(fp32, card).SerializeToString())
    assert bundle.open(path).card == card
    assert fp32.SerializeToString() == before
    assert card.window_frames != FRAMES


def test_commit_is_empty_outside_of_a_checkout(tmp_path: Path) -> None:
    assert cards.current_commit(tmp_path) == ""


def exported(folder: Path, name: str = "tiny") -> list[Exported]:
    return [
        Exported(folder / f"{name}.{variant}.onnx", variant, 7, "ab" * 32, (), {})
        for variant in ("fp32", "int8")
    ]


def test_manifest_keeps_other_models(tmp_path: Path) -> None:
    path = tmp_path / "new" / "manifest.json"
    update_manifest(path, "one", manifest(exported(tmp_path, "one"), "fp32"))
    update_manifest(path, "two", manifest(exported(tmp_path, "two"), "int8"))
    one = json.loads(path.read_text())["models"]["one"]
    update_manifest(path, "two", manifest(exported(tmp_path, "two"), "fp32"))
    values = json.loads(path.read_text())
    assert values["format"] == 1
    assert list(values["models"]) == ["one", "two"]
    assert values["models"]["one"] == one
    assert values["models"]["two"]["default"] == "fp32"
    assert one["files"]["int8"] == {"file": "one.int8.onnx", "sha256": "ab" * 32, "bytes": 7}
    assert [each.name for each in path.parent.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"format": 1}', '{"format": 2, "models": {}}', '{"models": {}}']
)
def test_file_that_is_no_manifest_is_kept_and_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(OutputError) as caught:
        update_manifest(path, "one", manifest(exported(tmp_path), "fp32"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == text


def test_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    exporting.write_atomically(path, b"old")
    exporting.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(TypeError):
        exporting.write_atomically(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"file.*cannot be written"):
        exporting.write_atomically(tmp_path / "file" / "model.onnx", b"")


def test_command_says_in_one_line_what_is_no_checkpoint(data: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"no checkpoint")
    done = command.run(
        *("export", tmp_path / "model.safetensors", "--data", data, "--weights", tmp_path),
        *("--cache", tmp_path / "cache", "--jobs", "1", "-o", tmp_path / "models"),
    )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "model.safetensors: cannot be read as a checkpoint" in line
    assert not (tmp_path / "models").exists()
