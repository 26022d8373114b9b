"""A model that was made and verified, and not written yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onnx import ModelProto

from musicedge.card import Card
from musicedge_export.verify import Difference


@dataclass(frozen=True)
class Candidate:
    """One variant of a model.

    Attributes
    ----------
    model
        The graph, which carries the card.
    card
        The card.
    differences
        From what it was made of, on real windows.
    scores
        Of a checkpoint's variant, on tracks that the network of each fold did not hear, empty where
        there are no folds; of one that was made of a model file, on the tracks that were given.
    """

    model: ModelProto
    card: Card
    differences: tuple[Difference, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
