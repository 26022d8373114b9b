"""Recurrent networks on log-mel spectrograms: the LSTM that ships."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicedge_training.architectures.early import (
    EARLY_CHANNELS,
    EARLY_LAYERS,
    EARLY_STRIDE,
    early_layers,
)


class PooledLSTM(nn.Module):
    """The backbone: log-mel in, embedding out, by an LSTM on every sixteenth frame.

    The AudioSet network's first layers shorten the sequence by 16 before a bidirectional LSTM
    (Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 1997) of two layers
    reads it: its steps, which cannot be done at the same time, are what an LSTM's time goes into.

    Parameters
    ----------
    n_mels
        Bands of the log-mel.
    inputs
        Size of what the LSTM reads at a step: all bands' maps, projected.
    hidden
        Units of each layer and direction.
    dropout
        Share of the LSTM's inputs, and of what goes from its first layer to its second, that is
        dropped while training.

    Notes
    -----
    Input ``(batch, 1, n_mels, time)``, output ``(batch, embedding_size)``: the mean over time of
    what the LSTM gives, then its standard deviation; any time length works.
    """

    def __init__(
        self, n_mels: int = 128, inputs: int = 128, hidden: int = 80, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.features = early_layers()
        bands = n_mels // EARLY_STRIDE
        self.project = nn.Sequential(
            nn.Linear(EARLY_CHANNELS * bands, inputs), nn.Hardswish(), nn.Dropout(dropout)
        )
        self.lstm = nn.LSTM(
            inputs, hidden, 2, batch_first=True, bidirectional=True, dropout=dropout
        )
        self.embedding_size = self.final_size = 4 * hidden

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the embedding; `x` is what the first `start` layers of ``features`` give."""
        x = self.features[start:EARLY_LAYERS](x)
        steps = x.permute(0, 3, 1, 2).flatten(2)
        course, _ = self.lstm(self.project(steps))
        mean = course.mean(dim=1)
        variance = (course - mean.unsqueeze(1)).square().mean(dim=1)
        return torch.cat([mean, torch.sqrt(variance + 1e-6)], dim=1)

    def final_mean(self, embedding: Tensor) -> Tensor:
        """Return what feeds the hidden layer: the embedding itself."""
        return embedding
