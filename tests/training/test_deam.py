"""DEAM in its real layout: two tables of mean ratings, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.tiny_audio import write_sound

from musicedge_training.datasets import deam
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import GENRES
from musicedge_training.representations import load_samples

SONG_LEVEL = "annotations/annotations averaged per song/song_level"
FIRST = "static_annotations_averaged_songs_1_2000.csv"
SECOND = "static_annotations_averaged_songs_2000_2058.csv"

# As in the real files: spaces after the commas of the first line, and more columns in the second.
HEADER = "song_id, valence_mean, valence_std, arousal_mean, arousal_std"
LONG_HEADER = (
    "song_id, valence_mean, valence_std, valence_max_mean, valence_max_std, valence_min_mean,"
    " valence_min_std, arousal_mean, arousal_std, arousal_max_mean, arousal_max_std,"
    " arousal_min_mean, arousal_min_std"
)
RATINGS = ["2,3.1,0.94,3,0.63", "3,3.5,1.75,3.3,1.62", "4,5.7,1.42,5.5,1.63", "7,1,0,9,0"]
LATER = ["2001,5.4,1.2,7,1.1,3,0.4,6.2,0.98,8,0.6,4.2,1.4", "2058,4,1,6,1,2,1,5,1,7,1,3,1"]


def write_deam(
    root: Path, ratings: list[str] = RATINGS, *, header: str = HEADER, tables: str = ""
) -> Path:
    """Write both tables and a song a line, and return the root."""
    folder = root / tables / SONG_LEVEL
    folder.mkdir(parents=True)
    (folder / FIRST).write_text("\n".join([header, *ratings]) + "\n", "utf-8")
    (folder / SECOND).write_text("\n".join([LONG_HEADER, *LATER]) + "\n", "utf-8")
    for line in [*ratings, *LATER]:
        write_sound(root / "MEMD_audio" / f"{line.partition(',')[0] or 'none'}.mp3")
    return root


def error_of(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        deam.load(root)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("tables", ["", "DEAM_Annotations"])
def test_ratings_become_shares_of_their_scale(tables: str, tmp_path: Path) -> None:
    root = write_deam(tmp_path, tables=tables)
    assert deam.recognises(root)
    dataset = deam.load(root)
    values = {
        track.id: (track.moods["valence"].value, track.moods["arousal"].value)
        for track in dataset.tracks
    }
    assert values["deam/2"] == pytest.approx((2.1 / 8, 2 / 8))
    assert values["deam/7"] == (0, 1)
    assert values["deam/2001"] == pytest.approx((4.4 / 8, 5.2 / 8))
    assert len(values) == 6
    assert {label.source for t in dataset.tracks for label in t.moods.values()} == {"deam"}
    assert {track.genres for track in dataset.tracks} == {()}
    assert dataset.genres == GENRES
    assert dataset.notes == ("6 of the 1802 published pieces",)
    assert len(load_samples(dataset.tracks[0].path, 22_050)) >= 22_050


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("9,9.5,1,3,1", ["line 6", "valence_mean is 9.5", "[1, 9]"]),
        ("9,5,1,0.5,1", ["arousal_mean is 0.5", "[1, 9]"]),
        ("9,5,1,much,1", ["arousal_mean is 'much'"]),
        (",5,1,5,1", ["line 6", "no song_id"]),
        ("2,5,1,5,1", ["'deam/2' is there twice"]),
    ],
)
def test_wrong_line_is_named(line: str, words: list[str], tmp_path: Path) -> None:
    message = error_of(write_deam(tmp_path, [*RATINGS, line]))
    for word in words:
        assert word in message


def test_missing_column_is_named(tmp_path: Path) -> None:
    root = write_deam(tmp_path, header=HEADER.replace("arousal_mean", "arousal"))
    assert "no column 'arousal_mean'" in error_of(root)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    root = write_deam(tmp_path / "a")
    (root / "MEMD_audio" / "4.mp3").unlink()
    assert "MEMD_audio/4.mp3" in error_of(root)
    root = write_deam(tmp_path / "b")
    (root / SONG_LEVEL / SECOND).unlink()
    assert f"{SECOND}: there is no such file" in error_of(root)
    root = write_deam(tmp_path / "c")
    (root / "MEMD_audio").rename(root / "audio")
    assert "MEMD_audio" in error_of(root)
    assert FIRST in error_of(tmp_path)
    assert not deam.recognises(tmp_path)
