"""What the founding study concluded, each compared on this data: whether it holds here as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge_training import scores
from musicedge_training.datasets.track import GENRES, MOODS, Track
from musicedge_training.founding.scoring import Answers, within_sources
from musicedge_training.labels import Labels

GENRE = "genre accuracy"
ALL_MOODS = "mean of the moods"
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Parameters
    ----------
    experiment
        Its name.
    score
        `GENRE`, a mood (Spearman within its sources), or `ALL_MOODS`.
    """

    experiment: str
    score: str

    def __str__(self) -> str:
        return f"{self.experiment}, {self.score}"


@dataclass(frozen=True)
class Claim:
    """A conclusion: that one side's score is higher than the other's."""

    statement: str
    higher: Side
    lower: Side


@dataclass(frozen=True)
class Finding:
    """A claim on this data.

    Attributes
    ----------
    difference, low, high
        Of the scores, and its 95 % interval from drawing artists, the same for both sides.
    """

    claim: Claim
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``"holds"``, ``"the opposite holds"``, or ``"open"``: the interval has both signs."""
        if self.low > 0:
            return "holds"
        return "the opposite holds" if self.high < 0 else "open"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready object."""
        return {
            "statement": self.claim.statement,
            "higher": str(self.claim.higher),
            "lower": str(self.claim.lower),
            "difference": round(self.difference, 4),
            "interval95": [round(self.low, 4), round(self.high, 4)],
            "verdict": self.verdict,
        }


_NETWORKS = ("cnn", "lstm")
_SCORES = {"genre": GENRE, "moods": ALL_MOODS}

_CNN_OR_LSTM = [
    Claim(
        f"the CNN beats the LSTM: {representation}, {task}",
        Side(f"cnn-{representation}-{task}", score),
        Side(f"lstm-{representation}-{task}", score),
    )
    for task, score in _SCORES.items()
    for representation in ("mel", "beat-mel")
]
_BEST_REPRESENTATION = [
    Claim(
        f"mel is the best representation: against {other}, {network}, {task}",
        Side(f"{network}-mel-{task}", score),
        Side(f"{network}-{other}-{task}", score),
    )
    for network in _NETWORKS
    for task, score in _SCORES.items()
    for other in ("chroma", "fused", "beat-mel")
]
_MULTITASK = [
    Claim(
        f"three moods at once beat each alone: {network}, {mood}",
        Side(f"{network}-mel-moods", mood),
        Side(f"{network}-mel-{mood}", mood),
    )
    for network in _NETWORKS
    for mood in MOODS
]
_WEIGHTS = [
    Claim(
        f"tuned weights beat equal ones: {network}",
        Side(f"{network}-mel-moods-weighted", ALL_MOODS),
        Side(f"{network}-mel-moods", ALL_MOODS),
    )
    for network in _NETWORKS
]
_TRANSFER = [
    Claim(
        f"transfer from genre ends lower: {network}",
        Side(f"{network}-mel-moods", ALL_MOODS),
        Side(f"{network}-mel-moods-from-genre", ALL_MOODS),
    )
    for network in _NETWORKS
]
_EASIEST_AND_HARDEST = [
    Claim(
        f"{easier} is easier than {harder}: {network}",
        Side(f"{network}-mel-moods", easier),
        Side(f"{network}-mel-moods", harder),
    )
    for network in _NETWORKS
    for easier, harder in (("arousal", "danceability"), ("danceability", "valence"))
]
CLAIMS = (
    *_CNN_OR_LSTM,
    *_BEST_REPRESENTATION,
    *_MULTITASK,
    *_WEIGHTS,
    *_TRANSFER,
    *_EASIEST_AND_HARDEST,
)


def find(
    tracks: Sequence[Track], answers: Mapping[str, Answers], *, genres: Sequence[str] = GENRES
) -> list[Finding]:
    """Compare what claims are about, as far as it has been trained.

    Parameters
    ----------
    tracks
        With their labels, all that were tested on, or more.
    answers
        What each experiment's network says, by the experiment's name.
    genres
        What the answers' genres are counted in.
    """
    labels = Labels.of(tracks, genres)
    groups = [track.group for track in tracks]
    aligned = {name: _aligned(tracks, given) for name, given in answers.items()}
    findings = []
    for claim in CLAIMS:
        if {claim.higher.experiment, claim.lower.experiment} <= set(aligned):
            higher, lower = (
                _figure(labels, aligned[side.experiment], side.score)
                for side in (claim.higher, claim.lower)
            )

            def difference(rows: Rows, higher: _Figure = higher, lower: _Figure = lower) -> float:
                return higher(rows) - lower(rows)

            everything = np.arange(len(tracks))
            low, high = scores.bootstrap_interval(difference, everything, groups=groups)
            findings.append(Finding(claim, difference(everything), low, high))
    return findings


_Figure = Callable[[Rows], float]


def _aligned(tracks: Sequence[Track], answers: Answers) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return genre and moods of each track in order, -1 and NaN where there is no answer."""
    place = {str(name): row for row, name in enumerate(answers.ids)}
    genre = np.full(len(tracks), -1)
    moods = np.full((len(tracks), len(MOODS)), np.nan, np.float32)
    for row, track in enumerate(tracks):
        if track.id in place:
            genre[row] = answers.genre[place[track.id]]
            moods[row] = answers.moods[place[track.id]]
    return genre, moods


def _figure(labels: Labels, answers: tuple[NDArray[Any], NDArray[Any]], score: str) -> _Figure:
    """Return a score as a function of the tracks, by their rows, that it is computed from."""
    genre, moods = answers
    if score == GENRE:
        truth = labels.hard_genre
        return lambda rows: _accuracy(truth, genre, rows)
    columns = [MOODS.index(score)] if score in MOODS else list(range(len(MOODS)))
    return lambda rows: float(np.mean([_spearman(labels, moods, c, rows) for c in columns]))


def _accuracy(truth: NDArray[Any], genre: NDArray[Any], rows: Rows) -> float:
    known = rows[(truth[rows] >= 0) & (genre[rows] >= 0)]
    return scores.accuracy(truth[known], genre[known])


def _spearman(labels: Labels, moods: NDArray[Any], column: int, rows: Rows) -> float:
    known = rows[labels.mood_known[rows, column] & ~np.isnan(moods[rows, column])]
    return within_sources(
        labels.moods[known, column], moods[known, column], labels.mood_source[known, column]
    )
