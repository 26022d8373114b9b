"""What a measurement needs and this installation may lack: looked for, and not imported.

Importing would load numpy, whose threads are to be pinned first.
"""

from __future__ import annotations

from importlib.util import find_spec

from musicedge.errors import MusicedgeError


class ExtraMissing(MusicedgeError):
    """A package that was needed is not installed; the message says how to get it."""


def is_installed(package: str) -> bool:
    """Whether a package of that name can be imported."""
    return find_spec(package) is not None


def require(what: str, extra: str, *packages: str) -> None:
    """Refuse to begin where a package is missing.

    Raises
    ------
    ExtraMissing
        One of them is not installed.
    """
    if not all(map(is_installed, packages)):
        names = " and ".join(packages)
        raise ExtraMissing(f"{what} need {names}: pip install 'musicedge[{extra}]'")
