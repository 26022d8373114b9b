"""The table of scores: what is scored on which tracks, as JSON and as Markdown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicedge_training import scores
from musicedge_training.datasets.track import GENRES, MOODS, MoodLabel, Track
from musicedge_training.evaluate import Score, evaluate, to_json
from musicedge_training.labels import Labels
from musicedge_training.predict import Predictions
from musicedge_training.probe import probe
from musicedge_training.tables import results_table

pytestmark = pytest.mark.usefixtures("few_rounds")


def labelled(n: int = 60) -> list[Track]:
    """Return tracks of two collections and two sources of arousal, a third of them speech."""
    return [
        Track(
            id=f"a/{i}",
            path=Path("none"),
            kind="speech" if i % 3 == 2 else "music",
            collection=("a", "b", "speech")[i % 3],
            group=str(i // 6),
            fold=i % 5,
            genres=() if i % 3 == 2 else (GENRES[i % 4],),
            moods={"arousal": MoodLabel(i / n, ("rated", "words", "")[i % 3])} if i % 3 < 2 else {},
        )
        for i in range(n)
    ]


def guesses(tracks: list[Track], seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    n = len(tracks)
    return Predictions(
        rng.standard_normal((n, len(GENRES))).astype(np.float32),
        np.arange(n),
        rng.random((n, len(MOODS))).astype(np.float32),
        rng.random(n).astype(np.float32),
    )


def test_labels_are_those_of_the_tracks() -> None:
    tracks = labelled()
    labels = Labels.of(tracks)
    assert labels.sources == ("rated", "words")
    for row, track in enumerate(tracks):
        assert {GENRES[i] for i in np.flatnonzero(labels.genres[row])} == set(track.genres)
        assert labels.music[row] == track.is_music
        known = {MOODS[i] for i in np.flatnonzero(labels.mood_known[row])}
        assert known == set(track.moods)
        for mood, label in track.moods.items():
            column = MOODS.index(mood)
            assert labels.moods[row, column] == np.float32(label.value)
            assert labels.sources[labels.mood_source[row, column]] == label.source


def test_genre_is_sure_where_one_is_admitted() -> None:
    tracks = labelled(6)
    tracks[1] = replace(tracks[1], genres=("rock", "pop"))
    assert Labels.of(tracks).hard_genre.tolist() == [0, -1, -1, 3, 0, -1]


def test_scores_are_of_the_tracks_that_have_the_label() -> None:
    tracks = labelled()
    predictions = guesses(tracks)
    results = evaluate(tracks, predictions)
    assert set(results) == {
        *("genre/accuracy", "genre/macro-f1", "genre/ece"),
        *("genre/accuracy/a", "genre/accuracy/b"),
        *("arousal/spearman/rated", "arousal/spearman/words", "music/auroc"),
    }
    music = [i for i, track in enumerate(tracks) if track.is_music]
    truth = np.array([GENRES.index(tracks[i].genres[0]) for i in music])
    right = predictions.logits[music].argmax(axis=1) == truth
    assert results["genre/accuracy"].n == len(music) == 40
    assert results["genre/accuracy"].value == pytest.approx(right.mean())
    rated = [i for i, track in enumerate(tracks) if track.collection == "a"]
    expected = scores.spearman(np.array(rated) / 60, predictions.moods[rated, 1])
    assert results["arousal/spearman/rated"].value == pytest.approx(expected)
    assert results["music/auroc"].n == len(tracks)
    assert all(score.low <= score.value <= score.high for score in results.values())


def test_genres_of_ones_own_are_scored_in_their_own_order() -> None:
    own = ("polka", "blues")
    tracks = [replace(t, genres=own[i % 2 :][:1]) for i, t in enumerate(labelled())]
    right = np.array([[1, 0], [0, 1]] * 30, np.float32)
    predictions = replace(guesses(tracks), logits=right)
    assert evaluate(tracks, predictions, genres=own)["genre/accuracy"].value == 1
    assert evaluate(tracks, predictions, genres=own[::-1])["genre/accuracy"].value == 0


def test_probe_tells_genres_of_ones_own() -> None:
    own = ("polka", "blues", "skiffle")
    tracks = [replace(t, genres=own[i % 2 :][:1]) for i, t in enumerate(labelled())]
    embeddings = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    embeddings[:, 0] = [5 * (i % 2) for i in range(60)]
    rows = np.arange(60)
    predictions = probe(embeddings, Labels.of(tracks, own), rows[:40], rows[40:])
    assert predictions.logits.shape == (20, len(own))
    assert predictions.logits.argmax(axis=1).tolist() == [i % 2 for i in range(40, 60)]


def test_fold_scores_are_means_of_each_folds_own() -> None:
    tracks = labelled(300)
    results = evaluate(tracks, guesses(tracks))
    assert len(results["genre/accuracy"].folds) == 5
    assert results["genre/accuracy"].mean == pytest.approx(results["genre/accuracy"].value)
    alone = evaluate(tracks, guesses(tracks), by_fold=False)
    assert alone["genre/accuracy"].folds == ()
    assert alone["genre/accuracy"].mean == alone["genre/accuracy"].value


def test_temperature_changes_the_calibration_only() -> None:
    tracks = labelled()
    cold, hot = (evaluate(tracks, guesses(tracks), temperature=t) for t in (0.2, 5.0))
    assert cold["genre/accuracy"] == hot["genre/accuracy"]
    assert cold["genre/ece"].value > hot["genre/ece"].value


def test_mood_that_a_system_knows_nothing_of_is_not_scored() -> None:
    tracks = labelled()
    constant = replace(guesses(tracks), moods=np.full((60, 3), 0.5, np.float32))
    assert not [name for name in evaluate(tracks, constant) if "spearman" in name]


def test_tracks_without_labels_have_no_scores() -> None:
    tracks = [replace(track, genres=(), moods={}, kind="music") for track in labelled()]
    assert evaluate(tracks, guesses(tracks)) == {}


def result(name: str, **folds: Score) -> dict[str, Any]:
    """Return what a study returns of a system."""
    value = to_json({"genre/accuracy": Score(0.5, 0.4, 0.6, (), 10)})
    return {
        "system": name,
        "folds": to_json(folds),
        "collections": {"gtzan": value},
        "music": {"missed_music": 0.01},
    }


def test_json_holds_every_figure() -> None:
    score = Score(0.51239, 0.4, 0.6, (0.5, 0.6), 10)
    assert json.loads(json.dumps(to_json({"x": score})))["x"] == {
        "value": 0.5124,
        "interval95": [0.4, 0.6],
        "fold_mean": 0.55,
        "fold_sd": 0.05,
        "n": 10,
    }


def test_table_has_a_row_a_score_and_a_column_a_system() -> None:
    score = Score(0.5, 0.4, 0.6, (0.5, 0.6), 10)
    table = results_table([result("one", x=score), result("two", x=score)])
    assert table.splitlines() == [
        "| score | one | two |",
        "| --- | --- | --- |",
        "| x | 0.550 ± 0.050 | 0.550 ± 0.050 |",
        "| genre/accuracy, trained without gtzan | 0.500 (0.400 to 0.600) "
        "| 0.500 (0.400 to 0.600) |",
        "| music/missed_music | 0.0100 | 0.0100 |",
    ]


def test_table_has_the_scores_of_either_system() -> None:
    score = Score(0.5, 0.4, 0.6, (), 10)
    table = results_table([result("one", x=score), result("two", x=score, y=score)])
    assert "| y |  | 0.500 ± 0.000 |" in table.splitlines()
