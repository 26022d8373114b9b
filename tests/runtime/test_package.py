"""The public face: what `import musicedge` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import musicedge


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, musicedge; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    heavy = {"numpy", "onnxruntime", "soundfile", "soxr", "click", "rich", "importlib.metadata"}
    assert not heavy & loaded
    assert {name for name in loaded if name.startswith("musicedge.")} == set()


@pytest.mark.parametrize("name", musicedge.__all__)
def test_every_public_name_is_there(name: str):
    assert getattr(musicedge, name) is not None
    assert name in dir(musicedge)


def test_a_star_import_gives_the_public_names():
    names: dict[str, object] = {}
    exec("from musicedge import *", names)
    assert set(musicedge.__all__) <= set(names)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        musicedge.lod  # noqa: B018


def test_every_error_is_public():
    from musicedge import errors

    own = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert own <= set(musicedge.__all__)
