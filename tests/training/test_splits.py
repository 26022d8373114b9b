"""Splits: what must never be trained on is not, and everything is tested."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.tiny_corpus import COLLECTIONS, CORPUS, NOISES

from musicedge_training.datasets import corpus
from musicedge_training.datasets.track import Track
from musicedge_training.splits import FOLDS, Split, all_split, collection_splits, fold_splits


@st.composite
def track_lists(draw: st.DrawFn) -> list[Track]:
    """Draw tracks of any mixture; a group has one fold, as the corpus promises."""
    tracks = []
    for number in range(draw(st.integers(5, 40))):
        kind = draw(st.sampled_from(["music", "music", "speech", "noise"]))
        group = draw(st.integers(0, 12))
        collection = draw(st.sampled_from(["a", "b", "c"])) if kind == "music" else kind
        genre = draw(st.sampled_from([(), ("rock",), ("rock", "pop")]))
        tracks.append(
            Track(
                id=f"{collection}/{number}",
                path=Path("none"),
                kind=kind,
                collection=collection,
                group=f"{kind == 'noise'}.{group}",
                fold=group % FOLDS,
                genres=genre if kind == "music" else (),
                noise_kind=draw(st.sampled_from(NOISES)) if kind == "noise" else None,
            )
        )
    return tracks


def check(tracks: list[Track], split: Split) -> None:
    assert not set(split.train) & set(split.test)
    assert len(set(split.train)) == len(split.train)
    assert len(set(split.test)) == len(split.test)
    unseen = set(split.unseen_noise)
    trained = {tracks[row].group for row in split.train}
    # A group may be cut only where all recordings of a kind of noise are taken out.
    tested = {tracks[row].group for row in split.test if tracks[row].noise_kind not in unseen}
    assert not trained & tested
    assert not {tracks[row].noise_kind for row in split.train} & unseen


def check_folds(tracks: list[Track]) -> None:
    splits = fold_splits(tracks)
    assert [split.name for split in splits] == [f"fold-{number}" for number in range(FOLDS)]
    times: Counter[int] = Counter()
    for number, split in enumerate(splits):
        check(tracks, split)
        assert len(split.train) + len(split.test) == len(tracks)
        times.update(int(row) for row in split.test if tracks[row].fold == number)
        extra = [tracks[row] for row in split.test if tracks[row].fold != number]
        assert all(track.noise_kind in split.unseen_noise for track in extra)
    assert times == dict.fromkeys(range(len(tracks)), 1)
    kinds = [kind for split in splits for kind in split.unseen_noise]
    assert sorted(kinds) == sorted({t.noise_kind for t in tracks if t.noise_kind})


def check_collections(tracks: list[Track]) -> None:
    splits = collection_splits(tracks)
    names = [split.name.removeprefix("without-") for split in splits]
    several = len({track.collection for track in tracks if track.is_music}) > 1
    assert names == sorted({t.collection for t in tracks if t.genre and several})
    for name, split in zip(names, splits, strict=True):
        check(tracks, split)
        held = [row for row, track in enumerate(tracks) if track.collection == name]
        assert split.test.tolist() == held


@given(track_lists())
def test_folds_test_every_track_once_and_split_no_group(tracks: list[Track]) -> None:
    check_folds(tracks)


@given(track_lists())
def test_collections_are_tested_whole_without_their_artists_trained(tracks: list[Track]) -> None:
    check_collections(tracks)


def test_artist_of_two_collections_is_left_out_of_both(tracks: list[Track]) -> None:
    assert {track.collection for track in tracks if track.group == "both"} == set(COLLECTIONS)
    for split in collection_splits(tracks):
        assert "both" not in {tracks[row].group for row in split.train}
        kin = [t for t in tracks if t.group == "both" and f"without-{t.collection}" != split.name]
        assert len(split.train) + len(split.test) + len(kin) == len(tracks)


def test_all_split_trains_on_everything(tracks: list[Track]) -> None:
    split = all_split(tracks)
    np.testing.assert_array_equal(split.train, np.arange(len(tracks)))
    assert len(split.test) == 0


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not there")
def test_real_corpus_splits_by_the_rules() -> None:
    tracks = corpus.load(CORPUS)
    check_folds(tracks)
    check_collections(tracks)
    assert [len(split.unseen_noise) for split in fold_splits(tracks)] == [2] * FOLDS
