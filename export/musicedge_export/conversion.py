"""From a model file in fp32 to its smaller variants, judged beside it: no checkpoint is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnx import ModelProto

from musicedge.bundle import Bundle
from musicedge.card import Card
from musicedge_export.candidates import Candidate
from musicedge_export.cards import attach, current_commit, versions
from musicedge_export.census import facts_of
from musicedge_export.judging import check_scores, score
from musicedge_export.material import Material
from musicedge_export.quantize import QuantizationError
from musicedge_export.streaming import check_streaming
from musicedge_export.variants import chosen_variants, make_variants
from musicedge_export.verify import (
    Difference,
    VerificationError,
    compare,
    graph_forward,
    is_judged,
)
from musicedge_training.predict import WINDOW_FRAMES, TrackWindows, predict

FOLDS, FOLDS_OF_FP32 = "five folds", "five folds, in fp32"
CHANGE = "change from fp32"

Note = Callable[[str], None]


@dataclass(frozen=True)
class Converter:
    """Makes smaller variants of model files.

    Parameters
    ----------
    material
        Labelled tracks: to calibrate the quantisation, and to judge what it loses. The network may
        have been trained on them, since only the difference counts.
    note
        Called with a line whenever a step begins.
    """

    material: Material
    note: Note

    def convert(self, found: Bundle, variants: Sequence[str]) -> list[Candidate]:
        """Make and verify variants of a model.

        Each is compared with the fp32 graph, and both are scored on the same tracks.

        Raises
        ------
        QuantizationError
            The model is no fp32 form or takes other windows, or its network has no such variant.
        VerificationError
            A variant loses more than is allowed, or nothing tells what it loses.
        """
        if found.card.variant != "fp32":
            raise QuantizationError(
                f"{found.source}: its variant is {found.card.variant}; others are made of fp32"
            )
        if found.card.window_frames != WINDOW_FRAMES:
            raise QuantizationError(
                f"{found.source}: it takes a window of {found.card.window_frames} frames; tracks "
                f"are judged in windows of {WINDOW_FRAMES}, as of models that musicedge trained"
            )
        fp32 = onnx.load_from_string(found.data)
        chosen = [name for name in chosen_variants(fp32, variants) if name != "fp32"]
        self.note("graphs of the variants")
        graphs = make_variants(fp32, chosen, self.material.calibration)
        scores = {name: self._scores(found.card, name, graph) for name, graph in graphs.items()}
        if not any(map(is_judged, scores["fp32"])):
            raise VerificationError(
                f"{found.source}: nothing tells what its variants lose, since none of the "
                f"{len(self.material.tracks)} tracks has a label that it knows; give labelled music"
            )
        windows = self.material.verification()
        reference = graph_forward(fp32)
        sound = self.material.sound(found.card.frontend.sample_rate)
        candidates = []
        for name in chosen:
            check_scores(name, scores["fp32"], scores[name], fp32, windows)
            differences = compare(reference, graph_forward(graphs[name]), windows)
            card = self._card(found.card, name, graphs[name], fp32, scores)
            model = attach(graphs[name], card)
            streamed = check_streaming(model, sound, card.frontend.sample_rate)
            differences.append(Difference("stream", streamed))
            candidates.append(Candidate(model, card, tuple(differences), scores[name]))
        return candidates

    def _scores(self, card: Card, variant: str, graph: ModelProto) -> dict[str, float]:
        self.note(f"scoring {variant} on {len(self.material.tracks)} tracks")
        genre = card.head("genre")
        windows = TrackWindows(self.material.logmel, self.material.tracks)
        predictions = predict(graph_forward(graph), windows, title=variant)
        temperature, labels = (genre.temperature, genre.labels) if genre else (1.0, ())
        return score(self.material.tracks, predictions, temperature, labels)

    def _card(
        self,
        card: Card,
        variant: str,
        graph: ModelProto,
        fp32: ModelProto,
        scores: Mapping[str, Mapping[str, float]],
    ) -> Card:
        """Return the variant's card: what is known of the network, and what was measured here."""
        known = {FOLDS_OF_FP32 if name == FOLDS else name: v for name, v in card.scores.items()}
        change = {
            name: round(scores[variant][name] - before, 4)
            for name, before in scores["fp32"].items()
            if name in scores[variant] and not name.startswith("genre/accuracy/")
        }
        return replace(
            card,
            variant=variant,
            graph=facts_of(graph, fp32),
            scores={**known, CHANGE: {"tracks": len(self.material.tracks), **change}},
            commit=current_commit(Path(__file__).parent),
            created_with=versions("musicedge", "onnx", "onnxruntime"),
        )
