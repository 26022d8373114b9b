"""Starting fast, without what Python and numpy do for programs that run for long."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Import and load without garbage collections, which find nothing: modules and models stay.

    What has been made by the end is not looked at by later collections either. Only for a process
    of the command's own: the cyclic garbage that is there already is never freed.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def no_blas_threads() -> Iterator[None]:
    """Import numpy without the threads of its linear algebra, unless the user has set a number.

    They spin when they have started, and nothing here is a product large enough for them.
    """
    if _BLAS_THREADS in os.environ:
        yield
        return
    os.environ[_BLAS_THREADS] = "1"
    try:
        yield
    finally:
        del os.environ[_BLAS_THREADS]
