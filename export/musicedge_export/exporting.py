"""From a checkpoint to verified, self-describing models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from onnx import ModelProto

from musicedge.card import Card, GraphFacts
from musicedge_export.candidates import Candidate
from musicedge_export.cards import attach, make_card
from musicedge_export.census import facts_of
from musicedge_export.graph import to_onnx
from musicedge_export.judging import check_scores, score
from musicedge_export.material import Material
from musicedge_export.streaming import check_streaming
from musicedge_export.variants import DEFAULT_VARIANTS, chosen_variants, make_variants
from musicedge_export.verify import Difference, check_fp32, compare, graph_forward
from musicedge_training import checkpoint
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError, CheckpointInfo
from musicedge_training.datasets.track import Track
from musicedge_training.predict import (
    WINDOW_FRAMES,
    Predictions,
    TrackWindows,
    network_forward,
    predict,
)
from musicedge_training.splits import fold_splits

Note = Callable[[str], None]


@dataclass(frozen=True)
class Exporter:
    """Exports checkpoints that were trained on some tracks.

    Parameters
    ----------
    material
        Labelled tracks: to calibrate the quantisation, and to verify.
    note
        Called with a line whenever a step begins.
    """

    material: Material
    note: Note

    def export(self, path: Path, variants: Sequence[str] = DEFAULT_VARIANTS) -> list[Candidate]:
        """Make and verify variants of a checkpoint's network.

        Where the checkpoint lies in a study's folder, the networks of its folds are exported in the
        same way, so that each variant is scored on tracks that were not trained on.

        Raises
        ------
        CheckpointError
            The checkpoint cannot be read, or holds what no card may say.
        VerificationError
            A graph differs from the network by more than is allowed.
        """
        network, info = checkpoint.load(path)
        fp32 = _graph(network, info)
        variants = chosen_variants(fp32, variants)
        scores = self._fold_scores(path.parent, info, variants)
        self.note("graphs of the shipped network")
        graphs = make_variants(fp32, variants, self.material.calibration)
        windows = self.material.verification()
        for variant in sorted(scores.keys() - {"fp32"}):
            check_scores(variant, scores["fp32"], scores[variant], fp32, windows)
        reference = network_forward(network)
        rate = info.frontend.sample_rate
        sound = self.material.sound(rate)
        candidates = []
        for variant, graph in graphs.items():
            differences = compare(reference, graph_forward(graph), windows)
            if variant == "fp32":
                check_fp32(differences)
            held_out = scores.get(variant, {})
            card = _card(path, info, variant, facts_of(graph, fp32), held_out)
            if variant in variants:
                model = attach(graph, card)
                differences.append(Difference("stream", check_streaming(model, sound, rate)))
                candidates.append(Candidate(model, card, tuple(differences), held_out))
        return candidates

    def _fold_scores(
        self, home: Path, shipped: CheckpointInfo, variants: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """Score every variant of the folds' networks on what each did not hear."""
        genres = next((spec.labels for spec in shipped.heads if spec.name == "genre"), ())
        parts: dict[str, list[Predictions]] = {}
        held_out: list[Track] = []
        for number, split in enumerate(fold_splits(self.material.tracks)):
            file = home / split.name / "model.safetensors"
            if not file.is_file():
                continue
            self.note(f"scoring {split.name} in every variant")
            network, info = checkpoint.load(file)
            own = [row for row in split.test if self.material.tracks[row].fold == number]
            tracks = [self.material.tracks[row] for row in own]
            held_out += tracks
            windows = TrackWindows(self.material.logmel, tracks)
            calibration = partial(self.material.calibration, split.train)
            graphs = make_variants(_graph(network, info), variants, calibration)
            for variant, graph in graphs.items():
                predictions = predict(graph_forward(graph), windows, title=variant)
                parts.setdefault(variant, []).append(predictions)
        return {
            variant: score(held_out, Predictions.join(predictions), shipped.temperature, genres)
            for variant, predictions in parts.items()
        }


def _graph(network: MultitaskNetwork, info: CheckpointInfo) -> ModelProto:
    return to_onnx(network, window_frames=WINDOW_FRAMES, n_mels=info.frontend.n_mels)


def _card(
    path: Path,
    info: CheckpointInfo,
    variant: str,
    graph: GraphFacts,
    held_out: Mapping[str, float],
) -> Card:
    """Return a variant's card, whose name is fit for a file's."""
    name = info.recipe.get("name")
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise CheckpointError(f"{path}: its recipe is called {name!r}: no name for a model file")
    scores = card_scores(info.scores, held_out)
    try:
        return make_card(
            info, variant=variant, graph=graph, scores=scores, folder=Path(__file__).parent
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: no card can be made of it: {error}") from error


def card_scores(
    study: Mapping[str, Any], held_out: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return the scores that go into a card: few enough to read.

    Parameters
    ----------
    study
        The study's scores, as a checkpoint holds them.
    held_out
        The variant's own, of tracks that its folds' networks did not hear.
    """
    unknown = {
        name: scores["genre/accuracy"]["value"]
        for name, scores in study.get("collections", {}).items()
    }
    music = {name: round(value, 4) for name, value in study.get("music", {}).items()}
    groups = {
        "five folds": {k: v for k, v in held_out.items() if not k.startswith("genre/accuracy/")},
        "trained without": unknown,
        "music": {k: music[k] for k in ("missed_music", "false_music") if k in music},
    }
    return {name: values for name, values in groups.items() if values}
