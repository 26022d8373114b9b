"""The fastest variant: measured once, remembered for this machine, and never a reason to fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.runtime import tiny_model

import musicedge
from musicedge import bundle, choice
from musicedge.session import Session

VARIANTS = {"fp32": "a" * 64, "int8": "b" * 64}


class Clock:
    """Stands for measuring: gives the times, and counts how often it was asked."""

    def __init__(self, **times: float) -> None:
        self.times = times
        self.asked = 0

    def __call__(self, sessions: Mapping[str, Session]) -> dict[str, float]:
        self.asked += 1
        return {name: self.times[name] for name in sessions}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and sessions that need no model."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(choice.bundle, "open", lambda name, variant: variant)
    monkeypatch.setattr(choice, "Session", lambda opened, device, threads: opened)
    return tmp_path


def ask(clock: Clock, monkeypatch: pytest.MonkeyPatch, **changes: object) -> str:
    monkeypatch.setattr(choice, "measure", clock)
    values = {"variants": VARIANTS, "device": "cpu", "threads": 1, **changes}
    return choice.fastest("tiny", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("int8", "chosen"), [(0.5, "int8"), (0.94, "int8"), (0.96, "fp32"), (1.0, "fp32"), (9, "fp32")]
)
def test_default_stays_unless_another_is_clearly_faster(
    int8: float, chosen: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(Clock(fp32=1.0, int8=int8), monkeypatch) == chosen


def test_answer_is_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(fp32=1.0, int8=0.5)
    assert [ask(clock, monkeypatch) for _ in range(3)] == ["int8"] * 3
    assert clock.asked == 1
    assert [path.name for path in (folder / "musicedge").iterdir()] == ["fastest-variant.json"]


@pytest.mark.parametrize(
    "changes",
    [
        {"variants": {**VARIANTS, "int8": "c" * 64}},
        {"device": "auto"},
        {"threads": 2},
    ],
    ids=["another file", "another device", "more threads"],
)
def test_other_circumstances_are_measured_again(
    changes: dict[str, object], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(fp32=1.0, int8=0.5)
    ask(clock, monkeypatch)
    ask(clock, monkeypatch, **changes)
    assert clock.asked == 2
    ask(clock, monkeypatch)
    assert clock.asked == 2


def test_another_processor_is_measured_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(fp32=1.0, int8=0.5)
    ask(clock, monkeypatch)
    monkeypatch.setattr(choice, "processor_name", lambda: "another")
    ask(clock, monkeypatch)
    assert clock.asked == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"key": 7}', "[" * 10_000, "\x00", "7" * 2_000_000]
)
def test_broken_memory_is_written_anew(
    text: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "musicedge" / "fastest-variant.json"
    path.parent.mkdir()
    path.write_text(text)
    clock = Clock(fp32=1.0, int8=0.5)
    assert ask(clock, monkeypatch) == ask(clock, monkeypatch) == "int8"
    assert clock.asked == 1
    assert list(json.loads(path.read_text()).values())[-1] == "int8"


def test_answer_that_is_no_variant_is_measured_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(fp32=1.0, int8=0.5)
    ask(clock, monkeypatch)
    path = folder / "musicedge" / "fastest-variant.json"
    path.write_text(path.read_text().replace('"int8"', '"int4"'))
    assert ask(clock, monkeypatch) == "int8"
    assert clock.asked == 2


def test_memory_that_cannot_be_written_costs_a_measurement_and_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "musicedge").write_text("in the way")
    clock = Clock(fp32=1.0, int8=0.5)
    assert ask(clock, monkeypatch) == ask(clock, monkeypatch) == "int8"
    assert clock.asked == 2


def test_user_without_a_home_costs_a_measurement_and_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert choice.cache_folder() is None
    clock = Clock(fp32=1.0, int8=0.5)
    assert ask(clock, monkeypatch) == ask(clock, monkeypatch) == "int8"
    assert clock.asked == 2


def test_relative_cache_folder_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert choice.cache_folder() == tmp_path / ".cache" / "musicedge"


def test_all_cpus_are_other_circumstances_than_fewer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(fp32=1.0, int8=0.5)
    ask(clock, monkeypatch, threads=None)
    monkeypatch.setattr(choice, "available_cpus", lambda: 64)
    ask(clock, monkeypatch, threads=None)
    assert clock.asked == 2


def test_memory_does_not_grow_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in range(1, choice._MAX_REMEMBERED + 20):
        ask(Clock(fp32=1.0, int8=0.5), monkeypatch, threads=threads)
    path = folder / "musicedge" / "fastest-variant.json"
    assert len(json.loads(path.read_text())) == choice._MAX_REMEMBERED


def test_real_sessions_are_timed(tmp_path: Path) -> None:
    opened = bundle.open(tiny_model.write(tmp_path))
    times = choice.measure({name: Session(opened, "cpu", 1) for name in ("one", "two")})
    assert list(times) == ["one", "two"]
    assert all(seconds > 0 for seconds in times.values())


def test_shipped_model_is_chosen_by_measuring_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def answer(name: str, variants: Mapping[str, str], *rest: object) -> str:
        asked.append((name, list(variants)))
        return "int8"

    monkeypatch.setattr("musicedge.choice.fastest", answer)
    assert musicedge.load("cnn").variant == "int8"
    assert asked == [("cnn", ["fp32", "int8"])]
    assert musicedge.load("cnn", variant="fp32").variant == "fp32"
    assert musicedge.load("cnn.fp32").variant == "fp32"
    assert musicedge.load(tiny_model.write(tmp_path)).variant == "fp32"
    assert len(asked) == 1
