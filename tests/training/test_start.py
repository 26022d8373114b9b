"""What a training begins with: heads from the labels, weights from the AudioSet network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training.tiny_corpus import tag_names

from musicedge_training.architectures.cnn import AudioTagger
from musicedge_training.architectures.heads import LabelSource
from musicedge_training.architectures.lstm import PooledLSTM
from musicedge_training.datasets.track import MOODS, MoodLabel, Track
from musicedge_training.labels import Labels
from musicedge_training.recipe import Recipe
from musicedge_training.start import build_network, heads_for

RECIPE = Recipe(name="quick", mood_size=7)


def labels_of(*moods: dict[str, MoodLabel]) -> Labels:
    return Labels.of(
        [
            Track(str(row), Path("none"), "music", "c", str(row), 0, moods=labels)
            for row, labels in enumerate(moods)
        ]
    )


def test_heads_have_the_sources_of_the_labels_the_reference_first() -> None:
    labels = labels_of(
        *({"valence": MoodLabel(value, "mood-words")} for value in (0.5, 0.7)),
        *({"valence": MoodLabel(value, "rated")} for value in (0.25, 0.75)),
        {"arousal": MoodLabel(0.5, "echonest")},
    )
    heads = {head.name: head for head in heads_for(labels)}
    assert list(heads) == ["genre", *MOODS, "music"]
    rated, words = heads["valence"].sources
    assert rated == LabelSource("rated", 0.5, 0.25)
    assert words.name == "mood-words"
    assert words.mean == pytest.approx(0.6)
    assert words.deviation == pytest.approx(0.1)
    # One label, or none, tells no scale.
    assert [source.name for source in heads["arousal"].sources] == ["rated"]
    assert [source.name for source in heads["danceability"].sources] == ["echonest"]


def test_source_takes_the_place_of_a_missing_reference() -> None:
    labels = labels_of(*({"arousal": MoodLabel(value, "gems")} for value in (0.2, 0.4)))
    sources = heads_for(labels)[1 + MOODS.index("arousal")].sources
    assert [source.name for source in sources] == ["gems"]


def test_network_starts_from_the_tags_of_the_same_meaning(tagger: AudioTagger) -> None:
    network = build_network(RECIPE, tagger, tag_names(), heads_for(labels_of())).eval()
    x = torch.randn(2, 40, 128)
    with torch.inference_mode():
        tags = tagger(x.mT[:, None])
        outputs = network(x)
    names = tag_names()
    torch.testing.assert_close(outputs["genre"][:, 0], tags[:, names.index("Blues")])
    torch.testing.assert_close(outputs["music"], torch.sigmoid(tags[:, names.index("Music")]))
    assert network.mood_hidden[0].out_features == 7


def test_network_of_another_architecture_has_the_same_heads(tagger: AudioTagger) -> None:
    recipe = Recipe(name="quick", architecture="lstm", frozen_blocks=0)
    network = build_network(recipe, tagger, tag_names(), heads_for(labels_of())).eval()
    assert isinstance(network.backbone, PooledLSTM)
    with torch.inference_mode():
        outputs = network(torch.randn(2, 40, 128))
    assert list(outputs) == ["genre", *MOODS, "music"]


def test_unknown_tags_are_an_error(tagger: AudioTagger) -> None:
    tags = [f"tag {number}" for number in range(527)]
    with pytest.raises(ValueError, match="Blues"):
        build_network(RECIPE, tagger, tags, heads_for(labels_of()))
