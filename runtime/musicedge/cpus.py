"""The processor: how many of its CPUs this process may really use, and what it is called."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def available_cpus(root: Path = Path("/")) -> int:
    """Return how many CPUs this process may really use, at least 1.

    That is the smallest of its CPU affinity and the quotas of its control groups, which containers
    set and which the number of CPUs in the machine does not show.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.

    References
    ----------
    Linux kernel documentation, "Control Group v2" (cpu.max) and "CFS Bandwidth Control" (v1).
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cpus, *(math.ceil(quota) for quota in _cgroup_quotas(root))]))


def processor_name(root: Path = Path("/")) -> str:
    """Return what the processor is called, as far as the system tells it.

    Parameters
    ----------
    root
        Where ``proc`` is.
    """
    for line in _read(root / "proc/cpuinfo").splitlines():
        if line.startswith(("model name", "Model")):  # the second is an ARM board's
            return line.partition(":")[2].strip()
    import platform  # a third of a command's own start

    return platform.processor() or platform.machine()


def _cgroup_quotas(root: Path) -> Iterator[float]:
    """Yield the CPU quotas of this process's control groups and of all that these lie in."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        inner = PurePosixPath(path.lstrip("/"))
        # Inside a container the path may be the host's: then only the mount's own files are there.
        for group in (inner, *inner.parents):
            if ".." in group.parts:
                continue
            if controllers:  # version 1: one mount for each set of controllers
                folder = mount / controllers / group
                limit = (
                    f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
                )
            else:
                limit = _read(mount / group / "cpu.max")
            with contextlib.suppress(ValueError):  # "max", or no such file
                quota, period = (int(number) for number in limit.split())
                if quota > 0 and period > 0:
                    yield quota / period


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
