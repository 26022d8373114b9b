"""The result types: what a model says about a piece, in Python and as JSON (schema 1)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from musicedge.values import Value

SCHEMA = 1
MOODS = ("valence", "arousal", "danceability")

MUSIC_SHARE = 0.1  # a piece holds music when at least this share of its windows does

_MIDDLE = 0.5  # the origin of the circumplex on axes that run from 0 to 1
_NEAR_MIDDLE = (
    0.1  # a fifth of the way to the rim: closer to the origin, the quadrant is a coin toss
)
_SCORE_DECIMALS = 4
_TIME_DECIMALS = 3


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class GenreScore(Value):
    """A genre and its calibrated probability in [0, 1]."""

    label: str
    score: float


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Segment(Value):
    """What the model says about one window of the piece.

    Attributes
    ----------
    start, end
        Seconds from the beginning of the source. `end` never exceeds the end of the source, even
        where a short clip was repeated to fill the window.
    music
        Probability in [0, 1] that the window holds music; 1 where the model has no such head.
    genre
        All genres, ranked; their scores sum to 1. Empty where there is no music or no such head.
    valence, arousal, danceability
        In [0, 1]; None where there is no music or no such head.
    """

    start: float
    end: float
    music: float
    genre: tuple[GenreScore, ...]
    valence: float | None
    arousal: float | None
    danceability: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the segment as it stands in ``segments`` of the JSON object."""
        return {
            "start": _time(self.start),
            "end": _time(self.end),
            "music": _score(self.music),
            "genre": _genre_objects(self.genre),
            "valence": _score(self.valence),
            "arousal": _score(self.arousal),
            "danceability": _score(self.danceability),
        }


@dataclass(frozen=True, eq=False, repr=False)
class ModelInfo(Value):
    """Which model file gave a result, and on which execution provider it ran."""

    name: str
    variant: str
    sha256: str
    provider: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON object ``model``."""
        return {
            "name": self.name,
            "variant": self.variant,
            "sha256": self.sha256,
            "provider": self.provider,
        }


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Analysis(Value):
    """What the model says about a whole piece: a summary, and one `Segment` for each window.

    Attributes
    ----------
    path
        The source's path or name; None for arrays and bytes that were given no name.
    duration
        Seconds of audio that were analysed.
    decoder
        ``"soundfile"``, ``"pyav"`` or ``"array"``.
    model
        The model and the execution provider.
    music
        Mean over the windows of the probability that there is music, in [0, 1].
    music_share
        Share of the windows, in [0, 1], that reach the model's threshold for music.
    genre
        All genres, ranked; the mean over the windows that hold music. Empty where there is no
        music or no such head.
    valence, arousal, danceability
        The mean over the windows that hold music, in [0, 1]; None where there is no music or no
        such head.
    notes
        What a reader should know, such as that a clip was shorter than the window.
    segments
        The windows, in order of time. A window is made a `Segment` of when it is asked for, since
        hours of music have thousands.
    """

    path: str | None
    duration: float
    decoder: str
    model: ModelInfo
    music: float
    music_share: float
    genre: tuple[GenreScore, ...]
    valence: float | None
    arousal: float | None
    danceability: float | None
    notes: tuple[str, ...] = ()
    segments: Sequence[Segment] = ()

    @property
    def is_music(self) -> bool:
        """Whether the piece holds music: at least a tenth of its windows do."""
        return self.music_share >= MUSIC_SHARE

    def to_dict(self, timeline: bool = False) -> dict[str, Any]:
        """Return the JSON object of schema 1.

        Parameters
        ----------
        timeline
            Whether to add ``segments``.
        """
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "path": self.path,
            "duration": _time(self.duration),
            "decoder": self.decoder,
            "model": self.model.to_dict(),
            "music": _score(self.music),
            "genre": _genre_objects(self.genre),
            "valence": _score(self.valence),
            "arousal": _score(self.arousal),
            "danceability": _score(self.danceability),
            "notes": list(self.notes),
        }
        if timeline:
            result["segments"] = [segment.to_dict() for segment in self.segments]
        return result


def mood_words(valence: float, arousal: float) -> str:
    """Name the quadrant of valence and arousal, both in [0, 1], in words.

    References
    ----------
    Russell, "A circumplex model of affect", Journal of Personality and Social Psychology 39 (1980).

    Examples
    --------
    >>> mood_words(0.8, 0.7)
    'happy, excited'
    >>> mood_words(0.52, 0.47)
    'neutral, near the middle'
    """
    x, y = valence - _MIDDLE, arousal - _MIDDLE
    if math.hypot(x, y) < _NEAR_MIDDLE:
        return "neutral, near the middle"
    if y >= 0:
        return "happy, excited" if x >= 0 else "tense, angry"
    return "calm, content" if x >= 0 else "sad, gloomy"


def _score(value: float | None) -> float | None:
    return None if value is None else round(float(value), _SCORE_DECIMALS)


def _time(seconds: float) -> float:
    return round(float(seconds), _TIME_DECIMALS)


def _genre_objects(genre: Iterable[GenreScore]) -> list[dict[str, Any]]:
    return [{"label": entry.label, "score": _score(entry.score)} for entry in genre]
