"""Where networks run: on which device, and in which of several processes."""

from __future__ import annotations

import torch


def rank() -> int:
    """Return which of several processes that train one network together this is, from 0."""
    distributed = torch.distributed
    together = distributed.is_available() and distributed.is_initialized()
    return int(distributed.get_rank()) if together else 0


def device() -> torch.device:
    """Return a GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
