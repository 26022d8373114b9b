"""A bank of crops made of patterns, without audio: for tests of what comes after the crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicedge.frontend_config import FrontEndConfig
from musicedge_training.crops import CropBank
from musicedge_training.datasets.track import MoodLabel, Track
from musicedge_training.representations import write_npy

FRAMES = 64


def pattern_tracks() -> list[Track]:
    """Return four pieces of two genres, one of two possible genres, and two of noise."""
    labels = [("blues",), ("blues",), ("rock",), ("rock",), ("pop", "rock"), (), ()]
    return [
        Track(
            id=f"patterns/{number}",
            path=Path("none"),
            kind="music" if genres else "noise",
            collection="patterns",
            group=str(number),
            fold=number % 5,
            genres=genres,
            moods={"arousal": MoodLabel(number / 8, "rated")} if number < 4 else {},
            noise_kind=None if genres else "rain",
        )
        for number, genres in enumerate(labels)
    ]


def write_bank(folder: Path, variants: int = 2) -> CropBank:
    """Write a bank whose crops differ by class: a bright band, low or high, or none."""
    config = FrontEndConfig()
    bank = CropBank(folder, pattern_tracks(), [], config)
    bank.folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for variant in range(variants):
        for name in ("clean", "rough"):
            crops = 0.1 * rng.standard_normal((len(bank.tracks), FRAMES, config.n_mels))
            for row, track in enumerate(bank.tracks):
                band = {"blues": slice(8, 40), "rock": slice(80, 120)}.get(track.genre or "")
                if band is not None:
                    crops[row, :, band] += 1.5
            write_npy(bank.folder / f"{variant:03}-{name}.npy", crops.astype(np.float16))
    return bank
