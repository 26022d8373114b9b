"""The shipped CNN as a network to go on training: what a fine-tuning begins with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from musicedge import bundle
from musicedge.card import Card
from musicedge_training.architectures.cnn import AudioTagger
from musicedge_training.architectures.heads import MultitaskNetwork

MODEL = "cnn"
_PREFIX = "_network."
_COPIED = ("norm.", "hidden.", "hidden_norm.", "mood_hidden.", "heads.music.")


def shipped_card() -> Card:
    """Return the card of the shipped CNN."""
    return bundle.open(MODEL, "fp32").card


@cache
def shipped_tensors() -> dict[str, Tensor]:
    """Return the weights of the shipped CNN by their names in the network.

    Its batch norms are folded into its convolutions.

    Raises
    ------
    ModelTampered
        The installed file is not the one that was shipped.
    """
    model = onnx.load_from_string(bundle.open(MODEL, "fp32").data)
    return {
        tensor.name.removeprefix(_PREFIX): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
        if tensor.name.startswith(_PREFIX)
    }


def shipped_tagger() -> AudioTagger:
    """Return the AudioSet network as far as the shipped CNN holds it: all but its tags.

    Its outputs are all 0.
    """
    tensors = shipped_tensors()
    tagger = AudioTagger()
    _unfold(tagger.features, "backbone.features", tensors)
    with torch.no_grad():
        tagger.classifier[2].weight.copy_(tensors["hidden.0.weight"])
        tagger.classifier[2].bias.copy_(tensors["hidden.0.bias"])
        tagger.classifier[5].weight.zero_()
        tagger.classifier[5].bias.zero_()
    return tagger.eval()


def start_from_shipped(network: MultitaskNetwork, genres: Sequence[str]) -> None:
    """Copy what is shared with the shipped CNN into a CNN: all but the moods' outputs.

    Genres of the same name begin as its own; others begin as nothing.

    Parameters
    ----------
    network
        A CNN as `musicedge_training.start.build_network` gives it.
    genres
        The labels of its genre head; may be empty.
    """
    tensors = shipped_tensors()
    own = network.state_dict()
    for name, tensor in tensors.items():
        if name.startswith(_COPIED) and name in own and own[name].shape == tensor.shape:
            own[name].copy_(tensor)
    known = shipped_card().head("genre")
    labels = known.labels if known is not None else ()
    for row, genre in enumerate(genres):
        if genre in labels:
            place = labels.index(genre)
            for part in ("weight", "bias"):
                own[f"heads.genre.{part}"][row].copy_(tensors[f"heads.genre.{part}"][place])


def _unfold(module: nn.Module, path: str, tensors: dict[str, Tensor]) -> None:
    """Give layers the weights that a graph has, each batch norm doing nothing but add a bias."""
    children = dict(module.named_children())
    for name, child in children.items():
        inner = f"{path}.{name}"
        if isinstance(child, nn.Conv2d):
            norm = children[str(int(name) + 1)]
            with torch.no_grad():
                child.weight.copy_(tensors[f"{inner}.weight"])
                norm.running_mean.zero_()
                norm.running_var.fill_(1.0)
                norm.weight.fill_((1.0 + norm.eps) ** 0.5)
                norm.bias.copy_(tensors[f"{inner}.bias"])
        elif isinstance(child, nn.Linear):
            with torch.no_grad():
                child.weight.copy_(tensors[f"{inner}.weight"])
                child.bias.copy_(tensors[f"{inner}.bias"])
        else:
            _unfold(child, inner, tensors)
