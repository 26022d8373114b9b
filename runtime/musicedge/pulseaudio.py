"""What a PulseAudio server, or PipeWire in its place, can record; as its tool `pactl` tells."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

DEFAULT_MONITOR = "@DEFAULT_MONITOR@"
"""What servers take for the monitor of the output that is in use."""

_SOURCE_VARIABLE = "PULSE_SOURCE"  # read by libpulse whenever it connects
_PATIENCE = 5.0
_RATES = range(1, 1_000_000)


@dataclass(frozen=True, slots=True)
class PulseSource:
    """One source of a server.

    Attributes
    ----------
    name, description
        What the server and what people call it.
    channels, sample_rate
        As it is; the server converts to whatever is asked for.
    monitor_of
        The output whose sound it carries; empty where it is a real input.
    """

    name: str
    description: str
    channels: int
    sample_rate: int
    monitor_of: str


@dataclass(frozen=True, slots=True)
class PulseServer:
    """All sources of a server, and which source and output it uses unless told otherwise."""

    sources: tuple[PulseSource, ...]
    default_source: str
    default_sink: str

    def source(self, name: str) -> PulseSource | None:
        """Return the source of that name."""
        return next((each for each in self.sources if each.name == name), None)


def server() -> PulseServer | None:
    """Return what the server offers; None where none answers or `pactl` is not installed."""
    info, found = _ask("info"), _ask("list", "sources")
    if not isinstance(info, dict) or not isinstance(found, list):
        return None
    return PulseServer(
        tuple(_source(each) for each in found if isinstance(each, dict) and each.get("name")),
        str(info.get("default_source_name") or ""),
        str(info.get("default_sink_name") or ""),
    )


def chosen() -> str:
    """Return the source that the user's environment takes in place of the server's default."""
    return os.environ.get(_SOURCE_VARIABLE, "")


@contextmanager
def recording_from(source: str | None) -> Iterator[None]:
    """Make what connects to the server meanwhile record from that source; None changes nothing."""
    if source is None:
        yield
        return
    before = os.environ.get(_SOURCE_VARIABLE)
    os.environ[_SOURCE_VARIABLE] = source
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SOURCE_VARIABLE]
        else:
            os.environ[_SOURCE_VARIABLE] = before


def _source(found: dict[str, Any]) -> PulseSource:
    specification = str(found.get("sample_specification", ""))  # "s16le 2ch 44100Hz"
    channels = re.search(r"(\d+)ch\b", specification)
    rate = re.search(r"(\d+)Hz\b", specification)
    properties = found.get("properties") or {}
    monitor_of = str(found.get("monitor_source") or "")
    if not monitor_of and properties.get("device.class") == "monitor":
        monitor_of = str(found["name"]).removesuffix(".monitor")
    return PulseSource(
        name=str(found["name"]),
        description=str(found.get("description") or found["name"]),
        channels=int(channels[1]) if channels else 2,
        sample_rate=int(rate[1]) if rate and int(rate[1]) in _RATES else 44_100,
        monitor_of=monitor_of,
    )


def _ask(*question: str) -> Any:
    command = ["pactl", "--format=json", *question]
    # In other locales numbers have commas, or names in other letters question marks.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            env=environment,
            check=True,
        )
        return json.loads(done.stdout.decode("utf-8", "replace"))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
