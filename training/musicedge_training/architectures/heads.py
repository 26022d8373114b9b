"""Heads on a backbone: any set of classification, regression and detection outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class HeadSpec:
    """One output of a model.

    Parameters
    ----------
    name
        Such as ``"genre"``; the name of the graph's output as well.
    kind
        ``"classification"``: one logit a label; ``"regression"``: a value in [0, 1];
        ``"detection"``: a probability.
    labels
        The classes of a classification; empty for the others.
    """

    name: str
    kind: Literal["classification", "regression", "detection"]
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers the head gives."""
        return len(self.labels) if self.kind == "classification" else 1


class MultitaskNetwork(nn.Module):
    """A backbone, a shared hidden layer, and heads on both.

    Heads read the hidden layer and, beside it, the whole embedding, normalised: a genre begins as
    the pretrained network's, out of the hidden layer; a mood is often linear in the embedding.

    Parameters
    ----------
    backbone
        Log-mel ``(batch, 1, n_mels, time)`` to embedding ``(batch, backbone.embedding_size)``, of
        which the last ``backbone.final_size`` columns feed the hidden layer.
    heads
        The outputs.
    hidden_size
        Width of the shared layer.
    dropout
        Share of the heads' inputs dropped while training.
    """

    def __init__(
        self,
        backbone: nn.Module,
        heads: Sequence[HeadSpec],
        *,
        hidden_size: int = 512,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.specs = tuple(heads)
        self.backbone = backbone
        self.norm = nn.BatchNorm1d(backbone.embedding_size, affine=False)
        self.hidden = nn.Sequential(nn.Linear(backbone.final_size, hidden_size), nn.Hardswish())
        self.dropout = nn.Dropout(dropout)
        size = hidden_size + backbone.embedding_size
        self.heads = nn.ModuleDict({head.name: nn.Linear(size, head.size) for head in heads})

    def hidden_of(self, embedding: Tensor) -> Tensor:
        """Return the hidden layer's output for an embedding, ``(batch, hidden_size)``."""
        return self.hidden(embedding[:, -self.backbone.final_size :])

    def logits(self, embedding: Tensor) -> dict[str, Tensor]:
        """Return every head's numbers before sigmoid or softmax, ``(batch, size)``.

        Parameters
        ----------
        embedding : Tensor [shape=(batch, embedding_size)]
        """
        joined = torch.cat([self.hidden_of(embedding), self.norm(embedding)], dim=1)
        return {name: head(self.dropout(joined)) for name, head in self.heads.items()}

    def forward(self, logmel: Tensor) -> dict[str, Tensor]:
        """Return the outputs of the exported graph for log-mel ``(batch, time, n_mels)``.

        Classifications are logits ``(batch, classes)``; the others are ``(batch,)`` in [0, 1].
        """
        logits = self.logits(self.backbone(logmel.transpose(1, 2).unsqueeze(1)))
        return {
            spec.name: logits[spec.name]
            if spec.kind == "classification"
            else torch.sigmoid(logits[spec.name]).squeeze(1)
            for spec in self.specs
        }
