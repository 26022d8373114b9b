"""The card of an exported model: what its checkpoint knows, and what was measured on the graph."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto

from musicedge.card import METADATA_KEY, Card, GraphFacts, Head
from musicedge_training.checkpoint import CheckpointInfo
from musicedge_training.predict import HOP_FRAMES, WINDOW_FRAMES

_MEANINGS = {
    "genre": "the genre, as calibrated probabilities",
    "valence": "from unpleasant (0) to pleasant (1), on the scale of listeners' ratings",
    "arousal": "from calm (0) to excited (1), on the scale of listeners' ratings",
    "danceability": "how suited for dancing, from 0 to 1, on Echo Nest's scale",
    "music": "the probability that there is music",
}

_ARCHITECTURES = {
    "cnn": "MobileNetV3-Large, width 0.4",
    "lstm": "bidirectional LSTM, 2 x 80, on MobileNetV3's first 13 layers",
    "ast": "transformer, 6 blocks of 192, on MobileNetV3's first 13 layers",
    "ast-linear": "transformer, 12 blocks of 192, overlapping linear patches",
}
TRAINING_DATA = (
    "AudioSet (through mn04_as of Schmid, Koutini and Widmer, MIT licence), GTZAN (part), "
    "Emotify, 4Q Audio Emotion, Giannakopoulos' dance set, Homburg's Garageband set, EmoDB, Free "
    "Spoken Digit Dataset, ESC-10 and synthetic sounds; research collections, not redistributed"
)
LICENCE = "MIT (weights); the training collections keep their own research licences"
NOTES = (
    "Eleven genres of Western popular and classical collections; mood is the taste of their "
    "raters. Docs: docs/models.md"
)


def make_card(
    info: CheckpointInfo,
    *,
    variant: str,
    graph: GraphFacts,
    scores: Mapping[str, Any],
    folder: Path,
) -> Card:
    """Return the card of one variant.

    Parameters
    ----------
    info
        What the checkpoint says about itself.
    variant
        Such as ``"fp32"`` or ``"int8"``.
    graph
        What the variant's graph is made of.
    scores
        What was measured: the study's scores, and those of this graph.
    folder
        A folder of the checkout, for the commit.

    Raises
    ------
    ValueError
        A value breaks a rule of the card; the message names it.
    """
    heads = tuple(
        Head(
            name=spec.name,
            kind=spec.kind,
            labels=spec.labels,
            meaning=_MEANINGS[spec.name],
            temperature=info.temperature if spec.kind == "classification" else 1.0,
            threshold=info.music_threshold if spec.kind == "detection" else None,
        )
        for spec in info.heads
    )
    return Card(
        name=info.recipe["name"],
        architecture=_ARCHITECTURES[info.recipe.get("architecture", "cnn")],
        variant=variant,
        frontend=info.frontend,
        window_frames=WINDOW_FRAMES,
        hop_frames=HOP_FRAMES,
        heads=heads,
        graph=graph,
        training_data=TRAINING_DATA,
        licence=LICENCE,
        notes=NOTES,
        scores=dict(scores),
        commit=current_commit(folder),
        created_with=versions("musicedge", "torch", "onnx", "onnxruntime"),
    )


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of installed packages by their names."""
    return {name: version(name) for name in packages}


def current_commit(folder: Path) -> str:
    """Return the checkout's commit, with ``-dirty`` where it has changes; empty outside of one."""
    try:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def attach(model: ModelProto, card: Card) -> ModelProto:
    """Return a copy of the model that carries the card in its metadata."""
    result = ModelProto()
    result.CopyFrom(model)
    onnx.helper.set_model_props(result, {METADATA_KEY: card.to_json()})
    result.producer_name = "musicedge"
    return result
