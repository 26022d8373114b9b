"""What a labelled track is, whatever dataset it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GENRES = (
    "blues",
    "classical",
    "country",
    "disco",
    "electronic",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
)
MOODS = ("valence", "arousal", "danceability")


def genre_named(name: str) -> str:
    """Return the one of `GENRES` that a name means, whatever its case and hyphens, else the name.

    Examples
    --------
    >>> genre_named("Hip-Hop"), genre_named("Skiffle")
    ('hiphop', 'Skiffle')
    """
    plain = "".join(char for char in name.casefold() if char not in " -_")
    return plain if plain in GENRES else name


@dataclass(frozen=True)
class MoodLabel:
    """One mood value in [0, 1], and the source whose scale it is on.

    Values of different sources are comparable only after each source's own affine map.
    """

    value: float
    source: str


@dataclass(frozen=True)
class Track:
    """One labelled piece of sound; any label may be missing.

    Parameters
    ----------
    id
        Unique in its dataset.
    path
        The audio file; or, of a dataset without audio, the spectrogram that stands for it (see
        `is_spectrogram`).
    kind
        ``"music"``, ``"speech"``, ``"noise"`` or ``"synthetic"``.
    collection
        The collection that it is from; scores are broken down by it.
    group
        What must never be split between training and test: the artist, else the track or speaker.
    fold
        The fold that it is tested in, from 0; -1 for none.
    genres
        The genres that it may be: one for a sure label, several for "one of these", none if not
        known. Those of a user's own dataset may be others than `GENRES`.
    moods
        By mood, the label that it has.
    noise_kind
        What makes the noise, such as ``"rain"``; None for anything but noise.
    """

    id: str
    path: Path
    kind: str
    collection: str
    group: str
    fold: int
    genres: tuple[str, ...] = ()
    moods: Mapping[str, MoodLabel] = field(default_factory=dict)
    noise_kind: str | None = None

    @property
    def is_music(self) -> bool:
        """Whether the track holds music (and not speech or noise)."""
        return self.kind == "music"

    @property
    def is_spectrogram(self) -> bool:
        """Whether `path` is a spectrogram that was computed before, as ``.npy``, and no audio."""
        return self.path.suffix == ".npy"

    @property
    def genre(self) -> str | None:
        """The genre where it is sure, else None."""
        return self.genres[0] if len(self.genres) == 1 else None
