"""The features of whole tracks that networks read, computed once and kept in a cache."""

from musicedge_training.representations.cache import (
    FeatureCache,
    Representation,
    Skipped,
    cannot_be_kept,
    digest_of,
    run_jobs,
    write_npy,
)
from musicedge_training.representations.founding import FoundingFeatures
from musicedge_training.representations.logmel import (
    LogMel,
    LogMelCache,
    front_end,
    load_samples,
)

__all__ = [
    "FeatureCache",
    "FoundingFeatures",
    "LogMel",
    "LogMelCache",
    "Representation",
    "Skipped",
    "cannot_be_kept",
    "digest_of",
    "front_end",
    "load_samples",
    "run_jobs",
    "write_npy",
]
