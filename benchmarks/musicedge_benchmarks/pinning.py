"""One thread: the environment that keeps linear algebra from taking more CPUs than were meant."""

from __future__ import annotations

import os
import sys

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_READ_BY = ("numpy", "scipy", "numba")  # the packages that look at them, once, when imported


def pin_to_one_thread() -> bool:
    """Pin this process's linear algebra, and say whether that came in time.

    The variables are read when numpy and its kin are imported: afterwards they change nothing here,
    and still hold for the processes that are started.
    """
    in_time = not any(name in sys.modules for name in _READ_BY)
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    return in_time


def unpinned(environment: dict[str, str] | None = None) -> dict[str, str]:
    """Return an environment as a user's command has it, without what would pin or slow it."""
    # Without cached bytecode, every start would compile what an installation has compiled long ago.
    left_out = {
        *VARIABLES,
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "PYTHONPROFILEIMPORTTIME",
    }
    source = dict(os.environ) if environment is None else environment
    return {name: value for name, value in source.items() if name not in left_out}
