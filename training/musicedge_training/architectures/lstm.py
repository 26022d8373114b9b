"""Recurrent networks on log-mel spectrograms: the LSTM that ships."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicedge_training.architectures.cnn import BATCH_NORM


class PooledLSTM(nn.Module):
    """The backbone: log-mel in, embedding out, by an LSTM on every eighth frame.

    A mean over pairs of frames and two convolutions over time shorten the sequence by 8 before a
    bidirectional LSTM (Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation
    1997) of two layers reads it: its steps, which cannot be done at the same time, are what an
    LSTM's time goes into.

    Parameters
    ----------
    n_mels
        Bands of the log-mel.
    channels
        Of the convolutions.
    hidden
        Units of each layer and direction.

    Notes
    -----
    Input ``(batch, 1, n_mels, time)``, output ``(batch, embedding_size)``: the mean over time of
    what the LSTM gives, then its standard deviation; any time length from 2 frames on works.
    """

    def __init__(self, n_mels: int = 128, channels: int = 160, hidden: int = 96) -> None:
        super().__init__()
        self.front = nn.Sequential(
            nn.AvgPool1d(2),
            nn.Conv1d(n_mels, channels, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(channels, **BATCH_NORM),
            nn.Hardswish(),
            nn.Conv1d(channels, channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(channels, **BATCH_NORM),
            nn.Hardswish(),
        )
        self.lstm = nn.LSTM(channels, hidden, 2, batch_first=True, bidirectional=True)
        self.embedding_size = self.final_size = 4 * hidden

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the embedding; `start` is 0, since no layer is ever left out."""
        course, _ = self.lstm(self.front(x.squeeze(1)).transpose(1, 2))
        mean = course.mean(dim=1)
        variance = (course - mean.unsqueeze(1)).square().mean(dim=1)
        return torch.cat([mean, torch.sqrt(variance + 1e-8)], dim=1)

    def final_mean(self, embedding: Tensor) -> Tensor:
        """Return what feeds the hidden layer: the embedding itself."""
        return embedding
