"""Genre and mood of music, told on the device where the music is.

Examples
--------
>>> import musicedge
>>> model = musicedge.load("cnn")  # doctest: +SKIP
>>> result = model.analyze("song.mp3")  # doctest: +SKIP
>>> result.genre[0].label, result.valence  # doctest: +SKIP
('rock', 0.62)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicedge.analysis import Analysis, GenreScore, ModelInfo, Segment, mood_words
    from musicedge.bundle import Card, Head, InstalledModel, installed
    from musicedge.errors import (
        AudioEmpty,
        AudioError,
        AudioFormat,
        AudioNotFound,
        AudioPermission,
        AudioTruncated,
        AudioValues,
        DeviceUnavailable,
        InternalError,
        MediaExtraMissing,
        ModelError,
        ModelInvalid,
        ModelNotFound,
        ModelTampered,
        MusicedgeError,
        OutputError,
    )
    from musicedge.frontend import FrontEnd
    from musicedge.frontend_config import FrontEndConfig
    from musicedge.model import Model, load

    __version__: str

__all__ = [
    "Analysis",
    "AudioEmpty",
    "AudioError",
    "AudioFormat",
    "AudioNotFound",
    "AudioPermission",
    "AudioTruncated",
    "AudioValues",
    "Card",
    "DeviceUnavailable",
    "FrontEnd",
    "FrontEndConfig",
    "GenreScore",
    "Head",
    "InstalledModel",
    "InternalError",
    "MediaExtraMissing",
    "Model",
    "ModelError",
    "ModelInfo",
    "ModelInvalid",
    "ModelNotFound",
    "ModelTampered",
    "MusicedgeError",
    "OutputError",
    "Segment",
    "__version__",
    "installed",
    "load",
    "mood_words",
]

_HOMES = {
    "analysis": ("Analysis", "GenreScore", "ModelInfo", "Segment", "mood_words"),
    "bundle": ("Card", "Head", "InstalledModel", "installed"),
    "frontend": ("FrontEnd",),
    "frontend_config": ("FrontEndConfig",),
    "model": ("Model", "load"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # numpy and onnxruntime take a good part of a second to import: only who uses them waits.
    from importlib import import_module

    if name == "__version__":
        value: Any = _version()
    elif name in _HOME_OF:
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    elif name in __all__:
        value = getattr(import_module(f"{__name__}.errors"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(__name__)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+unknown"
