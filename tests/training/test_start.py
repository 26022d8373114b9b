"""What a training begins with: heads from the labels, weights from the AudioSet network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.tiny_corpus import every_head, tag_names

from musicedge import bundle
from musicedge.session import Session
from musicedge_training.architectures.cnn import AudioTagger
from musicedge_training.architectures.heads import HeadSpec, LabelSource
from musicedge_training.architectures.lstm import PooledLSTM
from musicedge_training.datasets.track import MOODS, MoodLabel, Track
from musicedge_training.labels import Labels
from musicedge_training.recipe import Recipe
from musicedge_training.shipped import shipped_card, shipped_tagger
from musicedge_training.start import TAGS, StartError, build_network, heads_for

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
    # No track has a genre or a danceability, and a single arousal tells no scale.
    assert list(heads) == ["valence", "music"]
    rated, words = heads["valence"].sources
    assert rated == LabelSource("rated", 0.5, 0.25)
    assert words.name == "mood-words"
    assert words.mean == pytest.approx(0.6)
    assert words.deviation == pytest.approx(0.1)


def test_labels_of_every_kind_give_every_head() -> None:
    assert [head.name for head in every_head()] == ["genre", *MOODS, "music"]


def test_source_takes_the_place_of_a_missing_reference() -> None:
    labels = labels_of(*({"arousal": MoodLabel(value, "gems")} for value in (0.2, 0.4)))
    sources = heads_for(labels)[0].sources
    assert [source.name for source in sources] == ["gems"]


def test_network_starts_from_the_tags_of_the_same_meaning(tagger: AudioTagger) -> None:
    network = build_network(RECIPE, tagger, tag_names(), every_head()).eval()
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
    network = build_network(recipe, tagger, tag_names(), every_head()).eval()
    assert isinstance(network.backbone, PooledLSTM)
    with torch.inference_mode():
        outputs = network(torch.randn(2, 40, 128))
    assert list(outputs) == ["genre", *MOODS, "music"]


def test_genres_of_ones_own_begin_as_nothing(tagger: AudioTagger) -> None:
    heads = (HeadSpec("genre", "classification", ("rock", "ska")), HeadSpec("music", "detection"))
    network = build_network(RECIPE, tagger, tag_names(), heads)
    rock, ska = network.heads["genre"].weight
    assert rock.any()
    assert not ska.any()


def test_shipped_network_goes_on_where_it_is() -> None:
    tagger = shipped_tagger()
    recipe = Recipe(
        name="mine", start="shipped", frozen_blocks=17, tagging_weight=0, anchor_weight=0
    )
    labels = shipped_card().head("genre").labels
    heads = (
        HeadSpec("genre", "classification", ("ska", *labels)),
        HeadSpec("music", "detection"),
    )
    network = build_network(recipe, tagger, list(TAGS.values()), heads).eval()
    session = Session(bundle.open("cnn", "fp32"), "cpu", 1)
    window = np.random.default_rng(0).standard_normal(session.window_shape).astype(np.float32)
    expected = session.run([window])
    with torch.inference_mode():
        outputs = network(torch.from_numpy(window[None]))
    torch.testing.assert_close(
        outputs["genre"][:, 1:], torch.from_numpy(expected["genre"]), atol=1e-3, rtol=1e-3
    )
    torch.testing.assert_close(
        outputs["music"], torch.from_numpy(expected["music"]), atol=1e-4, rtol=1e-3
    )
    assert not outputs["genre"][:, 0].any()


def test_weights_that_cannot_be_fetched_are_said_to_be(
    tagger: AudioTagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, pretrained: bool) -> None:
        raise OSError("no route\nto the hub")

    monkeypatch.setattr("timm.create_model", refuse)
    recipe = Recipe(name="mine", architecture="ast-linear", frozen_blocks=0, imagenet=True)
    with pytest.raises(StartError, match=r"deit_tiny.*no route to the hub.*imagenet = false"):
        build_network(recipe, tagger, tag_names(), every_head())


def test_unknown_tags_are_an_error(tagger: AudioTagger) -> None:
    tags = [f"tag {number}" for number in range(527)]
    with pytest.raises(ValueError, match="Blues"):
        build_network(RECIPE, tagger, tags, every_head())
