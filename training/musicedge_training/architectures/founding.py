"""The networks of the founding study: an LSTM that reads every frame, and a CNN of four blocks.

Both take frames ``(batch, time, features)`` and how many of each are there, and give an embedding
``(batch, embedding_size)``; `FoundingNetwork` puts heads on one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class FoundingLSTM(nn.Module):
    """Reads the frames in order and gives what the last layer holds after the last valid one.

    Parameters
    ----------
    features
        Of a frame.
    hidden
        Units of each layer.
    layers
        One or two.
    dropout
        Share of the units dropped between the layers while training.
    """

    def __init__(
        self, features: int, hidden: int = 64, layers: int = 2, dropout: float = 0.3
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True, dropout=between)
        self.embedding_size = hidden

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the embedding; frames from an example's length on change nothing."""
        packed = pack_padded_sequence(frames, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(packed)
        return last[-1]


class FoundingCNN(nn.Module):
    """Four blocks of convolution, batch normalisation, ReLU and pooling; the mean over time.

    Parameters
    ----------
    features
        Of a frame; as few as the 12 of chroma will do.
    channels
        Of each block.
    """

    def __init__(self, features: int, channels: Sequence[int] = (8, 16, 32, 64)) -> None:
        super().__init__()
        blocks = []
        for before, after in zip((1, *channels), channels, strict=False):
            blocks += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
        self.blocks = nn.Sequential(*blocks)
        self._shrink = 2 ** len(channels)
        self.embedding_size = channels[-1] * -(-features // self._shrink)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the embedding: the mean over the columns that hold a valid frame."""
        maps = self.blocks(frames.unsqueeze(1))  # (batch, channels, time / 16, features / 16)
        columns = torch.div(lengths + self._shrink - 1, self._shrink, rounding_mode="floor")
        valid = torch.arange(maps.shape[2], device=maps.device) < columns[:, None]
        total = (maps * valid[:, None, :, None]).sum(dim=2)
        return (total / columns[:, None, None]).flatten(1)


class FoundingNetwork(nn.Module):
    """One of the two backbones with linear heads, on features in their own units.

    Parameters
    ----------
    backbone
        A `FoundingLSTM` or `FoundingCNN`.
    heads
        By name, how many outputs: the classes of a genre, 1 for a mood.
    mean, deviation : Tensor [shape=(features,)]
        Of the frames that are trained on; what is read is standardised by them.
    dropout
        Share of the embedding dropped while training.
    """

    def __init__(
        self,
        backbone: FoundingLSTM | FoundingCNN,
        heads: Mapping[str, int],
        mean: Tensor,
        deviation: Tensor,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(backbone.embedding_size, size) for name, size in heads.items()}
        )
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, frames: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Return each head's outputs, ``(batch, size)``.

        Parameters
        ----------
        frames : Tensor [shape=(batch, time, features)]
            Padded with anything behind an example's length.
        lengths : Tensor [shape=(batch,)]
            Frames of each example, at least 1.
        """
        valid = torch.arange(frames.shape[1], device=frames.device) < lengths[:, None]
        standard = (frames - self.mean) / self.deviation * valid[..., None]
        embedding = self.dropout(self.backbone(standard, lengths))
        return {name: head(embedding) for name, head in self.heads.items()}
