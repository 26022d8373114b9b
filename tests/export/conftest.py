"""A network of random weights, its checkpoint, and the tiny corpus for the tests of export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto
from tests.training import tiny_corpus
from torch import nn

from musicedge.card import Card, Head
from musicedge.frontend_config import FrontEndConfig
from musicedge_export.candidates import Candidate
from musicedge_export.cards import attach
from musicedge_export.census import facts_of
from musicedge_export.graph import to_onnx
from musicedge_export.quantize import quantize
from musicedge_training import checkpoint
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.checkpoint import CheckpointInfo
from musicedge_training.datasets import corpus
from musicedge_training.datasets.track import Track
from musicedge_training.recipe import Recipe
from musicedge_training.representations import LogMelCache
from musicedge_training.start import build_network

HEADS = tiny_corpus.every_head()

FRAMES = 64
"""A short window: graphs of any length have the same nodes."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Networks this small are many times slower when threads wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus's folder."""
    return tiny_corpus.write_corpus(tmp_path_factory.mktemp("tiny") / "corpus")


@pytest.fixture(scope="session")
def tracks(data: Path) -> list[Track]:
    """The tiny corpus's tracks."""
    return corpus.load(data)


@pytest.fixture(scope="session")
def logmel(tracks: list[Track], tmp_path_factory: pytest.TempPathFactory) -> LogMelCache:
    """The log-mel of the tiny corpus."""
    cache = LogMelCache(tmp_path_factory.mktemp("tiny") / "logmel", FrontEndConfig())
    cache.fill([track.path for track in tracks], jobs=1)
    return cache


def random_network(seed: int = 0, architecture: str = "cnn") -> MultitaskNetwork:
    """Return a network of the shipped shape, in evaluation mode; no output is constant."""
    tagger = tiny_corpus.random_tagger(seed)
    recipe = Recipe(name="tiny", architecture=architecture)
    network = build_network(recipe, tagger, tiny_corpus.tag_names(), HEADS)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for head in network.heads.modules():
            if isinstance(head, nn.Linear):
                head.weight.normal_(0, 0.02, generator=generator)
    return network.eval()


def candidate_of(model: ModelProto, variant: str = "fp32") -> Candidate:
    """Return a graph of a short window with a card, as a candidate."""
    head = {"genre": "classification", "music": "detection"}
    heads = tuple(
        Head(
            name=spec.name,
            kind=head.get(spec.name, "regression"),
            labels=spec.labels,
            temperature=1.5 if spec.labels else 1.0,
            threshold=0.5 if spec.name == "music" else None,
        )
        for spec in HEADS
    )
    card = Card(
        name="tiny",
        architecture="random",
        variant=variant,
        frontend=FrontEndConfig(),
        window_frames=FRAMES,
        hop_frames=FRAMES,
        heads=heads,
        graph=facts_of(model, model),
    )
    return Candidate(attach(model, card), card, ())


@pytest.fixture(scope="session")
def network() -> MultitaskNetwork:
    """A random network of the shipped shape."""
    return random_network()


@pytest.fixture(scope="session")
def save(network: MultitaskNetwork) -> Callable[..., Path]:
    """A function that writes a checkpoint: ``save(path, network=..., **info)``."""

    def write(path: Path, network: MultitaskNetwork = network, **changes: object) -> Path:
        values: dict = {
            "recipe": {"name": "tiny"},
            "heads": network.specs,
            "hidden_size": network.hidden[0].out_features,
            "mood_size": network.mood_hidden[0].out_features,
            "frontend": FrontEndConfig(),
            "temperature": 1.25,
            "music_threshold": 0.375,
            "scores": {"folds": {"genre/accuracy": {"value": 0.5}}},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.save(path, network, CheckpointInfo(**{**values, **changes}))
        return path

    return write


@pytest.fixture(scope="session")
def windows() -> list[np.ndarray]:
    """Eight windows as log-mel has them, each [shape=(`FRAMES`, 128)]."""
    rng = np.random.default_rng(0)
    slopes = rng.uniform(-1, 1, (8, 1, 128)).cumsum(axis=2) / 8
    return list((slopes + 0.3 * rng.standard_normal((8, FRAMES, 128))).astype(np.float32))


@pytest.fixture(scope="session")
def fp32(network: MultitaskNetwork) -> ModelProto:
    """The random network's fp32 graph, of a short window."""
    return to_onnx(network, window_frames=FRAMES, n_mels=128)


@pytest.fixture(scope="session")
def int8(fp32: ModelProto) -> ModelProto:
    """The int8 form of `fp32`."""
    return quantize(fp32)


@pytest.fixture(scope="session")
def recurrent() -> ModelProto:
    """The fp32 graph of a random network with an LSTM."""
    return to_onnx(random_network(architecture="lstm"), window_frames=FRAMES, n_mels=128)
