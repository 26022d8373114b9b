"""The AudioSet network's first layers, as the front of networks of another kind.

A small transformer or LSTM learns little from some hours of music alone. Given maps that were
learned on AudioSet's two million clips, in place of a spectrogram, it begins with edges, onsets and
timbres. Convolutions in front also make a transformer easier to train (Xiao et al., "Early
convolutions help transformers see better", NeurIPS 2021).
"""

from __future__ import annotations

from torch import nn

from musicedge_training.architectures.cnn import MobileNetV3

EARLY_LAYERS = 13
"""How many entries of the AudioSet network's ``features`` there are in front."""

EARLY_CHANNELS = 48
"""Channels of the last of them."""

EARLY_STRIDE = 16
"""What they divide frequency and time by."""


def early_layers() -> nn.Sequential:
    """Return the layers: log-mel ``(batch, 1, n_mels, time)`` to maps.

    The maps are ``(batch, EARLY_CHANNELS, n_mels / EARLY_STRIDE, time / EARLY_STRIDE)``, the latter
    rounded up.
    """
    return MobileNetV3().features[:EARLY_LAYERS]
