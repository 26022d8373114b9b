"""A model file in fp32 becomes other variants, judged beside it: no checkpoint is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from tests.export.conftest import candidate_of

import musicedge
from musicedge import bundle
from musicedge_export import judging, material, verify
from musicedge_export.candidates import Candidate
from musicedge_export.cards import attach
from musicedge_export.conversion import CHANGE, Converter
from musicedge_export.exporting import Exporter
from musicedge_export.files import write_models
from musicedge_export.material import Material
from musicedge_export.quantize import QuantizationError
from musicedge_export.verify import VerificationError, graph_forward
from musicedge_training import scores
from musicedge_training.datasets.track import MOODS, Track
from musicedge_training.predict import TrackWindows, predict
from musicedge_training.representations import LogMelCache


@pytest.fixture(scope="module", autouse=True)
def _few_windows() -> Iterator[None]:
    """Calibrate and verify on as few windows as will do, and judge with few samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "CALIBRATION_TRACKS", 2)
        patch.setattr(material, "VERIFICATION_WINDOWS", 3)
        patch.setitem(scores.bootstrap_interval.__kwdefaults__, "rounds", 20)
        yield


@pytest.fixture(scope="module")
def music(tracks: list[Track], logmel: LogMelCache) -> Material:
    return Material(tracks[:10], logmel)


@pytest.fixture(scope="module")
def found(
    music: Material, save: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> bundle.Bundle:
    """The random network as a model file in fp32, which says how it did on its folds."""
    folder = tmp_path_factory.mktemp("model")
    exporter = Exporter(music, lambda line: None)
    (made,) = exporter.export(save(folder / "model.safetensors"), ["fp32"])
    card = replace(made.card, scores={"five folds": {"genre/accuracy": 0.5}})
    (written,) = write_models([Candidate(attach(made.model, card), card, ())], folder)
    return bundle.open(written.path)


def test_variants_are_scored_beside_fp32_on_the_same_tracks(
    found: bundle.Bundle, music: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Random networks lose much when quantised; what is tested is who judges whom.
    monkeypatch.setattr(verify, "MAX_ACCURACY_LOSS", 1.0)
    monkeypatch.setattr(verify, "MAX_SPEARMAN_LOSS", 2.0)
    lines: list[str] = []
    made = Converter(music, lines.append).convert(found, ["int8-static", "int8"])
    assert [item.card.variant for item in made] == ["int8", "int8-static"]
    assert [line for line in lines if "scoring" in line] == [
        f"scoring {name} on 10 tracks" for name in ("fp32", "int8", "int8-static")
    ]
    windows = TrackWindows(music.logmel, music.tracks)
    genre = found.card.heads[0]
    before, after = (
        judging.score(
            music.tracks, predict(graph_forward(model), windows), genre.temperature, genre.labels
        )
        for model in (onnx.load_from_string(found.data), made[0].model)
    )
    assert made[0].scores == after
    for item in made:
        assert [d.output for d in item.differences] == ["genre", *MOODS, "music", "stream"]
        known = item.card.scores
        assert known["five folds, in fp32"] == {"genre/accuracy": 0.5}
        assert known[CHANGE]["tracks"] == 10
        change = item.scores["genre/accuracy"] - before["genre/accuracy"]
        assert known[CHANGE]["genre/accuracy"] == pytest.approx(change, abs=1e-9)
        assert item.card.graph.parameters == found.card.graph.parameters
        assert "torch" not in item.card.created_with
    for path in (written.path for written in write_models(made, tmp_path)):
        assert musicedge.load(path).card.scores[CHANGE]["tracks"] == 10


def test_variant_that_loses_too_much_is_refused_with_the_layers_to_blame(
    found: bundle.Bundle, music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "MAX_ACCURACY_LOSS", -2.0)
    # Finding them takes a run for every layer: test_quantize does it with a shorter window.
    monkeypatch.setattr(judging, "loudest_layers", lambda *_: [("features.9.weight", 0.25)])
    blamed = r"^int8: genre/accuracy.*rounded alone, .* is features.9.weight \(0.250\)"
    with pytest.raises(VerificationError, match=blamed):
        Converter(music, lambda line: None).convert(found, ["int8"])


def test_labels_that_the_model_does_not_know_judge_nothing(
    found: bundle.Bundle, music: Material
) -> None:
    unlabelled = [replace(track, genres=(), moods={}) for track in music.tracks]
    converter = Converter(Material(unlabelled, music.logmel), lambda line: None)
    with pytest.raises(VerificationError, match="none of the 10 tracks has a label"):
        converter.convert(found, ["int8"])


def test_only_fp32_of_the_windows_that_tracks_are_cut_into_is_converted(
    found: bundle.Bundle, music: Material, fp32: onnx.ModelProto
) -> None:
    converter = Converter(music, lambda line: None)
    other = found._replace(card=replace(found.card, variant="int8"))
    with pytest.raises(QuantizationError, match="its variant is int8"):
        converter.convert(other, ["fp16"])
    short = found._replace(card=candidate_of(fp32).card)
    with pytest.raises(QuantizationError, match="a window of 64 frames"):
        converter.convert(short, ["fp16"])


def test_material_is_enough_to_verify_on(tracks: list[Track], logmel: LogMelCache) -> None:
    with pytest.raises(VerificationError, match="2 tracks can be read"):
        Material(tracks[:2], logmel)
    silent = [track for track in tracks if not track.is_music]
    with pytest.raises(VerificationError, match="0 of them music"):
        Material(silent, logmel)
