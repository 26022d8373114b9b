"""A graph that opens while the first file is decoded: what that may change, and what not."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.runtime import tiny_model
from tests.runtime.tiny_model import FRONTEND, LOUD, noise

from musicedge import bundle
from musicedge.errors import DeviceUnavailable
from musicedge.model import Model, load
from musicedge.opening import Opening, load_meanwhile
from musicedge.road import Road
from musicedge.session import Session


def meanwhile(path: Path, device: str = "cpu", at_once: int = 2) -> Model:
    return load_meanwhile(str(path), variant="auto", device=device, at_once=at_once)


@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize("seconds", [0.5, 3, 9.3])
def test_a_model_that_still_opens_says_what_an_open_one_says(
    at_once: int, seconds: float, tmp_path: Path
):
    path, sound = tiny_model.write(tmp_path), noise(seconds, LOUD)
    expected = load(path, device="cpu", threads=1).analyze(sound, sample_rate=FRONTEND.sample_rate)
    found = meanwhile(path, at_once=at_once).analyze(sound, sample_rate=FRONTEND.sample_rate)
    assert found.to_dict(timeline=True) == expected.to_dict(timeline=True)


def test_a_file_is_decoded_before_the_graph_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    decoded, opens, pushes = threading.Event(), Session.__init__, Road.push

    def slow(*given: Any) -> None:
        assert decoded.wait(timeout=60)
        opens(*given)

    def told(*given: Any) -> Any:
        decoded.set()
        return pushes(*given)

    monkeypatch.setattr(Session, "__init__", slow)
    monkeypatch.setattr(Road, "push", told)
    model = meanwhile(tiny_model.write(tmp_path))
    assert model.analyze(noise(2, LOUD), sample_rate=FRONTEND.sample_rate).is_music


def test_what_keeps_a_graph_from_opening_is_told_to_all_who_wait(tmp_path: Path):
    model = meanwhile(tiny_model.write(tmp_path), device="cuda")
    sound = noise(2, LOUD)

    def analyze() -> object:
        return model.analyze(sound, sample_rate=FRONTEND.sample_rate)

    for ask in (model.wait, lambda: model.provider, analyze, analyze):
        with pytest.raises(DeviceUnavailable, match="cuda: "):
            ask()


def test_threads_below_one_are_refused(tmp_path: Path):
    opened = bundle.open(str(tiny_model.write(tmp_path)))
    with pytest.raises(ValueError, match="threads is 0"):
        Opening(opened, "cpu", 0).session()
