"""The result types and their JSON."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge.analysis import (
    MUSIC_SHARE,
    SCHEMA,
    Analysis,
    GenreScore,
    ModelInfo,
    Segment,
    mood_words,
)

UNIT = st.floats(0, 1)
SEGMENT = Segment(
    start=1 / 3,
    end=10.00049,
    music=0.98765,
    genre=(GenreScore("rock", 0.71239), GenreScore("jazz", 0.28761)),
    valence=0.62,
    arousal=0.81111,
    danceability=None,
)


def analysis(**changes: object) -> Analysis:
    values: dict[str, object] = {
        "path": "song.mp3",
        "duration": 181.23456,
        "decoder": "soundfile",
        "model": ModelInfo("cnn", "int8", "ab" * 32, "CPUExecutionProvider"),
        "music": 0.98,
        "music_share": 1.0,
        "genre": (GenreScore("rock", 0.71239), GenreScore("jazz", 0.28761)),
        "valence": 0.123456,
        "arousal": 0.81,
        "danceability": None,
        "notes": ("decoded by PyAV",),
        "segments": (SEGMENT,),
    }
    return Analysis(**{**values, **changes})  # type: ignore[arg-type]


def test_to_dict_is_the_object_of_schema_1():
    assert analysis().to_dict() == {
        "schema": SCHEMA,
        "path": "song.mp3",
        "duration": 181.235,
        "decoder": "soundfile",
        "model": {
            "name": "cnn",
            "variant": "int8",
            "sha256": "ab" * 32,
            "provider": "CPUExecutionProvider",
        },
        "music": 0.98,
        "genre": [{"label": "rock", "score": 0.7124}, {"label": "jazz", "score": 0.2876}],
        "valence": 0.1235,
        "arousal": 0.81,
        "danceability": None,
        "notes": ["decoded by PyAV"],
    }


def test_segments_are_given_with_the_timeline_only():
    assert "segments" not in analysis().to_dict()
    assert analysis().to_dict(timeline=True)["segments"] == [
        {
            "start": 0.333,
            "end": 10.0,
            "music": 0.9877,
            "genre": [{"label": "rock", "score": 0.7124}, {"label": "jazz", "score": 0.2876}],
            "valence": 0.62,
            "arousal": 0.8111,
            "danceability": None,
        }
    ]


def test_to_dict_is_plain_json():
    result = analysis(genre=(), valence=None, arousal=None, path=None, segments=())
    text = json.dumps(result.to_dict(timeline=True), allow_nan=False)
    assert json.loads(text) == result.to_dict(timeline=True)


def test_results_travel_between_processes():
    assert pickle.loads(pickle.dumps(analysis())) == analysis()


@settings(deadline=None)
@given(UNIT)
def test_a_piece_is_music_from_a_tenth_of_its_windows_on(share: float):
    assert analysis(music_share=share).is_music == (share >= MUSIC_SHARE)


@pytest.mark.parametrize(
    ("valence", "arousal", "words"),
    [
        (0.9, 0.9, "happy, excited"),
        (0.1, 0.9, "tense, angry"),
        (0.1, 0.1, "sad, gloomy"),
        (0.9, 0.1, "calm, content"),
        (0.5, 0.5, "neutral, near the middle"),
        (0.55, 0.45, "neutral, near the middle"),
        (0.5, 0.9, "happy, excited"),
        (0.5, 0.1, "calm, content"),
    ],
)
def test_mood_words_name_the_quadrant(valence: float, arousal: float, words: str):
    assert mood_words(valence, arousal) == words


@settings(deadline=None)
@given(UNIT, UNIT)
def test_every_mood_has_words(valence: float, arousal: float):
    assert mood_words(valence, arousal)
