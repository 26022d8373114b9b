"""The wheel: built from the checkout and installed without extras, it does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "corner-store-shuffle.mp3"
PROMISED = {"numpy", "onnxruntime", "soundfile", "soxr", "click", "rich"}
HEAVY = {"torch", "librosa", "onnx", "scipy", "scikit-learn", "numba", "av", "sounddevice"}
# On disk: the models are 14 MB of it, and Pygments, which rich needs, and libsndfile 8.
MOST_MEGABYTES = 29

pytestmark = pytest.mark.slow

# What the clean environment holds, as told from within it by the standard library alone.
INVENTORY = """
import importlib.metadata as metadata, json
print(json.dumps({
    each.metadata["Name"]: {
        "requires": each.requires or [],
        "bytes": sum(f.locate().stat().st_size for f in each.files or []
                     if f.suffix != ".pyc" and f.locate().is_file()),
    }
    for each in metadata.distributions()
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command with none of this process's Python settings; return what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT, cwd=folder)
    (path,) = folder.glob("musicedge-*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a clean environment in which the wheel is installed, without extras."""
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", folder / "environment", cwd=folder)
    scripts = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return scripts / "python"


@pytest.fixture(scope="module")
def installed(python: Path) -> dict[str, dict[str, Any]]:
    """The distributions in the clean environment: their requirements and their bytes."""
    found = json.loads(run(python, "-c", INVENTORY, cwd=python.parent))
    return {
        canonicalize_name(name): entry
        for name, entry in found.items()
        if canonicalize_name(name) not in {"pip", "setuptools", "wheel"}  # venv's own
    }


def test_wheel_holds_every_room_the_models_and_the_recipes(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for package in ("", "_training", "_export", "_benchmarks"):
        assert f"musicedge{package}/__init__.py" in names
    for folder, suffixes in {
        "runtime/musicedge": (".py", ".onnx", ".json", ".typed", ".html", ".css", ".js"),
        "training/musicedge_training": (".py", ".toml"),
    }.items():
        source = ROOT / folder
        for path in source.rglob("*"):
            if path.suffix in suffixes or path.name == "py.typed":
                assert path.relative_to(source.parent).as_posix() in names
    for expected in ("py.typed", "models/manifest.json", "models/cnn.int8.onnx"):
        assert f"musicedge/{expected}" in names


def test_wheel_holds_nothing_but_the_packages_and_the_licences(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    packages = {f"musicedge{room}" for room in ("", "_training", "_export", "_benchmarks")}
    (information,) = tops - packages
    assert information.endswith(".dist-info")
    for licence in ("LICENSE", "NOTICE"):
        assert f"{information}/licenses/{licence}" in names


def test_base_requirements_of_the_wheel_are_the_promised_ones(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = HeaderParser().parsestr(archive.read(path).decode())
    requirements = map(Requirement, metadata.get_all("Requires-Dist", []))
    base = {each.name for each in requirements if "extra" not in str(each.marker or "")}
    assert base == PROMISED


def test_clean_install_brings_the_promised_packages_and_theirs_only(
    installed: dict[str, dict[str, Any]], python: Path
) -> None:
    assert not HEAVY & set(installed)
    needed, queue = set(), ["musicedge"]
    while queue:
        name = queue.pop()
        if name in needed or name not in installed:
            continue
        needed.add(name)
        for line in installed[name]["requires"]:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                queue.append(canonicalize_name(requirement.name))
    assert needed == set(installed)


def test_clean_install_adds_little_to_numpy_and_onnxruntime(
    installed: dict[str, dict[str, Any]], tell: Callable[[str], None]
) -> None:
    needs = {canonicalize_name(Requirement(x).name) for x in installed["onnxruntime"]["requires"]}
    small = {
        package: entry["bytes"] / 1e6
        for package, entry in installed.items()
        if package not in {"numpy", "onnxruntime"} | needs
    }
    total = sum(small.values())
    parts = ", ".join(f"{name} {size:.1f}" for name, size in sorted(small.items()))
    report = f"{total:.1f} MB beside numpy and onnxruntime ({parts})"
    tell(report)
    assert total < MOST_MEGABYTES, report


def test_clean_install_classifies_the_example(python: Path, tmp_path: Path) -> None:
    output = run(python.parent / "musicedge", "classify", EXAMPLE, "--json", cwd=tmp_path)
    (result,) = json.loads(output)
    assert result["schema"] == 1
    assert result["music"] > 0.5
    assert len(result["genre"]) == 11
    assert sum(entry["score"] for entry in result["genre"]) == pytest.approx(1, abs=1e-3)
    assert all(0 <= result[mood] <= 1 for mood in ("valence", "arousal", "danceability"))


@pytest.mark.parametrize(("command", "extra"), [("train", "train"), ("export", "export")])
def test_command_of_a_missing_extra_names_the_pip_line(
    command: str, extra: str, python: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [python.parent / "musicedge", command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"pip install 'musicedge[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
