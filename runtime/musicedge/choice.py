"""Which variant of a model is the fastest on this machine: measured once, and remembered.

An int8 network is often slower than its float32 form where the processor has no instructions for it
(x86 without VNNI), and faster elsewhere: no table tells, so both are run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from musicedge import bundle
from musicedge.session import BATCH, Session

_ROUNDS = 7  # a quarter of a second for the shipped CNN
_GAIN = 0.95  # a variant that is not at least 5 % faster than the default is not worth its change
_MAX_FILE = 1 << 20
_MAX_REMEMBERED = 100


def fastest(name: str, variants: Mapping[str, str], device: str, threads: int | None) -> str:
    """Return the variant of a shipped model that runs fastest here.

    Parameters
    ----------
    name
        The model.
    variants
        The SHA-256 of each of its variants, the default first.
    device, threads
        As for a `Session`.

    Raises
    ------
    ModelInvalid, ModelTampered, DeviceUnavailable
        As for a `Session`.
    """
    key = _key(variants, device, threads)
    path = cache_folder() / "fastest-variant.json"
    remembered = _remembered(path)
    if remembered.get(key) in variants:
        return remembered[key]
    sessions = {v: Session(bundle.open(name, v), device, threads) for v in variants}
    times = measure(sessions)
    default, best = next(iter(times)), min(times, key=lambda variant: times[variant])
    chosen = best if times[best] < _GAIN * times[default] else default
    _remember(path, {**remembered, key: chosen})
    return chosen


def measure(sessions: Mapping[str, Session]) -> dict[str, float]:
    """Return the seconds that each takes for a batch and a single window, the median of a few.

    They take turns, so that whatever else the machine does hits all alike.
    """
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(_ROUNDS + 1):
        for name, session in sessions.items():
            windows = list(rng.standard_normal((BATCH + 1, *session.window_shape), np.float32))
            start = time.perf_counter()
            session.run(windows)
            if turn:  # the first is to warm up
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def cache_folder() -> Path:
    """Return where this user's caches of musicedge are; it need not be there."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "musicedge"


def _key(variants: Mapping[str, str], device: str, threads: int | None) -> str:
    """Return all that the answer depends on, as a text."""
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    parts = [sorted(variants.values()), device, threads, _processor()]
    return json.dumps([*parts, onnxruntime.__version__, providers])


def _processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith(("model name", "Model")):  # the second is an ARM board's
                return line.partition(":")[2].strip()
    import platform

    return platform.processor() or platform.machine()


def _remembered(path: Path) -> dict[str, str]:
    """Return the answers of before; none where the file is missing, broken or too large."""
    try:
        if path.stat().st_size > _MAX_FILE:
            return {}
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {key: value for key, value in values.items() if isinstance(value, str)}


def _remember(path: Path, answers: Mapping[str, str]) -> None:
    """Write the last answers; where that is not possible, the next run measures again."""
    last = dict(list(answers.items())[-_MAX_REMEMBERED:])
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(json.dumps(last, indent=1), "utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
