"""From a checkpoint to verified, self-describing models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from musicedge.card import Card, GraphFacts
from musicedge_export.candidates import Candidate
from musicedge_export.cards import attach, make_card
from musicedge_export.census import facts_of
from musicedge_export.graph import to_onnx
from musicedge_export.quantize import loudest_layers, quantize, to_half, to_int4
from musicedge_export.streaming import check_streaming
from musicedge_export.verify import (
    Difference,
    VerificationError,
    check_fp32,
    check_quantised,
    compare,
    graph_forward,
)
from musicedge_training import checkpoint, evaluate
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError, CheckpointInfo
from musicedge_training.datasets.track import Track
from musicedge_training.predict import (
    WINDOW_FRAMES,
    Predictions,
    TrackWindows,
    cut_windows,
    network_forward,
    predict,
)
from musicedge_training.representations import LogMelCache, load_samples
from musicedge_training.splits import OFFICIAL, Split, fold_splits

VARIANTS = ("fp32", "fp16", "int8", "int4")
DEFAULT_VARIANTS = ("fp32", "int8")

CALIBRATION_TRACKS = 200
VERIFICATION_WINDOWS = 12
STREAMED_TRACKS = 3
STREAMED = 12.0
"""Seconds of each that are streamed; shorter ones are repeated."""

FIVE_FOLDS = "five folds"
"""What a card calls the scores of the folds' networks."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Exporter:
    """Exports checkpoints that were trained on some tracks.

    Parameters
    ----------
    tracks, logmel
        Labelled tracks and their features: to calibrate the quantisation, and to verify.
    note
        Called with a line whenever a step begins.
    official
        The split that the tracks are published with, where there is one: what a checkpoint that was
        trained on it is scored on.
    """

    tracks: Sequence[Track]
    logmel: LogMelCache
    note: Note
    official: Split | None = None

    def export(self, path: Path, variants: Sequence[str] = DEFAULT_VARIANTS) -> list[Candidate]:
        """Make and verify variants of a checkpoint's network.

        Where the checkpoint lies in a study's folder, the networks of its folds are exported in the
        same way, so that each variant is scored on tracks that were not trained on; or the network
        of the official split, where it was trained on that.

        Raises
        ------
        CheckpointError
            The checkpoint cannot be read, or holds what no card may say.
        VerificationError
            A graph differs from the network by more than is allowed.
        """
        network, info = checkpoint.load(path)
        scores = self._fold_scores(path.parent, info, variants)
        self.note("graphs of the shipped network")
        graphs = self._variants(network, info.frontend.n_mels, variants)
        windows = self._windows(VERIFICATION_WINDOWS, seed=1)
        for variant in sorted(scores.keys() - {"fp32"}):
            _check_scores(variant, scores, graphs["fp32"], windows)
        reference = network_forward(network)
        rate = info.frontend.sample_rate
        sound = self._sound(rate)
        candidates = []
        for variant, graph in graphs.items():
            differences = compare(reference, graph_forward(graph), windows)
            if variant == "fp32":
                check_fp32(differences)
            held_out = scores.get(variant, {})
            card = _card(path, info, variant, facts_of(graph, graphs["fp32"]), held_out)
            if variant in variants:
                model = attach(graph, card)
                differences.append(Difference("stream", check_streaming(model, sound, rate)))
                candidates.append(Candidate(model, card, tuple(differences), held_out))
        return candidates

    def _sound(self, sample_rate: int) -> NDArray[np.float32]:
        """Return the beginnings of some real music one after the other, to stream."""
        paths = [track.path for track in self.tracks if track.is_music][:STREAMED_TRACKS]
        parts = [load_samples(path, sample_rate, STREAMED) for path in paths]
        return np.resize(np.concatenate(parts), round(STREAMED * STREAMED_TRACKS * sample_rate))

    def _variants(
        self,
        network: MultitaskNetwork,
        n_mels: int,
        variants: Sequence[str],
        rows: NDArray[np.int64] | None = None,
    ) -> dict[str, ModelProto]:
        """Return the graphs, the fp32 one always and first.

        `rows` are the tracks that the quantisation may be calibrated on.
        """
        fp32 = to_onnx(network, window_frames=WINDOW_FRAMES, n_mels=n_mels)
        graphs = {"fp32": fp32}
        if "fp16" in variants:
            graphs["fp16"] = to_half(fp32)
        if "int8" in variants:
            graphs["int8"] = quantize(fp32, self._windows(CALIBRATION_TRACKS, seed=0, rows=rows))
        if "int4" in variants:
            graphs["int4"] = to_int4(fp32)
        return graphs

    def _windows(
        self, count: int, *, seed: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.float32]]:
        """Return one window of each of some randomly chosen tracks."""
        candidates = np.arange(len(self.tracks)) if rows is None else rows
        rng = np.random.default_rng(seed)
        chosen = rng.choice(candidates, min(count, len(candidates)), replace=False)
        return [cut_windows(self.logmel.get(self.tracks[row].path))[0] for row in chosen]

    def _held_out(self, shipped: CheckpointInfo) -> list[tuple[Split, Sequence[int]]]:
        """Return the splits whose networks are scored, and the rows that each is scored on."""
        if shipped.split == OFFICIAL and self.official is not None:
            return [(self.official, list(self.official.test))]
        return [
            (split, [row for row in split.test if self.tracks[row].fold == number])
            for number, split in enumerate(fold_splits(self.tracks))
        ]

    def _fold_scores(
        self, home: Path, shipped: CheckpointInfo, variants: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """Score every variant of the folds' networks on what each did not hear."""
        genres = next((spec.labels for spec in shipped.heads if spec.name == "genre"), ())
        parts: dict[str, list[Predictions]] = {}
        held_out: list[Track] = []
        for split, own in self._held_out(shipped):
            file = home / split.name / "model.safetensors"
            if not file.is_file():
                continue
            self.note(f"scoring {split.name} in every variant")
            network, info = checkpoint.load(file)
            tracks = [self.tracks[row] for row in own]
            held_out += tracks
            windows = TrackWindows(self.logmel, tracks)
            graphs = self._variants(network, info.frontend.n_mels, variants, split.train)
            for variant, graph in graphs.items():
                predictions = predict(graph_forward(graph), windows, title=variant)
                parts.setdefault(variant, []).append(predictions)
        return {
            variant: {
                name: round(score.value, 4)
                for name, score in evaluate.evaluate(
                    held_out,
                    Predictions.join(predictions),
                    temperature=shipped.temperature,
                    genres=genres,
                ).items()
            }
            for variant, predictions in parts.items()
        }


def _check_scores(
    variant: str,
    scores: Mapping[str, Mapping[str, float]],
    fp32: ModelProto,
    windows: Sequence[NDArray[np.float32]],
) -> None:
    """Refuse a variant that loses too much, and name the layers that are likely to blame."""
    try:
        check_quantised(scores["fp32"], scores[variant])
    except VerificationError as error:
        layers = loudest_layers(fp32, windows)
        named = ", ".join(f"{name} ({moved:.3f})" for name, moved in layers)
        raise VerificationError(
            f"{variant}: {error}; rounded alone, what moves the genre's logits most is {named}"
        ) from error


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
    part = "official test part" if info.split == OFFICIAL else FIVE_FOLDS
    scores = card_scores(info.scores, held_out, part)
    try:
        return make_card(
            info, variant=variant, graph=graph, scores=scores, folder=Path(__file__).parent
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: no card can be made of it: {error}") from error


def card_scores(
    study: Mapping[str, Any], held_out: Mapping[str, float], part: str = FIVE_FOLDS
) -> dict[str, dict[str, float]]:
    """Return the scores that go into a card: few enough to read.

    Parameters
    ----------
    study
        The study's scores, as a checkpoint holds them.
    held_out
        The variant's own, of tracks that its folds' networks did not hear.
    part
        What these tracks are called.
    """
    unknown = {
        name: scores["genre/accuracy"]["value"]
        for name, scores in study.get("collections", {}).items()
    }
    music = {name: round(value, 4) for name, value in study.get("music", {}).items()}
    groups = {
        part: {k: v for k, v in held_out.items() if not k.startswith("genre/accuracy/")},
        "trained without": unknown,
        "music": {k: music[k] for k in ("missed_music", "false_music") if k in music},
    }
    return {name: values for name, values in groups.items() if values}
