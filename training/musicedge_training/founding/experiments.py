"""What the founding study compares: networks, representations, tasks, and transfer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from musicedge.errors import MusicedgeError
from musicedge_training.datasets.track import MOODS
from musicedge_training.representations import FoundingFeatures
from musicedge_training.representations.founding import Kind

ARCHITECTURES = ("lstm", "cnn")
REPRESENTATIONS: Mapping[str, tuple[Kind, bool]] = {
    "mel": ("mel", False),
    "beat-mel": ("mel", True),
    "chroma": ("chroma", False),
    "fused": ("fused", False),
    "beat-fused": ("fused", True),
}
"""By name, what a row holds, and whether there is one for each beat."""

TASKS: Mapping[str, Mapping[str, float]] = {
    "genre": {"genre": 1.0},
    "moods": dict.fromkeys(MOODS, 1.0),
    "moods-weighted": {"valence": 1.5, "arousal": 0.8, "danceability": 0.8},
    "moods-from-genre": dict.fromkeys(MOODS, 1.0),
    **{mood: {mood: 1.0} for mood in MOODS},
}
"""By name, the weight of each head's loss; ``"moods-from-genre"`` begins as a network of genres."""


class NothingChosen(MusicedgeError):
    """No experiment has a name such as was asked for, or none of them is done yet."""


@dataclass(frozen=True)
class Experiment:
    """One training.

    Parameters
    ----------
    architecture, representation, task
        Of `ARCHITECTURES`, `REPRESENTATIONS` and `TASKS`.
    """

    architecture: str
    representation: str
    task: str

    @property
    def name(self) -> str:
        """What its results are called, such as ``"cnn-beat-mel-moods"``."""
        return f"{self.architecture}-{self.representation}-{self.task}"

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each head's loss."""
        return TASKS[self.task]

    @property
    def kind(self) -> Kind:
        """What a row of its features holds."""
        return REPRESENTATIONS[self.representation][0]

    @property
    def beats(self) -> bool:
        """Whether a row of its features is a beat."""
        return REPRESENTATIONS[self.representation][1]

    @property
    def features(self) -> FoundingFeatures:
        """The cached features that its own are columns of."""
        return FoundingFeatures("fused", self.beats)

    @property
    def origin(self) -> Experiment | None:
        """The experiment whose network it begins as; None for random weights."""
        if self.task != "moods-from-genre":
            return None
        return Experiment(self.architecture, self.representation, "genre")


EXPERIMENTS = tuple(
    Experiment(architecture, representation, task)
    for task, representation, architecture in product(TASKS, REPRESENTATIONS, ARCHITECTURES)
)


def choose(pattern: str | None) -> list[Experiment]:
    """Return the experiments in whose names a regular expression is found, all without one.

    An experiment that others begin from is put before them.

    Raises
    ------
    NothingChosen
        There is none, or the pattern is no regular expression.
    """
    try:
        wanted = re.compile(pattern or "")
    except re.error as error:
        raise NothingChosen(f"--only {pattern}: no regular expression: {error}") from None
    found = [each for each in EXPERIMENTS if wanted.search(each.name)]
    if not found:
        raise NothingChosen(
            f"--only {pattern}: no experiment is called so; names are such as "
            f"{EXPERIMENTS[0].name}, and --list shows all"
        )
    origins = [each.origin for each in found if each.origin]
    return list(dict.fromkeys([*origins, *found]))
