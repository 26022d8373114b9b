"""Every error a user can cause: what was wrong with which input, with the value, and what to do."""

from __future__ import annotations


class MusicedgeError(Exception):
    """Base of all errors that musicedge raises for its input; its text is one line for people."""


class AudioError(MusicedgeError):
    """An input could not be used as audio."""


class AudioNotFound(AudioError):
    """There is no such file, or the folder holds no audio."""


class AudioPermission(AudioError):
    """The file is there but may not be read."""


class AudioFormat(AudioError):
    """The bytes are not audio that any installed decoder understands."""


class MediaExtraMissing(AudioFormat):
    """The format needs PyAV, which comes with the ``media`` extra."""


class AudioEmpty(AudioError):
    """The file is empty or decodes to no samples."""


class AudioTruncated(AudioError):
    """The file ends before the length that its header promises."""


class AudioValues(AudioError):
    """The samples or the stream's parameters (rate, channels) are out of range."""


class NothingToExplain(AudioError):
    """There is no music in a piece, or at the moment that was asked about."""


class ModelError(MusicedgeError):
    """A model could not be used."""


class ModelNotFound(ModelError):
    """There is no installed model or file of that name."""


class ModelInvalid(ModelError):
    """The file is not a musicedge model, or its card or graph breaks a rule."""


class ModelTampered(ModelInvalid):
    """A shipped model's SHA-256 differs from the one in the package's manifest."""


class DeviceUnavailable(MusicedgeError):
    """The execution provider that was asked for is not there."""


class MicrophoneError(MusicedgeError):
    """Sound could not be taken from an input device."""


class MicExtraMissing(MicrophoneError):
    """Microphones need sounddevice, which comes with the ``mic`` extra."""


class PortAudioMissing(MicrophoneError):
    """The library PortAudio, on which sounddevice stands, is not installed or does not load."""


class InputNotFound(MicrophoneError):
    """There is no input device, or none or several of that name or index."""


class LoopbackUnavailable(InputNotFound):
    """Nothing here carries what the computer itself plays."""


class InputBusy(MicrophoneError):
    """Another program has the input device for itself."""


class InputRefused(MicrophoneError):
    """The input device does not open, with the wanted sample rate or any other."""


class InputLost(MicrophoneError):
    """The input device went away while it was listened to."""


class OutputError(MusicedgeError):
    """A result could not be written."""


class InternalError(MusicedgeError):
    """Something failed that no input should make fail: a bug of musicedge, to be reported."""
