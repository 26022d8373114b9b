"""The house: its laws, the size and the first lines of its files, and what an import costs."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("runtime", "training", "export", "benchmarks")
FILES = [
    path for room in (*ROOMS, "tests", "examples") for path in sorted((ROOT / room).rglob("*.py"))
]
MOST_LINES = 350
MOST_LINES_OF_A_TEST = 800  # a list of cases reads well at any length, up to a point
SLOW_IMPORTS = {"numpy", "onnxruntime", "soundfile", "soxr", "torch", "rich"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(*arguments: str) -> tuple[set[str], str]:
    """Run Python with `arguments`; return the top-level modules imported, and standard output."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\S+)$", done.stderr, re.MULTILINE)
    rest = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert rest == []
    return {line.partition(".")[0] for line in lines}, done.stdout


def test_import_loads_nothing_slow_and_prints_nothing() -> None:
    modules, output = imported("-c", "import musicedge")
    assert "musicedge" in modules
    assert not SLOW_IMPORTS & modules
    assert output == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    modules, output = imported("-m", "musicedge", *arguments)
    assert not SLOW_IMPORTS & modules
    assert "musicedge" in output


def test_help_of_the_main_command_loads_nothing_slow() -> None:
    modules, output = imported("-m", "musicedge", "classify", "--help")
    assert not SLOW_IMPORTS & modules
    assert "Usage" in output


@pytest.mark.parametrize("path", FILES, ids=name)
def test_file_says_its_job_in_its_first_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring, "the module has no docstring"
    first, *rest = docstring.splitlines()
    assert len(first) > 10
    assert not rest or rest[0] == "", "the first line is not a paragraph of its own"
    assert first.endswith((".", "?", "!"))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_file_has_one_job_as_far_as_length_tells(path: Path) -> None:
    most = MOST_LINES_OF_A_TEST if path.is_relative_to(ROOT / "tests") else MOST_LINES
    assert len(path.read_text("utf-8").splitlines()) <= most


def test_no_file_is_named_after_nothing() -> None:
    nothing = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [name(path) for path in FILES if nothing & set(path.stem.split("_"))] == []


def test_rooms_obey_the_laws() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("broken_by", "line"),
    [
        ("runtime/musicedge/frontend.py", "import scipy.signal"),
        ("runtime/musicedge/frontend.py", "def late(): import torch"),
        ("runtime/musicedge/frontend.py", "import musicedge_training"),
        ("training/musicedge_training/__init__.py", "import musicedge_export"),
        ("export/musicedge_export/__init__.py", "import musicedge_benchmarks"),
        ("benchmarks/musicedge_benchmarks/__init__.py", "import musicedge_training"),
    ],
)
def test_laws_catch_a_violation(broken_by: str, line: str, tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("*.onnx"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / broken_by).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    folders = os.pathsep.join(str(tmp_path / room) for room in ROOMS)
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    # A law may be broken twice: what the runtime imports, benchmarks import through it.
    assert re.search(r"\b[1-9] broken", done.stdout), done.stdout


def test_lowest_constraints_are_the_lower_bounds_of_the_project() -> None:
    lines = (ROOT / "tests" / "constraints-lowest.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]
    bounds = {}
    for requirement in map(Requirement, requires("musicedge") or []):
        marker = requirement.marker
        if not marker or any(marker.evaluate({"extra": extra}) for extra in ("media", "mic")):
            bounds[requirement.name] = next(iter(requirement.specifier)).version
    oldest = {}
    for pin in pins:  # the first line of a package that has several is for the oldest Python
        oldest.setdefault(pin.name, next(iter(pin.specifier)).version)
    assert {name: Version(version) for name, version in oldest.items()} == {
        name: Version(version) for name, version in bounds.items()
    }
