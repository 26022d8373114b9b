"""What a training begins with: the heads that its labels call for, on the AudioSet network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from musicedge.errors import MusicedgeError
from musicedge_training.architectures.backbones import build_backbone
from musicedge_training.architectures.cnn import AudioTagger, MobileNetV3
from musicedge_training.architectures.heads import HeadSpec, LabelSource, MultitaskNetwork
from musicedge_training.datasets.track import MOODS
from musicedge_training.labels import REFERENCE_SOURCES, Labels
from musicedge_training.recipe import Recipe
from musicedge_training.shipped import start_from_shipped

# The AudioSet class that each output of ours starts from, by its index in the published label list.
TAGS = {
    "blues": "Blues",
    "classical": "Classical music",
    "country": "Country",
    "disco": "Disco",
    "electronic": "Electronic music",
    "hiphop": "Hip hop music",
    "jazz": "Jazz",
    "metal": "Heavy metal",
    "pop": "Pop music",
    "reggae": "Reggae",
    "rock": "Rock music",
    "music": "Music",
}


_IMAGE_NETWORK = "deit_tiny_patch16_224.fb_in1k"


class StartError(MusicedgeError):
    """The weights that a training is to begin with cannot be had."""


def heads_for(labels: Labels) -> tuple[HeadSpec, ...]:
    """Return the heads for tracks with some labels: genre, the moods, and music or not.

    What no track has a label of gets no head. A mood has the sources whose labels differ from each
    other, the reference first.
    """
    heads = [HeadSpec("genre", "classification", labels.names)] if labels.genres.any() else []
    for mood in MOODS:
        sources = _sources(labels, mood)
        if sources:
            heads.append(HeadSpec(mood, "regression", sources=sources))
    return (*heads, HeadSpec("music", "detection"))


def _sources(labels: Labels, mood: str) -> tuple[LabelSource, ...]:
    column, reference = MOODS.index(mood), REFERENCE_SOURCES[mood]
    found = []
    for index, name in enumerate(labels.sources):
        mask = labels.mood_known[:, column] & (labels.mood_source[:, column] == index)
        values = labels.moods[mask, column].astype(float)
        if len(values) and values.std() > 0:
            found.append(LabelSource(name, float(values.mean()), float(values.std())))
    return tuple(sorted(found, key=lambda source: source.name != reference))


def build_network(
    recipe: Recipe, tagger: AudioTagger, tags: Sequence[str], heads: Sequence[HeadSpec]
) -> MultitaskNetwork:
    """Return a network whose layers and heads start from the AudioSet network.

    Of another architecture only the first layers do, if it has them, and the heads: they read a
    hidden layer that learns to be the AudioSet network's.

    Parameters
    ----------
    recipe
        Its architecture, dropout and widths are what the network gets.
    tagger
        The AudioSet network.
    tags
        The names of the AudioSet network's outputs, in order. Music, and the genres that it knows,
        begin as its outputs of the same meaning, so that training starts from what it knows.
    heads
        What `heads_for` gives.

    Raises
    ------
    ValueError
        `tags` lacks one of the outputs that ours start from.
    """
    backbone = build_backbone(recipe.architecture)
    network = MultitaskNetwork(
        backbone,
        heads,
        hidden_size=tagger.hidden_size,
        mood_size=recipe.mood_size,
        dropout=recipe.dropout,
    )
    early = backbone.features
    early.load_state_dict(tagger.features[: len(early)].state_dict())
    if recipe.imagenet:
        start_from_imagenet(backbone)
    if isinstance(backbone, MobileNetV3):
        network.hidden[0].load_state_dict(tagger.classifier[2].state_dict())
    last = tagger.classifier[5]
    outputs = {spec.name: spec.labels or (spec.name,) for spec in heads if not spec.sources}
    with torch.no_grad():
        for name, labels in outputs.items():
            head = network.heads[name]
            head.weight.zero_()
            head.bias.zero_()
            for row, label in enumerate(labels):
                if label in TAGS:  # a genre of the user's own begins as nothing
                    tag = tags.index(TAGS[label])
                    head.weight[row, : tagger.hidden_size] = last.weight[tag]
                    head.bias[row] = last.bias[tag]
        if recipe.start == "shipped":
            start_from_shipped(network, outputs.get("genre", ()))
    return network


def start_from_imagenet(backbone: nn.Module) -> None:
    """Give an ``ast-linear`` the weights of DeiT, trained on ImageNet, which timm fetches.

    Raises
    ------
    StartError
        The weights cannot be had.
    """
    import timm

    from musicedge_training.architectures.ast import start_from_image_network

    try:
        image = timm.create_model(_IMAGE_NETWORK, pretrained=True)
    except Exception as error:  # whatever the hub's client raises
        reason = " ".join(str(error).split())[:200]
        raise StartError(
            f"{_IMAGE_NETWORK}: ImageNet weights cannot be fetched: {reason}; put them into the "
            "cache of Hugging Face's hub, or set imagenet = false to start from nothing and learn "
            "from a teacher"
        ) from error
    start_from_image_network(backbone, image)
