"""The backbones by name: what a recipe and a checkpoint call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from musicedge_training.architectures.cnn import POOLING, MobileNetV3
from musicedge_training.architectures.lstm import PooledLSTM


def _ast() -> nn.Module:
    from musicedge_training.architectures.ast import shipped_ast  # timm is slow to import

    return shipped_ast()


def _linear_ast() -> nn.Module:
    from musicedge_training.architectures.ast import linear_ast

    return linear_ast()


BACKBONES: Mapping[str, Callable[[], nn.Module]] = {
    "cnn": partial(MobileNetV3, pooling=POOLING),
    "lstm": PooledLSTM,
    "ast": _ast,
    "ast-linear": _linear_ast,
}


def build_backbone(architecture: str) -> nn.Module:
    """Return a backbone of random weights.

    It takes log-mel ``(batch, 1, n_mels, time)`` and gives an embedding ``(batch,
    embedding_size)``; its ``final_mean`` of that, ``(batch, final_size)``, feeds the hidden layer.
    Its ``features``, which may be empty, are the AudioSet network's first layers.

    Raises
    ------
    ValueError
        There is no architecture of that name.
    """
    if architecture not in BACKBONES:
        known = " and ".join(BACKBONES)
        raise ValueError(f"architecture is {architecture!r}: known are {known}")
    return BACKBONES[architecture]()
