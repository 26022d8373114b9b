"""Our own network without our code: what a researcher's script does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge.card import Card
from musicedge.cli.rooms import tool
from musicedge.session import INPUT
from musicedge_benchmarks.frontend_speed import librosa_mel
from musicedge_benchmarks.peers.peer import Material, NotGiven, Peer, Work

Float32 = NDArray[np.float32]


def librosa_windows(clip: Path, card: Card) -> Float32:
    """Return a model's windows as a script with librosa makes them.

    librosa has HTK's scale, which is Kaldi's with triangles that are linear in Hz: the features are
    near those that the network was trained on, and not the same.

    Returns
    -------
    np.ndarray [shape=(n, window_frames, n_mels)]
        Whole windows, one after the other; a shorter clip is repeated to fill one.
    """
    import librosa

    config = card.frontend
    samples, _ = librosa.load(clip, sr=config.sample_rate, mono=True)
    if config.preemphasis:
        samples = librosa.effects.preemphasis(samples, coef=config.preemphasis)
    mel = librosa_mel(samples, config).T
    if config.logarithm == "ln":
        logarithm = np.log(mel + config.log_offset)
    else:
        logarithm = 10 * np.log10(np.maximum(mel, config.log_offset))
    frames = (logarithm - config.mean) / config.scale
    count = max(1, len(frames) // card.window_frames)
    return np.resize(frames, (count, card.window_frames, config.n_mels)).astype(np.float32)


def genre_of(logits: Float32, card: Card) -> str:
    """Return the genre of which windows with these logits, [shape=(n, labels)], say most."""
    head = card.head("genre")
    if head is None:
        return ""
    logits = logits / head.temperature
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    return head.labels[int((scores / scores.sum(axis=1, keepdims=True)).mean(axis=0).argmax())]


def onnx_session(model: bytes | str) -> Any:
    """Open a graph as it comes, on one thread of the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _onnxruntime(material: Material) -> Work:
    session = onnx_session(material.bundle.data)
    card = material.model.card

    def work() -> object:
        outputs = session.run(["genre"], {INPUT: librosa_windows(material.clip, card)})
        return genre_of(outputs[0], card)

    return work


def _torch(compiled: bool) -> Callable[[Material], Work]:
    def prepare(material: Material) -> Work:
        import torch

        if material.checkpoint is None:
            raise NotGiven("name the network's weights with --checkpoint FILE")
        torch.set_num_threads(1)
        network, info = tool("checkpoint", "train")(material.checkpoint)
        card = material.model.card
        if info.frontend != card.frontend:
            raise NotGiven(f"{material.checkpoint}: its front-end is not that of {card.name}")
        run = torch.compile(network) if compiled else network

        def work() -> object:
            windows = torch.from_numpy(librosa_windows(material.clip, card))
            with torch.inference_mode():
                return genre_of(run(windows)["genre"].numpy(), card)

        return work

    return prepare


SAME_NETWORK = (
    Peer("onnxruntime, librosa", ("librosa",), "pip install librosa", _onnxruntime),
    Peer(
        "torch eager, librosa",
        ("torch", "librosa"),
        "pip install 'musicedge[train]' librosa",
        _torch(compiled=False),
    ),
    Peer(
        "torch.compile, librosa",
        ("torch", "librosa"),
        "pip install 'musicedge[train]' librosa",
        _torch(compiled=True),
    ),
)
