"""MobileNetV3 on log-mel spectrograms: the CNN that ships.

The backbone is MobileNetV3-Large (Howard et al., "Searching for MobileNetV3", ICCV 2019) with the
changes of Schmid, Koutini and Widmer ("Efficient large-scale audio tagging via transformer-to-CNN
knowledge distillation", ICASSP 2023): one input channel, squeeze-excite after the activation and
with a plain sigmoid. At width 0.4 its tensor names are those of the published AudioSet network
``mn04_as``, so that its weights load strictly.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

LAYERS = 17
"""Entries of a backbone's ``features``."""

BATCH_NORM = {"eps": 1e-3, "momentum": 0.01}


class Pooling(NamedTuple):
    """What an embedding is made of, in this order; layers are entries of ``features``, ascending.

    Attributes
    ----------
    means
        Layers of which the mean over frequency and time is taken.
    deviations
        Layers of whose mean over frequency the standard deviation over time is taken.
    bands
        In how many bands of frequency the last layer's mean over time is taken: 1, or as many rows
        as its map has, ``n_mels / 32``.
    """

    means: tuple[int, ...] = ()
    deviations: tuple[int, ...] = ()
    bands: int = 1


FINAL_MEAN = Pooling()
"""Tagging's: the last layer's mean alone."""

POOLING = Pooling(means=(6, 8, 10, 12, 13, 14, 15), deviations=(8, 10, 12, 14, 15, 16), bands=4)
"""The shipped CNN's; docs/models.md has the comparison."""


class BlockSpec(NamedTuple):
    """One row of the paper's table 1, before the width multiplier.

    Attributes
    ----------
    kernel
        Side of the depthwise convolution.
    expanded, out
        Channels inside the block, and after it.
    squeeze_excite
        Whether the block has a `SqueezeExcite`.
    hard_swish
        Whether its activation is hard-swish, else ReLU.
    stride
        Of the depthwise convolution, in both directions.
    """

    kernel: int
    expanded: int
    out: int
    squeeze_excite: bool
    hard_swish: bool
    stride: int


# Table 1 of the paper: MobileNetV3-Large.
LARGE = (
    BlockSpec(3, 16, 16, False, False, 1),
    BlockSpec(3, 64, 24, False, False, 2),
    BlockSpec(3, 72, 24, False, False, 1),
    BlockSpec(5, 72, 40, True, False, 2),
    BlockSpec(5, 120, 40, True, False, 1),
    BlockSpec(5, 120, 40, True, False, 1),
    BlockSpec(3, 240, 80, False, True, 2),
    BlockSpec(3, 200, 80, False, True, 1),
    BlockSpec(3, 184, 80, False, True, 1),
    BlockSpec(3, 184, 80, False, True, 1),
    BlockSpec(3, 480, 112, True, True, 1),
    BlockSpec(3, 672, 112, True, True, 1),
    BlockSpec(5, 672, 160, True, True, 2),
    BlockSpec(5, 960, 160, True, True, 1),
    BlockSpec(5, 960, 160, True, True, 1),
)


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round a channel count to a multiple of `divisor`, never more than 10 % down."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def conv_bn_act(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    act: type[nn.Module],
) -> nn.Sequential:
    """Return convolution, batch norm and activation (``nn.Identity`` for none)."""
    padding = (kernel - 1) // 2
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, **BATCH_NORM),
    ]
    if act is not nn.Identity:
        layers.append(act(inplace=True))
    return nn.Sequential(*layers)


class ChannelGate(nn.Module):
    """The two linear layers of a squeeze-excite: means to gates, both ``(batch, channels)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = make_divisible(channels // 4)
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))


class SqueezeExcite(nn.Module):
    """Scale channels of ``(batch, channels, n_mels, time)`` by gates in [0, 1].

    The gates are computed from the channels' means over frequency and time.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([ChannelGate(channels)])

    def forward(self, x: Tensor) -> Tensor:
        gates = self.conc_se_layers[0](x.mean(dim=(2, 3)))
        return x * gates[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expand, filter each channel, squeeze-excite, project; add the input where shapes agree.

    Parameters
    ----------
    spec
        The block's row of the table.
    inputs
        Channels of the input, as they are.
    width
        Multiplier of the channel counts in `spec`.
    """

    def __init__(self, spec: BlockSpec, inputs: int, width: float) -> None:
        super().__init__()
        expanded = make_divisible(spec.expanded * width)
        self.out_channels = make_divisible(spec.out * width)
        self.residual = spec.stride == 1 and inputs == self.out_channels
        act = nn.Hardswish if spec.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != inputs:
            layers.append(conv_bn_act(inputs, expanded, 1, act=act))
        layers.append(
            conv_bn_act(
                expanded, expanded, spec.kernel, stride=spec.stride, groups=expanded, act=act
            )
        )
        if spec.squeeze_excite:
            layers.append(SqueezeExcite(expanded))
        layers.append(conv_bn_act(expanded, self.out_channels, 1, act=nn.Identity))
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        return x + y if self.residual else y


class MobileNetV3(nn.Module):
    """The backbone: log-mel in, embedding out.

    Parameters
    ----------
    width
        Multiplier of every channel count.
    pooling
        What the embedding is made of. The last layer's mean alone is what tagging uses; earlier
        layers keep what it has already thrown away, such as timbre and energy (Schmid, Koutini,
        Widmer, "Low-complexity audio embedding extractors", EUSIPCO 2023).

    Notes
    -----
    Input ``(batch, 1, n_mels, time)``, output ``(batch, embedding_size)``; any time length works.
    """

    def __init__(self, width: float = 0.4, pooling: Pooling = FINAL_MEAN) -> None:
        super().__init__()
        channels = [make_divisible(16 * width)]
        layers: list[nn.Module] = [conv_bn_act(1, channels[0], 3, stride=2, act=nn.Hardswish)]
        for spec in LARGE:
            block = InvertedResidual(spec, channels[-1], width)
            layers.append(block)
            channels.append(block.out_channels)
        channels.append(6 * channels[-1])
        layers.append(conv_bn_act(channels[-2], channels[-1], 1, act=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.pooling = pooling
        self.final_size = channels[-1]
        self.embedding_size = self.final_size * pooling.bands + sum(
            channels[index] for index in (*pooling.means, *pooling.deviations)
        )

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the embedding; `x` is what the layers before `start` give.

        `start` is at most one more than the first pooled layer.
        """
        means, deviations = [], []
        for index in range(start - 1, len(self.features)):
            if index >= start:
                x = self.features[index](x)
            if index in self.pooling.means:
                means.append(x.mean(dim=(2, 3)))
            if index in self.pooling.deviations:
                deviations.append(deviation_over_time(x))
        final = x.mean(dim=3) if self.pooling.bands > 1 else x.mean(dim=(2, 3))
        return torch.cat([*means, *deviations, final.flatten(1)], dim=1)

    def final_mean(self, embedding: Tensor) -> Tensor:
        """Return the last layer's mean over frequency and time, ``(batch, final_size)``."""
        bands = self.pooling.bands
        last = embedding[:, -self.final_size * bands :]
        # Not unflatten, which becomes a computed shape in an exported graph.
        return last.reshape(-1, self.final_size, bands).mean(dim=2)


def deviation_over_time(x: Tensor) -> Tensor:
    """Return how much the mean over frequency of ``(batch, channels, n_mels, time)`` changes.

    Returns
    -------
    Tensor [shape=(batch, channels)]
        The standard deviation over time; a trace above 0 where nothing changes, so that its
        gradient is finite.
    """
    course = x.mean(dim=2)
    variance = (course - course.mean(dim=2, keepdim=True)).square().mean(dim=2)
    return torch.sqrt(variance + 1e-8)


class AudioTagger(MobileNetV3):
    """The backbone with the published tagging classifier on it: log-mel in, class logits out.

    Input ``(batch, 1, n_mels, time)``, output ``(batch, classes)``. The classifier has a hidden
    layer, which the project's own hidden layer starts from.

    Parameters
    ----------
    width
        Multiplier of every channel count of the backbone.
    classes
        How many tags there are.
    hidden_size
        Width of the classifier's hidden layer.
    """

    def __init__(self, width: float = 0.4, classes: int = 527, hidden_size: int = 512) -> None:
        super().__init__(width)
        self.hidden_size = hidden_size
        # The published names of the two linear layers are classifier.2 and classifier.5.
        self.classifier = nn.Sequential(
            nn.Identity(),
            nn.Identity(),
            nn.Linear(self.embedding_size, hidden_size),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(hidden_size, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(super().forward(x))


def load_audio_tagger(path: str | Path) -> AudioTagger:
    """Load the published AudioSet network, strictly, in evaluation mode.

    Parameters
    ----------
    path
        Its safetensors file.

    Raises
    ------
    OSError, safetensors.SafetensorError
        The file cannot be read, or is no safetensors file.
    RuntimeError
        The tensors' names or shapes differ from the network's.
    """
    tagger = AudioTagger()
    tagger.load_state_dict(load_file(path))
    return tagger.eval()
