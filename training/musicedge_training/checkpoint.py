"""A checkpoint: a network's weights in safetensors, with what it takes to rebuild the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from musicedge.errors import MusicedgeError
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.architectures.backbones import build_backbone
from musicedge_training.architectures.heads import HeadSpec, LabelSource, MultitaskNetwork

FORMAT_VERSION = 3
_READABLE = (2, FORMAT_VERSION)  # 2 does not say what it was trained on
_KEY = "musicedge.checkpoint"
_MAX_BYTES = 2 << 30


class CheckpointError(MusicedgeError):
    """A checkpoint cannot be read, or was made by another version."""


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Attributes
    ----------
    recipe
        The recipe's values; its architecture is what is rebuilt.
    heads, hidden_size, mood_size
        What is on the backbone.
    frontend
        The constants of the log-mel that it was trained on.
    dataset
        The name of what it was trained on, such as ``"gtzan"``; empty where that is not known.
    split
        The name of the split that it was trained on, such as ``"fold-0"``, whose tracks it has not
        heard, or ``"official"``; empty where that is not known.
    trained_on
        What each track that it was trained on, stopped by or calibrated on before it was tested is
        known by (see `musicedge_training.unheard`); empty where that is not known.
    temperature, music_threshold
        The calibration, from predictions on tracks that were not trained on.
    scores
        Measured scores, by name.
    """

    recipe: Mapping[str, Any]
    heads: tuple[HeadSpec, ...]
    hidden_size: int
    mood_size: int
    frontend: FrontEndConfig
    dataset: str = ""
    split: str = ""
    trained_on: tuple[str, ...] = ()
    temperature: float = 1.0
    music_threshold: float = 0.5
    scores: Mapping[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


def save(path: Path, network: MultitaskNetwork, info: CheckpointInfo) -> None:
    """Write a checkpoint; it appears whole or not at all.

    Raises
    ------
    CheckpointError
        It cannot be written.
    """
    part = path.with_suffix(".part")
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    try:
        save_file(tensors, part, {_KEY: json.dumps(asdict(info))})
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: cannot be written: {reason}; make room") from error


def load(path: Path) -> tuple[MultitaskNetwork, CheckpointInfo]:
    """Read a checkpoint and rebuild its network, in evaluation mode.

    Raises
    ------
    CheckpointError
        The file is missing, too large, no checkpoint of ours, or of another format version.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CheckpointError(f"{path}: larger than {_MAX_BYTES >> 30} GiB: not a checkpoint")
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {}).get(_KEY, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: safetensors, but not a musicedge checkpoint")
    if values.get("format_version") not in _READABLE:
        raise CheckpointError(
            f"{path}: checkpoint format {values.get('format_version')}, this musicedge reads "
            f"{FORMAT_VERSION}: train it again"
        )
    try:
        heads = tuple(_head(value) for value in values["heads"])
        frontend = FrontEndConfig.from_dict(values["frontend"])
        own = {"heads": heads, "frontend": frontend, "format_version": FORMAT_VERSION}
        own["trained_on"] = tuple(map(str, values.get("trained_on", ())))
        info = CheckpointInfo(**{**values, **own})
        network = MultitaskNetwork(
            build_backbone(info.recipe.get("architecture", "cnn")),
            heads,
            hidden_size=info.hidden_size,
            mood_size=info.mood_size,
        )
        network.load_state_dict(tensors)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch's takes several lines
        raise CheckpointError(f"{path}: breaks a rule of the format: {reason}") from error
    return network.eval(), info


def _head(values: Mapping[str, Any]) -> HeadSpec:
    sources = tuple(LabelSource(**source) for source in values["sources"])
    return HeadSpec(**{**values, "labels": tuple(values["labels"]), "sources": sources})
