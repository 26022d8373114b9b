"""What a card says of where a network comes from: data, licence and notes, in words."""

from __future__ import annotations

from typing import NamedTuple

from musicedge_training.checkpoint import CheckpointInfo

_AUDIOSET = "AudioSet (through mn04_as of Schmid, Koutini and Widmer, MIT licence)"
_IMAGENET = "ImageNet (through timm's DeiT, Apache-2.0)"
_CORPUS = (
    "GTZAN (part), Emotify, 4Q Audio Emotion, Giannakopoulos' dance set, Homburg's Garageband set, "
    "EmoDB, Free Spoken Digit Dataset, ESC-10 and synthetic sounds"
)


class Provenance(NamedTuple):
    """Where a network comes from, as a card says it.

    Attributes
    ----------
    training_data, licence, notes
        In words.
    """

    training_data: str
    licence: str
    notes: str


def provenance(info: CheckpointInfo) -> Provenance:
    """Return where a checkpoint's network comes from."""
    if info.dataset == "corpus":
        return Provenance(
            f"{_AUDIOSET}, {_CORPUS}; research collections, not redistributed",
            "MIT (weights); the training collections keep their own research licences",
            "Eleven genres of Western popular and classical collections; mood is the taste of "
            "their raters. Docs: docs/models.md",
        )
    tracks = f" ({len(info.trained_on):,} tracks)" if info.trained_on else ""
    own = f"{info.dataset}{tracks}" if info.dataset else "not said in its checkpoint"
    begun, owners = _begun_as(info), "that of whoever trained it"
    return Provenance(
        f"{own}; begun from {begun}" if begun else own,
        f"{owners}; what it began from is MIT or Apache-2.0" if begun else owners,
        "Trained with musicedge; not one of the models that it ships.",
    )


def _begun_as(info: CheckpointInfo) -> str:
    """Return what the network had learned before, empty for nothing."""
    if info.recipe.get("architecture") == "ast-linear":
        return _IMAGENET if info.recipe.get("imagenet") else ""
    if info.recipe.get("start") == "shipped":
        return f"musicedge's CNN, trained on {_AUDIOSET}, {_CORPUS}"
    return _AUDIOSET
