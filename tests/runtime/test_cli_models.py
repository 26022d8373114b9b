"""`musicedge models`: what is installed, and what a card says."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from tests.runtime import tiny_model
from tests.runtime.command import on_terminal

from musicedge import bundle
from musicedge.cli import main


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with two variants of a model, as `bundle.installed` finds it."""
    files = {}
    for variant in ("int8", "fp32"):
        path = tiny_model.write(tmp_path, tiny_model.card(variant=variant))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[variant] = {"file": path.name, "sha256": digest}
    manifest = {"format": 1, "models": {"tiny": {"default": "int8", "files": files}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    real = bundle.installed
    monkeypatch.setattr(bundle, "installed", lambda: real(tmp_path))
    return tmp_path


def test_json_lists_what_is_installed(shipped: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    out, err = capfd.readouterr()
    listed = json.loads(out)
    assert err == ""
    assert [(each["name"], each["variant"], each["default"]) for each in listed] == [
        ("tiny", "int8", True),
        ("tiny", "fp32", False),
    ]
    for each in listed:
        data = Path(each["path"]).read_bytes()
        assert each["bytes"] == len(data)
        assert each["sha256"] == hashlib.sha256(data).hexdigest()
        assert {head["name"] for head in each["heads"]} == {
            *("genre", "valence", "arousal", "danceability", "music")
        }
        assert each["scores"] == {"genre": {"accuracy": 0.2}}
        assert each["licence"] == "MIT"


def test_text_says_the_same_in_a_line_a_fact(
    shipped: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["models"]) == 0
    out, err = capfd.readouterr()
    size = (shipped / "tiny.int8.onnx").stat().st_size
    digest = hashlib.sha256((shipped / "tiny.int8.onnx").read_bytes()).hexdigest()
    first, second = out.strip().split("\n\n")
    lines = [line.split(maxsplit=1) for line in first.splitlines()[1:]]
    facts = dict(lines)
    assert err == ""
    assert first.startswith("tiny int8 (default)\n")
    assert second.startswith("tiny fp32\n")
    assert facts["size"] == f"{size:,} bytes"
    assert facts["work"] == "153 parameters, 144 multiply-adds a window"
    assert facts["heads"] == "genre (5), valence, arousal, danceability, music"
    assert facts["scores"] == "genre.accuracy 0.2"
    assert facts["licence"] == "MIT"
    assert facts["SHA-256"] == digest


def test_a_model_that_was_changed_is_one_line_and_1(
    shipped: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (shipped / "tiny.fp32.onnx").open("ab") as file:
        file.write(b"\0")
    assert main(["models"]) == 1
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("musicedge: tiny.fp32: ")


def test_a_package_without_models_says_so_and_lists_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = bundle.installed
    monkeypatch.setattr(bundle, "installed", lambda: real(tmp_path))
    assert main(["models"]) == 0
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert main(["models", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == []


def test_show_prints_the_whole_card(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    card = tiny_model.card(notes="made by a test", commit="0123abc", created_with={"onnx": "1"})
    path = tiny_model.write(tmp_path, card)
    assert main(["models", "show", str(path)]) == 0
    text = capfd.readouterr().out
    for words in ("none: the weights are drawn by chance", "made by a test", "0123abc", "onnx 1"):
        assert words in text
    assert "blues, classical, electronic, jazz, rock; temperature 1.5" in text
    assert "threshold 0.5" in text
    assert "1 s every 0.5 s, at 16 kHz" in text
    assert main(["models", "show", "--json", str(path)]) == 0
    assert json.loads(capfd.readouterr().out) == json.loads(card.to_json())


def test_show_of_what_is_no_model_is_one_line_and_1(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    for name in ("nosuchmodel", str(tmp_path / "song.wav")):
        assert main(["models", "show", name]) == 1
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert name in err


def test_json_before_show_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json", "show", "cnn"]) == 2
    assert "musicedge models show --json NAME" in capfd.readouterr().err


def test_a_card_fits_the_terminal(tmp_path: Path) -> None:
    pytest.importorskip("pty")
    path = tiny_model.write(tmp_path)
    text = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(50, "models", "show", path))
    assert text.startswith("tiny fp32\n")
    assert max(map(len, text.splitlines())) <= 50
