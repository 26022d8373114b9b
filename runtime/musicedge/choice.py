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
from musicedge.cpus import available_cpus, processor_name
from musicedge.session import BATCH, Session

_ROUNDS = 7  # a quarter of a second for the shipped CNN
_GAIN = 0.95  # a variant that is not at least 5 % faster than the default is not worth its change
_MAX_FILE = 1 << 20
_MAX_REMEMBERED = 100


def find(
    name_or_path: str | os.PathLike[str], variant: str, device: str, threads: int | None
) -> bundle.Bundle:
    """Find a model and verify it: of a shipped one, the variant that runs fastest here.

    Parameters
    ----------
    name_or_path, variant
        As for `musicedge.bundle.open`; ``"auto"`` is the fastest.
    device, threads
        As for a `Session`.

    Raises
    ------
    ModelNotFound, ModelInvalid, ModelTampered, ModelError, DeviceUnavailable
        As for `musicedge.bundle.open` and a `Session`.
    """
    if variant == "auto" and isinstance(name_or_path, str):
        variants = bundle.variants(name_or_path)
        if len(variants) > 1:
            variant = fastest(name_or_path, variants, device, threads)
    return bundle.open(name_or_path, variant)


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
    folder = cache_folder()
    path = folder and folder / "fastest-variant.json"
    remembered = _remembered(path) if path else {}
    if remembered.get(key) in variants:
        return remembered[key]
    sessions = {v: Session(bundle.open(name, v), device, threads) for v in variants}
    times = measure(sessions)
    default, best = next(iter(times)), min(times, key=lambda variant: times[variant])
    chosen = best if times[best] < _GAIN * times[default] else default
    if path:
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


def cache_folder() -> Path | None:
    """Return where this user's caches of musicedge are, there or not; None for a user without home.

    A relative ``XDG_CACHE_HOME`` counts for nothing, as the XDG Base Directory Specification says.
    """
    named = os.environ.get({"win32": "LOCALAPPDATA"}.get(sys.platform, "XDG_CACHE_HOME"), "")
    if sys.platform != "darwin" and Path(named).is_absolute():
        return Path(named) / "musicedge"
    inside = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    try:
        return Path.home() / inside / "musicedge"
    except RuntimeError:  # as of a container's user who is in no list
        return None


def _key(variants: Mapping[str, str], device: str, threads: int | None) -> str:
    """Return all that the answer depends on, as a text."""
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    cpus = threads or available_cpus()
    parts = [sorted(variants.values()), device, cpus, processor_name()]
    return json.dumps([*parts, onnxruntime.__version__, providers])


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
