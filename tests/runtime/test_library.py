"""Many files: found in folders, in order, in parallel, and stopped."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime import tiny_model
from tests.runtime.command import write_audio

from musicedge.analysis import Analysis
from musicedge.errors import (
    AudioEmpty,
    AudioFormat,
    AudioNotFound,
    InternalError,
    MusicedgeError,
)
from musicedge.library import Outcome, analyze_many, default_jobs, displayed, find_audio
from musicedge.model import Model, load


class Slow:
    """Stands in for a model whose files take as long as a test wants them to."""

    def __init__(self) -> None:
        self.gates: dict[str, threading.Event] = {}
        self.begun: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def analyze(self, path: str, **_: Any) -> Any:
        with self._lock:
            self.begun.append(path)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if path in self.gates:
                assert self.gates[path].wait(20)
            raise AudioEmpty(f"{path}: analysed")
        finally:
            with self._lock:
                self.at_once -= 1


def paths_of(outcomes: Iterator[Outcome]) -> list[str]:
    return [outcome.path for outcome in outcomes]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(tiny_model.write(tmp_path_factory.mktemp("model")), device="cpu", threads=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_to_any_depth_in_the_order_of_names(here: Path) -> None:
    touch("m/b.flac", "m/a/z.ogg", "m/c/d/e/f/song.MP3", "m/film.mkv", "m/a.wav")
    assert list(find_audio(["m"])) == [
        str(Path(name))
        for name in ("m/a/z.ogg", "m/a.wav", "m/b.flac", "m/c/d/e/f/song.MP3", "m/film.mkv")
    ]


def test_other_files_and_hidden_ones_are_passed_over(here: Path) -> None:
    touch("m/cover.jpg", "m/notes.txt", "m/.hidden.wav", "m/.git/a.wav", "m/._a.wav", "m/a.wav")
    assert list(find_audio(["m"])) == [str(Path("m/a.wav"))]


def test_a_file_that_is_named_is_taken_whatever_its_name(here: Path) -> None:
    touch("notes.txt", ".hidden.wav", "m/a.wav")
    given = ["notes.txt", ".hidden.wav", "missing.wav", "m", "-", ""]
    assert list(find_audio(given)) == [*given[:3], str(Path("m/a.wav")), "-", ""]


def test_a_folder_without_audio_stands_for_itself(here: Path) -> None:
    touch("m/notes.txt", "m/deeper/notes.txt")
    assert list(find_audio(["m"])) == ["m"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_links_in_a_circle_end(here: Path) -> None:
    touch("m/a/1.wav")
    Path("m/a/up").symlink_to("..", target_is_directory=True)
    Path("m/self").symlink_to("self")
    Path("m/z").symlink_to("a", target_is_directory=True)
    assert list(find_audio(["m"])) == [str(Path("m/a/1.wav"))]


def test_a_link_that_leads_nowhere_is_not_lost(here: Path) -> None:
    touch("m/a.wav")
    Path("m/gone.wav").symlink_to("nowhere.wav")
    assert list(find_audio(["m"])) == [str(Path("m/a.wav")), str(Path("m/gone.wav"))]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_in_a_folder_are_not_opened(here: Path) -> None:
    touch("m/a.wav")
    os.mkfifo("m/pipe.wav")
    assert list(find_audio(["m"])) == [str(Path("m/a.wav"))]


def test_no_depth_of_folders_is_too_deep(here: Path) -> None:
    depth = 400  # of two characters: below the length that a path may have
    Path("m", *("d" * depth)).mkdir(parents=True)
    touch(str(Path("m", *("d" * depth), "a.wav")))
    assert len(list(find_audio(["m"]))) == 1


def test_a_search_can_be_stopped(here: Path) -> None:
    touch(*(f"m/{index:03}.wav" for index in range(50)))
    looks = itertools.count()
    assert len(list(find_audio(["m"], stop=lambda: next(looks) > 9))) < 12


def test_results_come_in_the_order_of_the_files_and_equal_those_of_the_model(
    model: Model, tmp_path: Path
) -> None:
    # The first is the longest, so that the others are done before it.
    files = [
        write_audio(tmp_path / f"{index}.wav", 8 if index == 0 else 1.2, seed=index)
        for index in range(12)
    ]
    outcomes = list(analyze_many(model, files, jobs=4))
    assert [outcome.path for outcome in outcomes] == [str(path) for path in files]
    assert [outcome.result for outcome in outcomes] == [model.analyze(path) for path in files]


def test_a_failure_stands_in_its_place_and_ends_nothing(model: Model, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    good = write_audio(tmp_path / "good.wav")
    text = tmp_path / "text.wav"
    text.write_text("no audio at all")
    sources = [text, good, tmp_path / "gone.wav", tmp_path / "folder", good]
    results = [outcome.result for outcome in analyze_many(model, sources, jobs=2)]
    kinds = [AudioFormat, Analysis, AudioNotFound, AudioNotFound, Analysis]
    assert [type(result) for result in results] == kinds
    assert str(results[3]).startswith(f"{tmp_path / 'folder'}: the folder holds no audio")


def test_offset_and_duration_hold_for_every_file(model: Model, tmp_path: Path) -> None:
    files = [write_audio(tmp_path / f"{index}.wav", 5) for index in range(3)]
    for outcome in analyze_many(model, files, jobs=2, offset=1.0, duration=2.0):
        assert isinstance(outcome.result, Analysis)
        assert outcome.result.duration == pytest.approx(2.0)
        assert outcome.result.segments[0].start == 1.0


def test_a_bug_costs_one_file_and_is_told_in_one_line(tmp_path: Path) -> None:
    class Broken:
        def analyze(self, path: str, **_: Any) -> Any:
            raise KeyError("two\nlines" + "x" * 5000)

    (outcome,) = analyze_many(Broken(), ["a.wav"], jobs=1)  # type: ignore[arg-type]
    assert isinstance(outcome.result, InternalError)
    message = str(outcome.result)
    assert message.startswith("a.wav: unexpected KeyError: ")
    assert message.endswith("this is a bug in musicedge, please report it")
    assert "\n" not in message
    assert len(message) < 500
    assert isinstance(outcome.result.__cause__, KeyError)


def test_as_many_files_at_once_as_jobs_and_no_more() -> None:
    slow = Slow()
    slow.gates = {str(index): threading.Event() for index in range(3)}
    release = threading.Timer(0.3, lambda: [gate.set() for gate in slow.gates.values()])
    release.start()
    list(analyze_many(slow, map(str, range(40)), jobs=3))  # type: ignore[arg-type]
    assert slow.most_at_once == 3


def test_what_is_held_is_bounded_while_the_first_file_takes_long() -> None:
    slow = Slow()
    slow.gates["0"] = threading.Event()
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for index in itertools.count():
            taken += 1
            yield str(index)

    outcomes = analyze_many(slow, endless(), jobs=2)  # type: ignore[arg-type]
    threading.Timer(0.5, slow.gates["0"].set).start()
    assert next(outcomes).path == "0"
    assert taken <= 8
    assert [next(outcomes).path for _ in range(30)] == [str(index) for index in range(1, 31)]
    outcomes.close()  # type: ignore[attr-defined]


def test_a_stop_keeps_what_is_ready_and_waits_for_nothing() -> None:
    slow = Slow()
    slow.gates["2"] = threading.Event()
    stopped = threading.Event()
    outcomes = analyze_many(
        slow,  # type: ignore[arg-type]
        map(str, range(1000)),
        jobs=2,
        stop=stopped.is_set,
    )
    try:
        assert [next(outcomes).path for _ in range(2)] == ["0", "1"]
        threading.Timer(0.5, stopped.set).start()
        begun = time.monotonic()
        rest = paths_of(outcomes)
        assert time.monotonic() - begun < 2
    finally:
        slow.gates["2"].set()
    assert rest == [str(index) for index in range(3, 3 + len(rest))]  # 2 was running: not there
    assert rest
    assert len(slow.begun) < 20


def test_an_exception_in_the_waiting_thread_begins_no_more_files() -> None:
    slow = Slow()
    outcomes = analyze_many(slow, map(str, range(1000)), jobs=2)  # type: ignore[arg-type]
    next(outcomes)
    with pytest.raises(KeyboardInterrupt):
        outcomes.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    time.sleep(0.2)
    assert len(slow.begun) < 20


def test_nothing_in_nothing_out(model: Model) -> None:
    assert list(analyze_many(model, [])) == []


def test_jobs_below_one_are_refused(model: Model) -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1, not 0"):
        list(analyze_many(model, [], jobs=0))
    assert default_jobs() >= 1


def test_any_path_becomes_text_that_utf8_holds() -> None:
    assert displayed("Björk/音楽.flac") == "Björk/音楽.flac"
    assert displayed(os.fsdecode(b"caf\xe9.wav")).encode("utf-8") == rb"caf\udce9.wav"


def test_every_error_is_one_that_a_caller_can_catch(model: Model, tmp_path: Path) -> None:
    for outcome in analyze_many(model, ["", "\0", "x" * 5000, tmp_path], jobs=1):
        assert isinstance(outcome.result, MusicedgeError)
        assert not isinstance(outcome.result, InternalError)


def test_an_iterator_that_is_left_waiting_does_not_keep_the_process() -> None:
    code = (
        "from types import SimpleNamespace; from musicedge.library import analyze_many; "
        "model = SimpleNamespace(analyze=lambda path, **_: path); "
        "outcomes = analyze_many(model, map(str, range(99)), jobs=2); "
        "print(next(outcomes).result)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=True, text=True
    )
    assert done.stdout.strip() == "0"


def test_what_ends_a_worker_reaches_whoever_waits() -> None:
    class Ending:
        def analyze(self, path: str, **_: Any) -> Any:
            raise SystemExit(path)

    outcomes = analyze_many(Ending(), ["a.wav"], jobs=1)  # type: ignore[arg-type]
    with pytest.raises(SystemExit, match=r"a\.wav"):
        next(outcomes)
