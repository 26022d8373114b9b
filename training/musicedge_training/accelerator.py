"""Where networks run: on which device, and in which of several processes."""

from __future__ import annotations

import torch


def rank() -> int:
    """Return which of several processes that train one network together this is, from 0."""
    return int(torch.distributed.get_rank()) if _together() else 0


def processes() -> int:
    """Return how many processes train one network together."""
    return int(torch.distributed.get_world_size()) if _together() else 1


def _together() -> bool:
    distributed = torch.distributed
    return bool(distributed.is_available() and distributed.is_initialized())


def device() -> torch.device:
    """Return a GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
