"""`musicedge features`: its forms and places, its status, and what it says of wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image
from tests.runtime.command import on_terminal, run
from tests.training.sounds import RATE, clicks, tone, write

from musicedge.cli import main
from musicedge_training.features import songs

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "corner-store-shuffle.mp3"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a tone and clicks in it."""
    write(tmp_path / "tone.wav", tone(440.0, 3.0))
    write(tmp_path / "clicks.wav", clicks(120.0, 6.0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def features(folder: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command in this process; returns its status, output and diagnostics."""

    def call(*args: str | Path) -> tuple[int, str, str]:
        status = main(["features", *map(str, args)])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def made(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} - {"tone.wav", "clicks.wav"}


def test_a_picture_is_written_here_and_figures_go_to_standard_output(
    features: Any, folder: Path
) -> None:
    status, out, err = features("clicks.wav")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "clicks.wav (0:06.0)"
    assert lines[-1] == "  see clicks.features.png"
    assert "  tempo                 120 beats a minute" in lines
    assert made(folder) == {"clicks.features.png"}
    with Image.open("clicks.features.png") as image:
        assert image.format == "PNG"
        assert min(image.size) >= 1000
        assert image.info["Title"] == "clicks.wav (0:06.0)"
        assert image.info["Description"].startswith("log-mel, chroma, onsets")
        colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
    assert len(colours) > 100


def test_two_songs_stand_side_by_side_with_their_differences(features: Any, folder: Path) -> None:
    status, out, _ = features("tone.wav", "clicks.wav")
    assert status == 0
    assert "clicks.wav (0:06.0), against tone.wav" in out
    assert "points)" in out
    assert made(folder) == {"tone-and-clicks.features.png"}
    features("tone.wav", "-o", "one.png")
    with Image.open("tone-and-clicks.features.png") as two, Image.open("one.png") as one:
        assert two.size[0] > 1.4 * one.size[0]
        assert two.size[1] == one.size[1]


def test_a_vector_picture_holds_its_axes_as_text(features: Any) -> None:
    assert features("clicks.wav", "--kind", "all", "-o", "clicks.svg")[0] == 0
    root = ElementTree.parse("clicks.svg").getroot()
    texts = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"frequency, Hz", "pitch class", "tempo, beats a minute", "time, min:s"} <= texts
    assert {"dB", "strength, dB", "A", "C#", "1k", "120", "0:02"} <= texts
    assert "Tempogram: dashed, the tempo of the beats, 120 a minute" in texts
    images = root.findall(".//{http://www.w3.org/2000/svg}image")
    assert len(images) >= 5


def test_a_kind_is_drawn_alone(features: Any) -> None:
    assert features("clicks.wav", "--kind", "chroma", "-o", "chroma.svg")[0] == 0
    text = Path("chroma.svg").read_text("utf-8")
    assert "pitch class" in text
    assert "frequency, Hz" not in text


def test_a_folder_gets_a_file_of_each_song(features: Any, folder: Path) -> None:
    (folder / "other").mkdir()
    write(folder / "other" / "tone.wav", tone(220.0, 1.0))
    status, out, _ = features("tone.wav", "clicks.wav", "other", "-o", "pictures/", "--kind", "mel")
    assert status == 0
    names = {each.name for each in Path("pictures").iterdir()}
    assert len(names) == 3
    assert {"tone.features.png", "clicks.features.png"} <= names
    assert out.count("  see pictures") == 3
    assert features("tone.wav", "-o", "more")[0] == 0
    assert [each.name for each in Path("more").iterdir()] == ["tone.features.png"]


def test_arrays_are_written_of_each_song(features: Any, folder: Path) -> None:
    assert features("--npz", "tone.wav", "clicks.wav")[0] == 0
    assert made(folder) == {"tone.features.npz", "clicks.features.npz"}
    with np.load("tone.features.npz", allow_pickle=False) as arrays:
        assert arrays["logmel"].shape[1] == 128
    assert features("tone.wav", "-o", "one.npz")[0] == 0
    assert Path("one.npz").exists()


def test_figures_go_to_programs_as_json(features: Any, folder: Path) -> None:
    status, out, err = features("--json", "tone.wav", "missing.wav", "clicks.wav")
    first, failed, last = json.loads(out)
    assert (status, err.count("\n")) == (1, 1)
    assert (first["path"], first["tempo"]) == ("tone.wav", None)
    assert first["pitch_classes"][0]["label"] == "A"
    assert failed["error"]["type"] == "AudioNotFound"
    assert last["tempo"] == pytest.approx(120, abs=1)
    assert last["percussive"] > 0.9
    assert made(folder) == set()
    assert features("tone.wav", "-o", "figures.json")[:2] == (0, "")
    assert json.loads(Path("figures.json").read_text("utf-8")) == [first]


def test_a_bad_song_is_named_and_the_others_are_done(features: Any, folder: Path) -> None:
    write(folder / "silent.wav", np.full(RATE, 1e-5, np.float32))
    (folder / "text.wav").write_text("no audio at all")
    write(folder / "short.wav", tone(440.0, 0.2))
    status, out, err = features("silent.wav", "tone.wav", "text.wav", "short.wav", "-o", "a.png")
    assert status == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == [
        *("silent.wav", "text.wav", "short.wav")
    ]
    assert "digital silence" in err
    assert "too short" in err
    assert "tone.wav (0:03.0)" in out
    assert Path("a.png").exists()


def test_where_no_song_can_be_shown_nothing_is_written(features: Any, folder: Path) -> None:
    Path("page.html").write_text("an earlier page")
    assert features("missing.wav", "-o", "page.html")[:2] == (1, "")
    assert Path("page.html").read_text() == "an earlier page"
    assert features("missing.wav")[0] == 1
    status, _, err = features("tone.wav", "-o", "nowhere/a.png")
    assert (status, err.startswith("musicedge: nowhere/a.png: ")) == (1, True)
    Path("file.txt").write_text("no folder")
    status, _, err = features("tone.wav", "-o", "file.txt/")
    assert (status, err.count("\n")) == (1, 1)
    assert made(folder) == {"page.html", "file.txt"}


def test_a_song_that_is_too_long_is_refused_and_a_part_of_it_is_shown(
    features: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(songs, "MOST_SECONDS", 2.0)
    status, _, err = features("clicks.wav")
    assert (status, err.count("\n")) == (1, 1)
    assert "--duration" in err
    status, out, _ = features("clicks.wav", "--offset", "1", "--duration", "1.5")
    assert (status, out.splitlines()[0]) == (0, "clicks.wav (0:01.5)")


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "Missing argument"),
        (["-"], "standard input has no name"),
        (["--kind", "cepstrum", "tone.wav"], "cepstrum"),
        (["--npz", "--json", "tone.wav"], "exclude each other"),
        (["-o", "a.wav", "tone.wav"], "would overwrite audio"),
        (["-o", "a.txt", "tone.wav"], "name a .png, .svg, .html, .npz, .json or a folder"),
        (["--json", "-o", "out/", "tone.wav"], "--json is one list"),
        (["-o", "a.npz", "tone.wav", "clicks.wav"], "holds one song"),
        (["tone.wav"] * 5, "5 songs do not fit side by side"),
        (["--offset", "nan", "tone.wav"], "nan"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    args: list[str], reason: str, features: Any, folder: Path
) -> None:
    status, out, err = features(*args)
    assert (status, out) == (2, "")
    assert reason in err
    assert made(folder) == set()


@pytest.mark.parametrize("package", ["librosa", "matplotlib"])
def test_without_the_plot_extra_one_line_says_so(
    package: str, features: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ("musicedge_training.features", "musicedge_training.pictures")
    for name in list(sys.modules):
        if name.startswith(ours) or name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    status, out, err = features("tone.wav")
    assert (status, out) == (2, "")
    line = "`musicedge features` needs the plot extra: pip install 'musicedge[plot]'"
    assert err == f"musicedge: {line}\n"
    assert made(folder) == set()


def test_an_interruption_keeps_the_songs_that_were_done(
    features: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at = songs.look_at

    def interrupted(path: str, **options: Any) -> Any:
        if path == "clicks.wav":
            raise KeyboardInterrupt
        return look_at(path, **options)

    monkeypatch.setattr(songs, "look_at", interrupted)
    assert features("tone.wav", "clicks.wav", "-o", "out/", "--kind", "mel")[0] == 130
    assert [each.name for each in Path("out").iterdir()] == ["tone.features.png"]
    status, out, _ = features("tone.wav", "clicks.wav", "--json")
    assert (status, len(json.loads(out))) == (130, 1)
    assert features("tone.wav", "clicks.wav", "-o", "both.png")[0] == 130
    assert not Path("both.png").exists()


def test_a_hostile_name_is_text_in_all_forms(features: Any, folder: Path) -> None:
    name = "<b> $x_y$ \x1b[31m שיר 歌.wav"
    Path("tone.wav").rename(name)
    status, out, err = features(name, "-o", "a.png", "--kind", "mel")
    assert (status, err) == (0, "")
    assert "\x1b" not in out
    assert features(name, "-o", "a.svg", "--kind", "mel")[0] == 0
    assert features(name, "-o", "a.html", "--kind", "mel")[0] == 0
    assert "<b> $x" not in Path("a.html").read_text("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX alone")
def test_a_name_that_is_no_text_is_shown_with_escapes(features: Any, folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    Path("tone.wav").rename(name)
    for output in ("a.png", "a.svg", "a.html", "a.npz"):
        status, out, _ = features(name, "-o", output, "--kind", "mel")
        assert (status, out.startswith("caf\\udce9.wav (")) == (0, True)


def test_help_needs_no_extra(features: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("librosa", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    status, out, _ = features("--help")
    assert status == 0
    assert "musicedge features rock.mp3 electronic.mp3" in out


def test_no_torch_is_needed(folder: Path) -> None:
    script = (
        "import sys; from musicedge.cli import main; status = main(sys.argv[1:]); "
        "sys.exit(status or 'torch' in sys.modules)"
    )
    arguments = ["features", "tone.wav", "-o", "tone.png"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX terminals")
def test_a_terminal_sees_what_is_listened_to(folder: Path) -> None:
    text = on_terminal(80, "features", "--kind", "mel", "tone.wav", "missing.wav")
    assert "listening to tone.wav, 1 of 2" in text
    assert text.count("musicedge: missing.wav: ") == 1


@pytest.mark.slow
def test_ten_minutes_are_drawn(folder: Path, tell: Callable[[str], None]) -> None:
    piece, rate = soundfile.read(EXAMPLE)
    soundfile.write("ten.mp3", np.resize(piece.T[0] if piece.ndim > 1 else piece, 600 * rate), rate)
    before, begun = os.times(), time.monotonic()
    done = run("features", "ten.mp3", timeout=300)
    took, after = time.monotonic() - begun, os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    tell(f"MP3 to PNG in {took:.1f} s, {cpu:.1f} s of CPU")
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open("ten.features.png") as image:
        assert image.format == "PNG"
    assert b"log-mel               60,000 frames" in done.stdout
