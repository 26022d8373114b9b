"""Which inputs there are to listen to, and which of them is meant."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from types import ModuleType
from typing import Any

from musicedge import portaudio, pulseaudio
from musicedge.errors import InputNotFound, LoopbackUnavailable

COMMON_RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)
"""Sample rates that a list of devices tries, in Hz."""

_PULSE_DEVICE = "pulse"  # what ALSA's plugin for PulseAudio is called
_PULSE = "PulseAudio"
_LOOPBACK_NAMES = (
    "[loopback]",  # PortAudio's own, for outputs of WASAPI
    *("stereo mix", "what u hear", "wave out mix"),  # of Windows' sound drivers
    *("blackhole", "soundflower", "loopback audio"),  # virtual devices of macOS
)
_LIST = "`musicedge devices` lists all"


@dataclass(frozen=True, slots=True)
class InputDevice:
    """Something that sound can be taken from.

    Attributes
    ----------
    index
        Its number, until devices come or go.
    name
        What people call it.
    host_api
        The sound system through which it is reached, such as ALSA, PulseAudio or Windows WASAPI.
    channels
        How many it has.
    default_rate
        Its own sample rate, in Hz.
    rates
        Those of `COMMON_RATES` that it accepts; empty where they were not tried.
    is_default
        Whether it is used unless another is asked for.
    is_loopback
        Whether it carries what the computer itself plays.
    source
        What a PulseAudio server calls it; None for other devices.
    """

    index: int
    name: str
    host_api: str
    channels: int
    default_rate: int
    rates: tuple[int, ...]
    is_default: bool
    is_loopback: bool
    source: str | None = None
    opens: int = field(default=-1, repr=False, compare=False)  # PortAudio's index of it

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as they go into JSON."""
        fields = asdict(self)
        del fields["opens"]
        return {**fields, "rates": list(self.rates)}


def devices(*, rates: bool = True) -> list[InputDevice]:
    """Return all inputs: PortAudio's, then the sources of a PulseAudio or PipeWire server.

    Parameters
    ----------
    rates
        Whether to try which sample rates each accepts. Other programs may be disturbed by that for
        a moment, and a device that one of them has for itself accepts none.

    Raises
    ------
    MicrophoneError
        The ``mic`` extra or the library PortAudio is missing, or PortAudio fails.
    """
    sounddevice = portaudio.load()
    found = portaudio.answered(lambda: _found(sounddevice, rates))
    pulse = next((each for each in found if each.name == _PULSE_DEVICE), None)
    server = pulseaudio.server() if pulse is not None else None
    if pulse is not None and server is not None:
        found += [
            InputDevice(
                index=found[-1].index + 1 + number,
                name=source.description,
                host_api=_PULSE,
                channels=source.channels,
                default_rate=source.sample_rate,
                rates=pulse.rates,
                is_default=False,
                is_loopback=bool(source.monitor_of),
                source=source.name,
                opens=pulse.index,
            )
            for number, source in enumerate(server.sources)
        ]
    return found


def find(wanted: str | int | None = None, *, loopback: bool = False) -> InputDevice:
    """Return the input that is meant.

    Parameters
    ----------
    wanted
        Its index; or its name, or a part of that which no other has, in any case. None is the
        system's default input.
    loopback
        Whether only those count that carry what the computer itself plays.

    Raises
    ------
    InputNotFound
        There is none, or there are several.
    LoopbackUnavailable
        No input carries what the computer plays.
    MicrophoneError
        As for `devices`.
    """
    found = devices(rates=False)
    if loopback:
        return _loopback(found, wanted)
    if not found:
        raise InputNotFound(nothing_there())
    if wanted is not None:
        return _named(found, wanted)
    default = next((each for each in found if each.is_default), found[0])
    return _told_apart(default)


def _found(sounddevice: ModuleType, rates: bool) -> list[InputDevice]:
    """Return PortAudio's inputs."""
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[0]
    if isinstance(default, str) or default < 0:
        default = next((api["default_input_device"] for api in apis), -1)
    devices = []
    for index, each in enumerate(sounddevice.query_devices()):
        if each["max_input_channels"] < 1:
            continue
        devices.append(
            InputDevice(
                index=index,
                name=each["name"],
                host_api=apis[each["hostapi"]]["name"],
                channels=each["max_input_channels"],
                default_rate=round(each["default_samplerate"]),
                rates=_rates(sounddevice, index, each["max_input_channels"]) if rates else (),
                is_default=index == default,
                is_loopback=any(word in each["name"].lower() for word in _LOOPBACK_NAMES),
                opens=index,
            )
        )
    return devices


def _rates(sounddevice: ModuleType, index: int, channels: int) -> tuple[int, ...]:
    accepted = []
    for rate in COMMON_RATES:
        try:
            sounddevice.check_input_settings(index, min(2, channels), "float32", samplerate=rate)
        except sounddevice.PortAudioError:
            continue
        accepted.append(rate)
    return tuple(accepted)


def _loopback(found: list[InputDevice], wanted: str | int | None) -> InputDevice:
    loopbacks = [each for each in found if each.is_loopback]
    if wanted is not None and loopbacks:
        with suppress(InputNotFound):
            return _named(loopbacks, wanted)
        raise InputNotFound(
            f"{_named(found, wanted).name}: does not carry what this computer plays; choose an"
            " input that `musicedge devices` marks as loopback"
        )
    pulse = next((each for each in found if each.name == _PULSE_DEVICE), None)
    if wanted is None and pulse is not None:
        server = pulseaudio.server()
        if server is None:  # no pactl: the server itself knows which one
            return _from_source(pulse, pulseaudio.DEFAULT_MONITOR, "what this computer plays")
        monitors = [each for each in server.sources if each.monitor_of == server.default_sink]
        if monitors:
            return _from_source(pulse, monitors[0].name, monitors[0].description)
    if not loopbacks:
        raise LoopbackUnavailable(_no_loopback())
    return loopbacks[0]


def _told_apart(device: InputDevice) -> InputDevice:
    """Return the default device by the name of what is behind it, where a server tells."""
    if device.name not in ("default", _PULSE_DEVICE) or sys.platform != "linux":
        return device
    server = pulseaudio.server()
    source = server.source(pulseaudio.chosen() or server.default_source) if server else None
    if source is None:
        if server is not None and not server.sources:
            raise InputNotFound(nothing_there())
        return device
    return replace(
        device,
        name=source.description,
        channels=source.channels,
        default_rate=source.sample_rate,
        is_loopback=bool(source.monitor_of),
    )


def _from_source(pulse: InputDevice, source: str, name: str) -> InputDevice:
    return replace(pulse, name=name, host_api=_PULSE, channels=2, is_loopback=True, source=source)


def _named(found: Sequence[InputDevice], wanted: str | int) -> InputDevice:
    if isinstance(wanted, int):
        for each in found:
            if each.index == wanted:
                return each
        raise InputNotFound(f"there is no input {wanted}; {_LIST}")
    key = wanted.strip().casefold()
    exact = [each for each in found if key in (name.casefold() for name in _names(each))]
    part = [each for each in found if key and any(key in n.casefold() for n in _names(each))]
    matches = exact or part
    if not matches:
        raise InputNotFound(f"there is no input {wanted!r}{_nearest(found, key)}; {_LIST}")
    if len(matches) > 1:  # Windows has each device once for each of its sound systems
        api = next((each.host_api for each in found if each.is_default), None)
        preferred = [each for each in matches if each.host_api == api]
        if len(preferred) != 1:
            listed = ", ".join(f"{each.index} {each.name} ({each.host_api})" for each in matches)
            raise InputNotFound(
                f"{wanted!r} may be any of {len(matches)} inputs: {listed}; give the index"
            )
        matches = preferred
    return matches[0]


def _names(device: InputDevice) -> tuple[str, ...]:
    own = (device.name, f"{device.name}, {device.host_api}", f"{device.name} ({device.host_api})")
    return own if device.source is None else (*own, device.source)


def _nearest(found: Sequence[InputDevice], key: str) -> str:
    from difflib import get_close_matches

    names = {name.casefold(): each.name for each in found for name in _names(each)}
    close = get_close_matches(key, names, n=3, cutoff=0.5)
    listed = ", ".join(dict.fromkeys(repr(names[each]) for each in close))
    return f" (the nearest: {listed})" if listed else ""


def nothing_there() -> str:
    """Return what people are told where there is no input, with what to do on this platform."""
    hint = "plug in a microphone"
    if sys.platform == "linux":
        hint += ", and see that PulseAudio or PipeWire runs (`pactl info`) or that /dev/snd may be"
        hint += " read (group audio)"
    elif sys.platform == "darwin":
        hint += ", and see System Settings > Sound > Input"
    elif sys.platform == "win32":
        hint += ", and see Settings > System > Sound > Input"
    return f"this computer has no input device; {hint}"


def _no_loopback() -> str:
    start = "no input carries what this computer plays"
    if sys.platform == "win32":
        return (
            f"{start}: this PortAudio has no WASAPI loopback; switch on Stereo Mix in the sound"
            " settings, or install a virtual cable such as VB-CABLE"
        )
    if sys.platform == "darwin":
        return (
            f"{start}: macOS offers none; install a virtual device such as BlackHole"
            " (brew install blackhole-2ch), and let the sound go to it as well"
        )
    return (
        f"{start}: see that a PulseAudio or PipeWire server runs (`pactl info`), and install ALSA's"
        " plugin for it: libasound2-plugins (Debian, Ubuntu), alsa-plugins-pulseaudio (Fedora) or"
        " alsa-plugins (Arch)"
    )
