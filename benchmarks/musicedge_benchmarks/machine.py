"""What the figures were measured on: processor, versions, and how busy it was."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from musicedge.cpus import available_cpus, processor_name

BUSY_SHARE = 0.1
"""Above this share of the machine that others use, the absolute times mean little."""

_PACKAGES = ("musicedge", "numpy", "onnxruntime", "soundfile", "soxr", "librosa")
# What decides how fast small networks run: wide vectors, and integer dot products for int8.
_FLAGS = (
    "avx2",
    "fma",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
)
_VNNI = {"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"}
_LOOK = 0.5  # seconds for which it is looked how busy others keep the machine


@dataclass(frozen=True)
class Machine:
    """The machine and what is installed on it.

    Attributes
    ----------
    processor
        Its name, as the system tells it.
    cpus
        How many this process may use.
    flags
        Of its instructions, those that matter here.
    dot_products
        Whether it has integer dot products (VNNI on x86, dotprod on ARM); int8 needs them to gain.
    governor
        Linux's frequency governor; empty where the machine does not show one.
    system, python
        The operating system, and Python's version.
    packages
        Versions of the packages, without those that are not installed.
    date
        When it was measured, in UTC.
    """

    processor: str
    cpus: int
    flags: tuple[str, ...]
    dot_products: bool
    governor: str
    system: str
    python: str
    packages: dict[str, str]
    date: str

    @classmethod
    def this(cls) -> Machine:
        """Describe the machine that this runs on."""
        facts = _cpuinfo()
        known = (facts.get("flags") or facts.get("Features") or "").split()
        flags = tuple(flag for flag in _FLAGS if flag in known)
        return cls(
            processor=processor_name(),
            cpus=available_cpus(),
            flags=flags,
            dot_products=bool(_VNNI & set(flags)),
            governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            packages=_versions(),
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )


@dataclass(frozen=True)
class Load:
    """How busy the machine is with other things.

    Attributes
    ----------
    busy
        Share of its processor time that others used, for half a second, in [0, 1].
    average
        The load average over the last minute; None where the system has none.
    """

    busy: float
    average: float | None

    @property
    def is_high(self) -> bool:
        """Whether it is too busy for absolute times."""
        return self.busy > BUSY_SHARE

    @classmethod
    def now(cls) -> Load:
        """Look for half a second, in which this process does nothing."""
        import psutil

        busy = psutil.cpu_percent(interval=_LOOK) / 100
        average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        return cls(busy, average)


def _cpuinfo() -> dict[str, str]:
    """Return Linux's facts about the first processor; none elsewhere."""
    facts: dict[str, str] = {}
    for line in _read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    return facts


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""
