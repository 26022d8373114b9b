"""What the layers of a trained network do: first filters, activations, and what lies close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler, normalize
from torch import Tensor, nn

from musicedge_training.architectures.cnn import MobileNetV3
from musicedge_training.architectures.heads import MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

NEIGHBOURS = 10

_SHOWN_LAYERS = 6
_PERPLEXITY = 30.0


@dataclass(frozen=True)
class LayerMap:
    """What one layer makes of a window.

    Attributes
    ----------
    index
        Its place in the backbone.
    channels
        How many it has.
    mean : np.ndarray [shape=(bands, time)]
        The mean size of all channels, the lowest band first.
    liveliest : np.ndarray [shape=(k, bands, time)]
        The channels that vary most.
    """

    index: int
    channels: int
    mean: Float32
    liveliest: Float32


def backbone_of(network: MultitaskNetwork, name: str) -> MobileNetV3:
    """Return the backbone of a CNN.

    Raises
    ------
    CheckpointError
        The network is another; `name` is what it is called.
    """
    if not isinstance(network.backbone, MobileNetV3):
        raise CheckpointError(f"{name}: it holds no CNN; only the layers of a CNN can be shown")
    return network.backbone


def first_filters(backbone: MobileNetV3) -> Float32:
    """Return the filters of the first layer, np.ndarray [shape=(n, bands, time)].

    They see the log-mel itself: the lowest band first, time to the right.
    """
    convolution = next(part for part in backbone.features.modules() if isinstance(part, nn.Conv2d))
    weights: Float32 = convolution.weight.detach().numpy()[:, 0]
    return weights


def layer_maps(backbone: MobileNetV3, window: Float32, *, liveliest: int = 3) -> list[LayerMap]:
    """Return what layers from the first to the last make of a window.

    Parameters
    ----------
    backbone
        In evaluation mode.
    window : np.ndarray [shape=(time, n_mels)]
        A log-mel.
    liveliest
        Channels of each layer to return.
    """
    last = len(backbone.features) - 1
    shown = np.linspace(0, last, _SHOWN_LAYERS).round().astype(int).tolist()
    maps = []
    x: Tensor = torch.from_numpy(window.T.copy())[None, None]
    with torch.inference_mode():
        for index, layer in enumerate(backbone.features):
            x = layer(x)
            if index in shown:
                values: Float32 = x[0].numpy()
                order = np.argsort(-values.var(axis=(1, 2)), kind="stable")[:liveliest]
                mean = np.abs(values).mean(axis=0)
                maps.append(LayerMap(index, len(values), mean, values[order]))
    return maps


def neighbour_shares(
    embeddings: Float32, genres: Sequence[str], groups: Sequence[str]
) -> tuple[tuple[str, ...], Float64]:
    """Tell which genres lie next to each other.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, embedding)]
    genres, groups
        Each track's genre, and its artist: tracks of one artist do not count as neighbours.

    Returns
    -------
    tuple of str
        The genres, sorted.
    np.ndarray [shape=(genres, genres)]
        In each row the shares of the genres among a genre's nearest `NEIGHBOURS` tracks, by the
        cosine of standardised embeddings.
    """
    names = tuple(sorted(set(genres)))
    code = np.array([names.index(genre) for genre in genres])
    _, group = np.unique(np.array(groups), return_inverse=True)
    unit = normalize(StandardScaler().fit_transform(embeddings))
    likeness = unit @ unit.T
    likeness[group[:, np.newaxis] == group] = -np.inf
    count = min(NEIGHBOURS, len(code) - 1)
    nearest = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
    known = np.isfinite(np.take_along_axis(likeness, nearest, axis=1))
    counts = np.zeros((len(names), len(names)))
    rows = np.repeat(code, count).reshape(nearest.shape)
    np.add.at(counts, (rows[known], code[nearest[known]]), 1)
    return names, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def flat_map(embeddings: Float32) -> Float64:
    """Lay embeddings out on a plane so that neighbours stay neighbours, [shape=(n, 2)].

    References
    ----------
    Van der Maaten and Hinton, "Visualizing data using t-SNE", Journal of Machine Learning
    Research 9 (2008).
    """
    perplexity = min(_PERPLEXITY, (len(embeddings) - 1) / 3)
    flat = TSNE(init="pca", perplexity=perplexity, random_state=0)
    return np.asarray(flat.fit_transform(StandardScaler().fit_transform(embeddings)))
