"""`musicedge layers`: a picture of a checkpoint's layers, and which genres lie close."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from musicedge.cli import main

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "corner-store-shuffle.mp3"


@pytest.fixture
def layers(
    save: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Any:
    """Run the command on a checkpoint; returns its status, output and diagnostics."""
    save(tmp_path / "tiny.safetensors")
    monkeypatch.chdir(tmp_path)

    def call(*args: str | Path) -> tuple[int, str, str]:
        status = main(["layers", "tiny.safetensors", *map(str, args)])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def height(path: Path) -> int:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return image.size[1]


def test_the_picture_grows_with_what_is_asked_for(layers: Any, data: Path) -> None:
    assert layers()[:2] == (0, "see tiny.layers.png\n")
    alone = height(Path("tiny.layers.png"))
    assert layers("--song", EXAMPLE, "-o", "song.png")[:2] == (0, "see song.png\n")
    with_song = height(Path("song.png"))
    status, out, _ = layers("--song", EXAMPLE, "--data", data, "--jobs", "1", "-o", "all.png")
    assert status == 0
    assert alone < with_song < height(Path("all.png"))
    lines = out.splitlines()
    assert {line.partition(":")[0] for line in lines[:-1]} == {"blues", "jazz", "rock"}
    assert all(": nearest are " in line for line in lines[:-1])


def test_shares_of_neighbours_go_to_programs_as_json(layers: Any, data: Path) -> None:
    status, out, _ = layers("--data", data, "--jobs", "1", "--json")
    shares = json.loads(out)
    assert (status, set(shares)) == (0, {"blues", "jazz", "rock"})
    for row in shares.values():
        assert sum(row.values()) == pytest.approx(1, abs=1e-3)


def test_wrong_input_is_one_line_and_leaves_no_picture(layers: Any, tmp_path: Path) -> None:
    Path("text.wav").write_text("no audio")
    for args in (["--song", "text.wav"], ["--song", "missing.wav"], ["--data", "nowhere"]):
        status, out, err = layers(*args)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert args[1] in err
    assert layers("-o", "layers.svg")[0] == 2
    assert {each.name for each in tmp_path.iterdir()} >= {"tiny.safetensors", "text.wav"}
    assert list(tmp_path.glob("*.png")) == []
