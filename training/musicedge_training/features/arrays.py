"""A song's features as one .npz file, for people who go on in a notebook."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge.audio import printable
from musicedge.mel import band_borders
from musicedge_training.features import analysis
from musicedge_training.features.figures import PITCH_CLASSES
from musicedge_training.features.songs import Song
from musicedge_training.representations.medians import WIDTH

UNITS = {
    "logmel": "dB (frame, band)",
    "logmel_times": "s",
    "band_borders": "Hz",
    "chroma": "1 for the strongest of a frame (frame, pitch class)",
    "pitch_classes": "names",
    "onsets": "dB (frame)",
    "frame_times": "s, of chroma and onsets",
    "beats": "s",
    "segment_borders": "s",
    "beat_logmel": "dB (segment, band)",
    "beat_chroma": "as chroma (segment, pitch class)",
    "tempogram": "autocorrelation, at most 1 (column, tempo)",
    "tempogram_times": "s",
    "tempi": "beats a minute",
}


def npz(song: Song) -> bytes:
    """Return the bytes of the file; ``about`` in it is JSON with units, parameters and figures."""
    features = song.features
    arrays: dict[str, NDArray[Any]] = {
        "logmel": features.levels,
        "logmel_times": np.arange(len(features.levels)) / features.config.frame_rate,
        "band_borders": band_borders(features.config),
        "chroma": features.chroma,
        "pitch_classes": np.array(PITCH_CLASSES),
        "onsets": features.onsets,
        "frame_times": np.arange(len(features.chroma)) / analysis.FRAME_RATE,
        "beats": features.beats,
        "segment_borders": features.borders,
        "beat_logmel": features.beat_levels,
        "beat_chroma": features.beat_chroma,
        "tempogram": features.tempogram,
        "tempogram_times": np.arange(len(features.tempogram))
        * analysis.TEMPO_HOP
        / analysis.FRAME_RATE,
        "tempi": features.tempi,
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, about=np.array(json.dumps(_about(song))), **arrays)
    return buffer.getvalue()


def _about(song: Song) -> dict[str, Any]:
    from musicedge import __version__

    return {
        "musicedge": __version__,
        "path": printable(song.path),
        "units": UNITS,
        "parameters": {
            "logmel": song.features.config.to_dict(),
            "spectrum": analysis.POWER_SPECTRUM.to_dict(),
            "chroma": {"sample_rate": analysis.CHROMA_RATE, "hop_length": analysis.CHROMA_HOP},
            "median": WIDTH,
            "tempogram_frames": analysis.TEMPO_FRAMES,
            "tempogram_hop": analysis.TEMPO_HOP,
        },
        "figures": song.features.figures.to_dict(),
    }
