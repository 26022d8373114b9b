"""Genre and mood of music, told on the device where the music is.

Examples
--------
>>> import musicedge
>>> model = musicedge.load("cnn")  # doctest: +SKIP
>>> result = model.analyze("song.mp3")  # doctest: +SKIP
>>> result.genre[0].label, result.valence  # doctest: +SKIP
('rock', 0.62)
>>> for reading in musicedge.listen():  # doctest: +SKIP
...     print(reading.genre[:1], reading.arousal)
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
        InputBusy,
        InputLost,
        InputNotFound,
        InputRefused,
        InternalError,
        LoopbackUnavailable,
        MediaExtraMissing,
        MicExtraMissing,
        MicrophoneError,
        ModelError,
        ModelInvalid,
        ModelNotFound,
        ModelTampered,
        MusicedgeError,
        NothingToExplain,
        OutputError,
        PortAudioMissing,
    )
    from musicedge.explaining import explain
    from musicedge.explanation import Explanation
    from musicedge.frontend import FrontEnd
    from musicedge.frontend_config import FrontEndConfig
    from musicedge.inputs import InputDevice, devices
    from musicedge.live import Listener, listen
    from musicedge.microphone import Microphone
    from musicedge.model import Model, load
    from musicedge.replay import FileSource
    from musicedge.source import Chunk, Source
    from musicedge.stream import Reading, Stream

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
    "Chunk",
    "DeviceUnavailable",
    "Explanation",
    "FileSource",
    "FrontEnd",
    "FrontEndConfig",
    "GenreScore",
    "Head",
    "InputBusy",
    "InputDevice",
    "InputLost",
    "InputNotFound",
    "InputRefused",
    "InstalledModel",
    "InternalError",
    "Listener",
    "LoopbackUnavailable",
    "MediaExtraMissing",
    "MicExtraMissing",
    "Microphone",
    "MicrophoneError",
    "Model",
    "ModelError",
    "ModelInfo",
    "ModelInvalid",
    "ModelNotFound",
    "ModelTampered",
    "MusicedgeError",
    "NothingToExplain",
    "OutputError",
    "PortAudioMissing",
    "Reading",
    "Segment",
    "Source",
    "Stream",
    "__version__",
    "devices",
    "explain",
    "installed",
    "listen",
    "load",
    "mood_words",
]

_HOMES = {
    "analysis": ("Analysis", "GenreScore", "ModelInfo", "Segment", "mood_words"),
    "bundle": ("Card", "Head", "InstalledModel", "installed"),
    "explaining": ("explain",),
    "explanation": ("Explanation",),
    "frontend": ("FrontEnd",),
    "frontend_config": ("FrontEndConfig",),
    "inputs": ("InputDevice", "devices"),
    "live": ("Listener", "listen"),
    "microphone": ("Microphone",),
    "model": ("Model", "load"),
    "replay": ("FileSource",),
    "source": ("Chunk", "Source"),
    "stream": ("Reading", "Stream"),
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
