"""A tiny, valid model made by code: the mean over time, and one small layer a head.

Its ``music`` head calls loud what is loud: tests can make signals that hold "music" in parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from musicedge.card import METADATA_KEY, Card, GraphFacts, Head
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig

FRONTEND = FrontEndConfig(
    sample_rate=16_000, n_fft=512, win_length=400, hop_length=160, n_mels=16, fmax=7600.0
)
GENRES = ("blues", "classical", "electronic", "jazz", "rock")
HEADS = (
    Head(name="genre", kind="classification", labels=GENRES, meaning="genre", temperature=1.5),
    Head(name="valence", kind="regression", meaning="unhappy to happy"),
    Head(name="arousal", kind="regression", meaning="calm to excited"),
    Head(name="danceability", kind="regression", meaning="hard to easy to dance to"),
    Head(
        name="music", kind="detection", meaning="music, not silence, noise or speech", threshold=0.5
    ),
)
CARD = Card(
    name="tiny",
    architecture="mean and linear layers",
    variant="fp32",
    frontend=FRONTEND,
    window_frames=100,  # 1 s
    hop_frames=50,
    heads=HEADS,
    graph=GraphFacts(opset=17, parameters=153, macs=144, operators={"Gemm": 5, "ReduceMean": 1}),
    training_data="none: the weights are drawn by chance",
    licence="MIT",
    scores={"genre": {"accuracy": 0.2}},
)

LOUD = 0.1  # the peak of noise that the tiny model is sure is music
QUIET = 0.001  # and that it is sure is none, though it is not silence


def card(heads: Sequence[str] | None = None, **changes: Any) -> Card:
    """Return the tiny model's card, with only some heads or with other fields changed."""
    if heads is not None:
        changes["heads"] = tuple(head for head in HEADS if head.name in heads)
    return replace(CARD, **changes)


def graph(model_card: Card = CARD, *, seed: int = 0) -> onnx.ModelProto:
    """Return the network that the card describes, without the card."""
    rng = np.random.default_rng(seed)
    n_mels = model_card.frontend.n_mels
    nodes = [helper.make_node("ReduceMean", ["logmel"], ["bands"], axes=[1], keepdims=0)]
    tensors, outputs = [], []
    for head in model_card.heads:
        size = max(1, len(head.labels))
        weight = rng.normal(size=(n_mels, size)).astype(np.float32)
        bias = np.zeros(size, np.float32)
        if head.name == "music":
            loud, quiet = (_mean_logmel(peak, model_card.frontend) for peak in (LOUD, QUIET))
            slope = 20 / (loud - quiet)
            weight[:] = slope / n_mels
            bias[:] = -slope * (loud + quiet) / 2
        tensors += [
            numpy_helper.from_array(weight, f"{head.name}.weight"),
            numpy_helper.from_array(bias, f"{head.name}.bias"),
        ]
        layer = f"{head.name}.logits" if head.kind != "classification" else head.name
        nodes.append(
            helper.make_node("Gemm", ["bands", f"{head.name}.weight", f"{head.name}.bias"], [layer])
        )
        shape: list[Any] = ["batch", size]
        if head.kind != "classification":
            shape = ["batch"]
            nodes.append(helper.make_node("Sigmoid", [layer], [f"{head.name}.column"]))
            nodes.append(helper.make_node("Squeeze", [f"{head.name}.column", "one"], [head.name]))
        outputs.append(helper.make_tensor_value_info(head.name, TensorProto.FLOAT, shape))
    tensors.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    logmel = helper.make_tensor_value_info(
        "logmel", TensorProto.FLOAT, ["batch", model_card.window_frames, n_mels]
    )
    return helper.make_model(
        helper.make_graph(nodes, "tiny", [logmel], outputs, tensors),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def with_card(model: onnx.ModelProto, text: str) -> bytes:
    """Return the bytes of a model with any text in the card's place."""
    helper.set_model_props(model, {METADATA_KEY: text})
    return model.SerializeToString()


def build(model_card: Card = CARD, *, seed: int = 0) -> bytes:
    """Return the bytes of a whole, valid model file."""
    return with_card(graph(model_card, seed=seed), model_card.to_json())


def write(folder: Path, model_card: Card = CARD, *, seed: int = 0) -> Path:
    """Write a whole, valid model file and return its path."""
    path = folder / f"{model_card.name}.{model_card.variant}.onnx"
    path.write_bytes(build(model_card, seed=seed))
    return path


def noise(seconds: float, peak: float, *, sample_rate: int = 16_000, seed: int = 0) -> np.ndarray:
    """Return white noise, np.ndarray [shape=(n,), dtype=float32]."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-peak, peak, round(seconds * sample_rate)).astype(np.float32)


def _mean_logmel(peak: float, frontend: FrontEndConfig) -> float:
    samples = noise(1.0, peak, sample_rate=frontend.sample_rate)
    return float(FrontEnd(frontend).logmel(samples).mean())
