"""Bad input on the real command line: a line that names it, status 1, and the others done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runtime import hostile, tiny_model
from tests.runtime.command import bind_permissions, run, write_audio

from musicedge.cli import main

ODD = Path(__file__).parents[3] / "shared" / "corpus" / "odd"


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_audio(Path("before.wav"))
    write_audio(Path("after.wav"))
    return tmp_path


def classify(
    capfd: pytest.CaptureFixture[str], *args: str | Path
) -> tuple[int, list[dict[str, Any]], list[str]]:
    """Run the command in this process; returns its status, objects and lines of diagnostics."""
    status = main(["classify", "--json", *map(str, args)])
    out, err = capfd.readouterr()
    return status, json.loads(out), err.splitlines()


def check_one_failure(
    name: str, kind: str, status: int, objects: list[dict[str, Any]], lines: list[str]
) -> None:
    assert status == 1
    assert [each["path"] for each in objects] == ["before.wav", name, "after.wav"]
    assert ["error" in each for each in objects] == [False, True, False]
    error = objects[1]["error"]
    assert error["type"] == kind
    assert error["message"].startswith(f"{name}: ")
    assert "; " in error["message"]  # what was wrong; what to do
    assert lines == [f"musicedge: {error['message']}"]


@pytest.mark.parametrize(
    ("make", "error"), hostile.REFUSED, ids=[make.__name__ for make, _ in hostile.REFUSED]
)
def test_a_bad_file_is_one_line_and_the_others_are_done(
    make: Callable[[Path], Path],
    error: type[Exception],
    here: Path,
    model_file: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make(Path("bad.wav"))
    kind = "AudioNotFound" if make is hostile.folder else error.__name__
    result = classify(capfd, "-m", model_file, "before.wav", "bad.wav", "after.wav")
    check_one_failure("bad.wav", kind, *result)


def test_a_folder_without_audio_is_one_line(
    here: Path, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("folder").mkdir()
    Path("folder/notes.txt").write_text("no audio")
    result = classify(capfd, "-m", model_file, "before.wav", "folder", "after.wav")
    check_one_failure("folder", "AudioNotFound", *result)


def test_a_file_without_permission_is_one_line(here: Path, model_file: Path) -> None:
    write_audio(Path("locked.wav")).chmod(0)
    args = ("before.wav", "locked.wav", "after.wav")
    done = run("classify", "--json", "-m", model_file, *args, preexec_fn=bind_permissions())
    lines = done.stderr.decode().splitlines()
    result = (done.returncode, json.loads(done.stdout), lines)
    check_one_failure("locked.wav", "AudioPermission", *result)


def test_a_folder_without_permission_in_a_folder_is_one_line(here: Path, model_file: Path) -> None:
    write_audio(Path("music/a.wav"))
    write_audio(Path("music/locked/b.wav"))
    Path("music/locked").chmod(0)
    try:
        done = run("classify", "--json", "-m", model_file, "music", preexec_fn=bind_permissions())
    finally:
        Path("music/locked").chmod(0o700)
    objects = json.loads(done.stdout)
    locked = str(Path("music/locked"))
    assert done.returncode == 1
    assert [each["path"] for each in objects] == [str(Path("music/a.wav")), locked]
    assert objects[1]["error"]["type"] == "AudioPermission"
    assert done.stderr.decode().splitlines() == [f"musicedge: {objects[1]['error']['message']}"]


def test_all_bad_files_in_one_folder_are_a_line_each(
    here: Path, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = Path("music")
    write_audio(folder / "good.wav")
    expected = 0
    for make, _ in hostile.REFUSED:
        if make in (hostile.hls_playlist, hostile.ffconcat_script):
            continue  # these bring a good file with them
        make(folder / f"{make.__name__}.wav")
        # A search passes over what it must not open, and over a folder without audio in it.
        expected += make not in (*(hostile.fifo, hostile.device, hostile.folder, hostile.missing),)
    status, objects, lines = classify(capfd, "-m", model_file, folder, "--jobs", "3")
    good = [each["path"] for each in objects if "error" not in each]
    assert status == 1
    assert good == [str(folder / "good.wav")]
    assert len(objects) == expected + 1
    assert lines == [
        f"musicedge: {each['error']['message']}" for each in objects if "error" in each
    ]


@pytest.mark.parametrize("make", [hostile.text, hostile.image, hostile.empty, hostile.noise])
def test_a_model_that_is_none_is_one_line(
    make: Callable[[Path], Path], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make(Path("model.onnx"))
    assert main(["classify", "-m", "model.onnx", "before.wav"]) == 1
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("musicedge: model.onnx: ")


@pytest.mark.corpus
@pytest.mark.skipif(not ODD.is_dir(), reason="the corpus is not beside the checkout")
def test_opus_that_libsndfile_refuses_is_read_by_pyav(
    here: Path, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    shutil.copytree(ODD, here / "odd")
    status, objects, lines = classify(capfd, "-m", model_file, "odd")
    assert (status, lines) == (0, [])
    assert objects
    assert {each["decoder"] for each in objects} == {"pyav"}


def test_mp3_that_was_cut_off_can_be_classified_as_far_as_it_goes(
    here: Path, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hostile.truncated_mp3(Path("cut.mp3"))
    _, objects, _ = classify(capfd, "-m", model_file, "cut.mp3")
    assert "--duration" in objects[0]["error"]["message"]
    status, objects, lines = classify(capfd, "-m", model_file, "--duration", "1", "cut.mp3")
    assert (status, lines) == (0, [])
    assert objects[0]["duration"] == 1.0
