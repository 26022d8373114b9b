"""`musicedge explain`: its forms and places, its status, and what it says of wrong input."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.runtime import tiny_model
from tests.runtime.command import on_terminal, write_audio

from musicedge import explaining
from musicedge.cli import main


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with one song in it."""
    write_audio(tmp_path / "song.wav", 3.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def explain(model_file: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command in this process; returns its status, output and diagnostics."""

    def call(*args: str | Path) -> tuple[int, str, str]:
        status = main(["explain", "-m", str(model_file), *map(str, args)])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def test_a_page_is_written_here_and_words_go_to_standard_output(explain: Any) -> None:
    status, out, err = explain("song.wav")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert re.match(r"song\.wav: why \w+ \(\d+ %\) at 0:0\d(\.5)?-", lines[0].replace(".0", ""))
    assert lines[-1] == "  see song.explained.html"
    assert Path("song.explained.html").read_text("utf-8").endswith("</html>\n")
    assert [each.name for each in Path().iterdir() if each.name.startswith(".")] == []


def test_json_goes_to_standard_output_and_no_page_is_written(explain: Any) -> None:
    status, out, _ = explain("--json", "--at", "1.2", "--of", "arousal", "song.wav")
    value = json.loads(out)
    assert (status, value["of"], value["path"]) == (0, "arousal", "song.wav")
    assert value["window"]["start"] <= 1.2 <= value["window"]["end"]
    assert {each.name for each in Path().iterdir()} == {"song.wav"}
    status, out, _ = explain("song.wav", "--at", "1.2", "--of", "arousal", "-o", "why.json")
    assert (status, out) == (0, "")
    assert json.loads(Path("why.json").read_text("utf-8")) == value


def test_a_page_can_go_to_standard_output(explain: Any) -> None:
    status, out, err = explain("song.wav", "-o", "-")
    assert (status, err) == (0, "")
    assert out.startswith("<!DOCTYPE html>")
    assert out.endswith("</html>\n")


def test_without_matplotlib_a_picture_is_one_line_and_2_before_any_work(
    explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith("musicedge_training.pictures")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [each for each in sys.modules if each.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, err = explain("song.wav", "-o", "why.png")
    assert (status, out) == (2, "")
    assert err == "musicedge: this needs the plot extra: pip install 'musicedge[plot]'\n"
    assert not Path("why.png").exists()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "Missing argument"),
        (["-"], "the piece is read twice"),
        (["--at", "nan", "song.wav"], "nan is not a number of seconds"),
        (["--at", "-1", "song.wav"], "--at"),
        (["--of", "polka", "song.wav"], "'polka' is nothing that this model tells"),
        (["-o", "why.wav", "song.wav"], "-o why.wav would overwrite audio"),
        (["-o", "why.txt", "song.wav"], "name a .html, .png or .json"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    args: list[str], reason: str, explain: Any
) -> None:
    status, out, err = explain(*args)
    assert (status, out) == (2, "")
    assert reason in err
    assert {each.name for each in Path().iterdir()} == {"song.wav"}


def test_what_cannot_be_explained_is_one_line_and_1(explain: Any) -> None:
    write_audio(Path("quiet.wav"), 2.0, tiny_model.QUIET)
    Path("text.wav").write_text("no audio at all")
    for args in (["quiet.wav"], ["text.wav"], ["missing.wav"], ["."], ["--at", "9", "song.wav"]):
        status, out, err = explain(*args)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"musicedge: {args[-1]}: ")
    Path("why.html").write_text("an earlier page")
    assert explain("quiet.wav", "-o", "why.html")[0] == 1
    assert Path("why.html").read_text() == "an earlier page"
    status, _, err = explain("song.wav", "-o", "nowhere/why.html")
    assert (status, err.startswith("musicedge: nowhere/why.html: ")) == (1, True)


def test_a_hostile_name_is_one_line_of_text_and_only_a_name_in_the_page(explain: Any) -> None:
    name = "</script>\x1b[31m\n$x_y$.wav".replace("/", "")
    Path("song.wav").rename(name)
    status, out, _ = explain(name, "-o", "why.html")
    assert status == 0
    assert out.startswith(r"<script>\x1b[31m\n$x_y$.wav: why ")
    assert "<script>\\x1b" not in Path("why.html").read_text("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX terminals")
def test_words_fit_the_terminal(folder: Path, model_file: Path) -> None:
    text = on_terminal(50, "explain", "-m", model_file, "song.wav")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()
    words = [line for line in lines if line.startswith("  ")]
    assert words
    assert max(map(len, words)) <= 50


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX alone")
def test_a_name_that_is_no_text_is_shown_with_escapes(explain: Any) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    Path("song.wav").rename(name)
    status, out, _ = explain("--json", name)
    assert (status, json.loads(out)["path"]) == (0, "caf\\udce9.wav")
    status, out, _ = explain(name)
    assert (status, out.startswith("caf\\udce9.wav: why ")) == (0, True)
    assert Path(os.fsdecode(b"caf\xe9.explained.html")).exists()


def test_an_interruption_ends_with_130_and_leaves_no_page(
    explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(explaining, "curves", interrupted)
    status, out, err = explain("song.wav")
    assert (status, out, err.strip()) == (130, "", "")
    assert {each.name for each in Path().iterdir()} == {"song.wav"}
