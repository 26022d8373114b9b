"""The types of an explanation: what a model went by in one window, and whether that is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from musicedge.analysis import SCHEMA, Analysis, Segment
from musicedge.faithfulness import Curves
from musicedge.frontend import Float32
from musicedge.overview import Overview
from musicedge.readings import Float64

_DECIMALS = 4
_MAP_DECIMALS = 6  # one cell of hundreds adds little


@dataclass(frozen=True)
class Part:
    """A band over the whole window, or a moment over all bands, and what it is worth.

    Attributes
    ----------
    start, end
        In Hz for a band; in seconds from the beginning of the piece for a moment.
    without
        The value, in [0, 1], when this part is covered.
    """

    start: float
    end: float
    without: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the model went by in one window of a piece.

    Attributes
    ----------
    analysis
        What the model says of the whole piece.
    window
        The window that is explained.
    of
        What is explained: a genre, ``"valence"``, ``"arousal"``, ``"danceability"`` or ``"music"``.
    value
        The model's value for it, in [0, 1].
    method
        How the maps were made, such as ``"occlusion"``.
    seconds : np.ndarray [shape=(moments + 1,)]
        The borders of the cells in time, from the beginning of the piece.
    hertz : np.ndarray [shape=(bands + 1,)]
        Their borders in frequency.
    maps : dict of str to np.ndarray [shape=(moments, bands)]
        How much each cell raises a value that the model gives, in log-odds; for `of`, and for the
        others where the method gives them as well.
    bands, moments
        What the value becomes without each band, and without each moment.
    curves
        Whether the map of `of` is true.
    overview
        The waveform and the log-mel of the whole piece.
    levels : np.ndarray [shape=(t, n_mels)]
        The log-mel of the window, in dB.
    borders : np.ndarray [shape=(n_mels + 1,)]
        Where one mel band gives way to the next, in Hz.
    """

    analysis: Analysis
    window: Segment
    of: str
    value: float
    method: str
    seconds: Float64
    hertz: Float64
    maps: dict[str, Float64]
    bands: tuple[Part, ...]
    moments: tuple[Part, ...]
    curves: Curves
    overview: Overview
    levels: Float32
    borders: Float64

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of schema 1 (docs/explanation.schema.json)."""
        check = self.curves
        return {
            "schema": SCHEMA,
            "path": self.analysis.path,
            "model": self.analysis.model.to_dict(),
            "of": self.of,
            "value": round(self.value, _DECIMALS),
            "method": self.method,
            "window": self.window.to_dict(),
            "seconds": _rounded(self.seconds),
            "hertz": _rounded(self.hertz),
            "maps": {
                name: values.round(_MAP_DECIMALS).tolist() for name, values in self.maps.items()
            },
            "bands": [_part(each) for each in self.bands],
            "moments": [_part(each) for each in self.moments],
            "check": {
                "holds": check.holds,
                "deletion_mean": round(check.deletion_mean, _DECIMALS),
                "insertion_mean": round(check.insertion_mean, _DECIMALS),
                "random_means": _rounded(check.random_means),
                "covered": _rounded(check.covered),
                "deletion": _rounded(check.deletion),
                "insertion": _rounded(check.insertion),
                "random": _rounded(check.random),
            },
        }


def _part(part: Part) -> dict[str, float]:
    return {
        "start": round(part.start, _DECIMALS),
        "end": round(part.end, _DECIMALS),
        "without": round(part.without, _DECIMALS),
    }


def _rounded(values: Float64) -> Any:
    return values.round(_DECIMALS).tolist()
