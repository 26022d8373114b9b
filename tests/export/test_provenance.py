"""A card says what its own network was trained on, not what the shipped ones were."""

from __future__ import annotations

import pytest

from musicedge.frontend_config import FrontEndConfig
from musicedge_export.provenance import Provenance, provenance
from musicedge_training.checkpoint import CheckpointInfo


def of(dataset: str, tracks: int = 0, **recipe: object) -> Provenance:
    info = CheckpointInfo(
        recipe=recipe,
        heads=(),
        hidden_size=1,
        mood_size=1,
        frontend=FrontEndConfig(),
        dataset=dataset,
        trained_on=tuple(map(str, range(tracks))),
    )
    return provenance(info)


@pytest.mark.parametrize(
    ("recipe", "begun"),
    [
        ({"start": "shipped"}, "; begun from musicedge's CNN, trained on AudioSet"),
        ({"architecture": "lstm"}, "; begun from AudioSet (through mn04_as"),
        ({"architecture": "ast-linear", "imagenet": True}, "; begun from ImageNet"),
    ],
)
def test_own_music_is_named_with_what_the_network_began_as(
    recipe: dict[str, object], begun: str
) -> None:
    found = of("music", 1200, **recipe)
    assert found.training_data.startswith(f"music (1,200 tracks){begun}")
    assert found.licence.startswith("that of whoever trained it; ")
    assert "not one of the models that it ships" in found.notes


def test_network_from_nothing_owes_nothing() -> None:
    found = of("music", 3, architecture="ast-linear")
    assert found.training_data == "music (3 tracks)"
    assert found.licence == "that of whoever trained it"


def test_the_shipped_networks_collections_and_licences_are_named() -> None:
    found = of("corpus", 1500)
    assert found.training_data.startswith("AudioSet (through mn04_as")
    assert "Emotify" in found.training_data
    assert "keep their own research licences" in found.licence


def test_checkpoint_that_does_not_say_is_not_guessed_about() -> None:
    assert of("").training_data.startswith("not said in its checkpoint")
