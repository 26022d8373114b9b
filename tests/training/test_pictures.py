"""Pictures by matplotlib: PNG files of a useful size, whatever the name and the model."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.runtime import tiny_model
from tests.runtime.command import write_audio

import musicedge
from musicedge.cli import main
from musicedge_training.pictures.explanation import draw

NAMES = ["song.wav", "<b> $x_y$ \x1b[31m שיר.wav"]
if os.name == "posix":
    NAMES.append(os.fsdecode(b"caf\xe9.wav"))


@pytest.mark.parametrize("name", NAMES)
def test_an_explanation_becomes_a_picture_whatever_the_name(name: str, tmp_path: Path) -> None:
    song = write_audio(tmp_path / "any.wav", 3.0).rename(tmp_path / name)
    model, picture = tiny_model.write(tmp_path), tmp_path / "why.png"
    assert main(["explain", "-m", str(model), "-o", str(picture), str(song)]) == 0
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert min(image.size) >= 800
        colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
    assert len(colours) > 100


def test_a_model_with_moods_alone_is_drawn(tmp_path: Path) -> None:
    model = musicedge.load(tiny_model.write(tmp_path, tiny_model.card(heads=["valence"])))
    found = musicedge.explain(model, write_audio(tmp_path / "song.wav", 0.4))
    with Image.open(io.BytesIO(draw(found))) as image:
        assert image.format == "PNG"
