"""From a checkpoint to verified, self-describing model files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from musicedge.bundle import MANIFEST_FORMAT
from musicedge.card import Card
from musicedge.errors import OutputError
from musicedge_export.cards import attach, make_card
from musicedge_export.graph import to_onnx
from musicedge_export.quantize import quantize
from musicedge_export.verify import (
    Difference,
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
from musicedge_training.representations import LogMelCache
from musicedge_training.splits import fold_splits

CALIBRATION_TRACKS = 200
VERIFICATION_WINDOWS = 12

Note = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """One model file that was written.

    Attributes
    ----------
    differences
        From the network, on real windows.
    scores
        Of tracks that the network of each fold did not hear; empty where there are no folds.
    """

    path: Path
    variant: str
    bytes: int
    sha256: str
    differences: tuple[Difference, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Exporter:
    """Exports checkpoints that were trained on some tracks.

    Parameters
    ----------
    tracks, logmel
        Labelled tracks and their features: to calibrate the quantisation, and to verify.
    note
        Called with a line whenever a step begins.
    """

    tracks: Sequence[Track]
    logmel: LogMelCache
    note: Note

    def export(self, path: Path, folder: Path) -> list[Exported]:
        """Write ``NAME.fp32.onnx`` and ``NAME.int8.onnx`` of a checkpoint to a folder.

        Where the checkpoint lies in a study's folder, the networks of its folds are exported in the
        same way (not written), so that each variant is scored on tracks that were not trained on.

        Raises
        ------
        CheckpointError
            The checkpoint cannot be read, or holds what no card may say.
        OutputError
            A file cannot be written.
        VerificationError
            A graph differs from the network by more than is allowed; nothing is written.
        """
        network, info = checkpoint.load(path)
        scores = self._fold_scores(path.parent, info.temperature)
        if scores:
            check_quantised(scores["fp32"], scores["int8"])
        self.note("graphs of the shipped network")
        graphs = self._variants(network, info.frontend.n_mels)
        windows = self._windows(VERIFICATION_WINDOWS, seed=1)
        reference = network_forward(network)
        differences = {
            variant: compare(reference, graph_forward(graph), windows)
            for variant, graph in graphs.items()
        }
        check_fp32(differences["fp32"])
        cards = {variant: _card(path, info, variant, scores.get(variant, {})) for variant in graphs}
        written = []
        for variant, graph in graphs.items():
            card = cards[variant]
            data = attach(graph, card).SerializeToString()
            target = folder / f"{card.name}.{variant}.onnx"
            write_atomically(target, data)
            written.append(
                Exported(
                    target,
                    variant,
                    len(data),
                    hashlib.sha256(data).hexdigest(),
                    tuple(differences[variant]),
                    scores.get(variant, {}),
                )
            )
        return written

    def _variants(
        self, network: MultitaskNetwork, n_mels: int, rows: NDArray[np.int64] | None = None
    ) -> dict[str, ModelProto]:
        """Return the graphs; `rows` are the tracks that the quantisation may be calibrated on."""
        fp32 = to_onnx(network, window_frames=WINDOW_FRAMES, n_mels=n_mels)
        calibration = self._windows(CALIBRATION_TRACKS, seed=0, rows=rows)
        return {"fp32": fp32, "int8": quantize(fp32, calibration)}

    def _windows(
        self, count: int, *, seed: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.float32]]:
        """Return one window of each of some randomly chosen tracks."""
        candidates = np.arange(len(self.tracks)) if rows is None else rows
        rng = np.random.default_rng(seed)
        chosen = rng.choice(candidates, min(count, len(candidates)), replace=False)
        return [cut_windows(self.logmel.get(self.tracks[row].path))[0] for row in chosen]

    def _fold_scores(self, home: Path, temperature: float) -> dict[str, dict[str, float]]:
        """Score every variant of the folds' networks on what each did not hear."""
        parts: dict[str, list[Predictions]] = {}
        held_out: list[Track] = []
        for number, split in enumerate(fold_splits(self.tracks)):
            file = home / split.name / "model.safetensors"
            if not file.is_file():
                continue
            self.note(f"scoring {split.name} in every variant")
            network, info = checkpoint.load(file)
            own = [row for row in split.test if self.tracks[row].fold == number]
            tracks = [self.tracks[row] for row in own]
            held_out += tracks
            windows = TrackWindows(self.logmel, tracks)
            graphs = self._variants(network, info.frontend.n_mels, split.train)
            for variant, graph in graphs.items():
                predictions = predict(graph_forward(graph), windows, title=variant)
                parts.setdefault(variant, []).append(predictions)
        return {
            variant: {
                name: round(score.value, 4)
                for name, score in evaluate.evaluate(
                    held_out, Predictions.join(predictions), temperature=temperature
                ).items()
            }
            for variant, predictions in parts.items()
        }


def _card(path: Path, info: CheckpointInfo, variant: str, held_out: Mapping[str, float]) -> Card:
    """Return a variant's card, whose name is fit for a file's."""
    name = info.recipe.get("name")
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise CheckpointError(f"{path}: its recipe is called {name!r}: no name for a model file")
    scores = card_scores(info.scores, held_out)
    try:
        return make_card(info, variant=variant, scores=scores, folder=Path(__file__).parent)
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


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def manifest(exported: Sequence[Exported], default: str) -> dict[str, Any]:
    """Return the manifest's entry of one model, whose default variant is `default`."""
    return {
        "default": default,
        "files": {
            item.variant: {"file": item.path.name, "sha256": item.sha256, "bytes": item.bytes}
            for item in exported
        },
    }


def update_manifest(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Put a model's entry into a manifest file, keeping the others.

    Parameters
    ----------
    path
        The manifest; made when missing.
    name
        The model's name.
    entry
        What `manifest` returns.

    Raises
    ------
    OutputError
        The file that is there is no manifest, or it cannot be written.
    """
    values: Any = {"format": MANIFEST_FORMAT, "models": {}}
    try:
        if path.exists():
            values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != MANIFEST_FORMAT:
            raise ValueError(f"its format is {values['format']!r}")
        values["models"][name] = dict(entry)
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise OutputError(f"{path}: no manifest of models can be read there: {reason}") from error
    write_atomically(path, (json.dumps(values, indent=2, sort_keys=True) + "\n").encode())
