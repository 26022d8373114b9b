"""DEAM in its real layout: two tables of mean ratings, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.tiny_datasets import (
    DEAM_FIRST,
    DEAM_HEADER,
    DEAM_RATINGS,
    DEAM_SECOND,
    DEAM_TABLES,
    write_deam,
)

from musicedge_training.datasets import deam
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import GENRES
from musicedge_training.representations import load_samples


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
    message = error_of(write_deam(tmp_path, [*DEAM_RATINGS, line]))
    for word in words:
        assert word in message


def test_missing_column_is_named(tmp_path: Path) -> None:
    root = write_deam(tmp_path, header=DEAM_HEADER.replace("arousal_mean", "arousal"))
    assert "no column 'arousal_mean'" in error_of(root)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    root = write_deam(tmp_path / "a")
    (root / "MEMD_audio" / "4.mp3").unlink()
    assert "MEMD_audio/4.mp3" in error_of(root)
    root = write_deam(tmp_path / "b")
    (root / DEAM_TABLES / DEAM_SECOND).unlink()
    assert f"{DEAM_SECOND}: there is no such file" in error_of(root)
    root = write_deam(tmp_path / "c")
    (root / "MEMD_audio").rename(root / "audio")
    assert "MEMD_audio" in error_of(root)
    assert DEAM_FIRST in error_of(tmp_path)
    assert not deam.recognises(tmp_path)
