"""The card: strict, typed, bounded."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime.tiny_model import CARD, HEADS

from musicedge.card import FORMAT_VERSION, Card, Head, NewerFormat

GENRE, VALENCE, _, _, MUSIC = HEADS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def changed(path: list[Any], value: Any) -> str:
    """Return the card's JSON with the value at a path replaced."""
    values = json.loads(CARD.to_json())
    part = values
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(values)


def test_a_card_survives_its_json():
    assert Card.from_json(CARD.to_json()) == CARD


def test_windows_have_lengths_in_seconds():
    assert (CARD.window_seconds, CARD.hop_seconds) == (1.0, 0.5)


def test_heads_are_found_by_name():
    assert CARD.head("music") == MUSIC
    assert replace(CARD, heads=(GENRE,)).head("music") is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["labells"], [], "a key of the card is 'labells'"),
        (["window_frame"], 3, "perhaps 'window_frames'"),
        (["heads", 0, "temprature"], 1, "perhaps 'temperature'"),
        (["frontend", "n_mel"], 3, "n_mel"),
        (["frontend", "n_mels"], 10**6, "n_mels is 1000000"),
        (
            ["frontend"],
            {**CARD.frontend.to_dict(), "sample_rate": 2000, "fmax": 900},
            "sample_rate",
        ),
        (["frontend", "scale"], 10**400, "too large"),
        (["frontend"], [], "frontend must be an object"),
        (["graph"], 7, "graph must be an object"),
        (["graph", "macs"], -1, "graph macs is -1"),
        (["graph", "opset"], "17", "graph opset is '17'"),
        (["graph", "operators"], {"Conv": 0}, "graph operators Conv is 0"),
        (["graph", "operators"], {"Conv": 2.5}, r"graph operators Conv is 2\.5"),
        (["input"], "waves", "input is 'waves'"),
        (["window_frames"], 0, "window_frames is 0"),
        (["window_frames"], 10**9, "window_frames is 1000000000"),
        (["window_frames"], 100.0, "window_frames is 100.0"),
        (["window_frames"], True, "window_frames is True"),
        (["hop_frames"], 101, "hop_frames is 101: must be a whole number from 1 to 100"),
        (["name"], "", "name has 0 characters"),
        (["name"], "cnn\x1b[2J", r"name is 'cnn\\x1b\[2J'"),
        (["name"], 7, "name is 7"),
        (["notes"], "x" * 5000, "notes has 5000 characters"),
        (["heads"], [], "heads are"),
        (["heads"], {}, "heads is {}"),
        (["heads", 0], "genre", "stands where an object must be"),
        (["heads", 1, "name"], "valense", "perhaps 'valence'"),
        (["heads", 1, "name"], "arousal", "each once"),
        (["heads", 1, "kind"], "detection", "valence is a regression head"),
        (["heads", 1, "range"], [0, 5], r"range is \[0, 5\]"),
        (["heads", 1, "labels"], ["a", "b"], "labels are given"),
        (["heads", 1, "threshold"], 0.5, "threshold is 0.5"),
        (["heads", 0, "labels"], ["one"], "labels are 1"),
        (["heads", 0, "labels"], ["one", "one"], "same label twice"),
        (["heads", 0, "labels"], ["one", 2], "label is 2"),
        (["heads", 0, "temperature"], 0, "temperature is 0"),
        (["heads", 4, "threshold"], None, "threshold is null"),
        (["heads", 4, "threshold"], 2, "threshold is 2"),
        (["scores"], [], "stands where an object must be"),
        (["scores"], {"a": "\x00"}, "a text of scores"),
        (["created_with"], {"torch": 2}, "created_with must hold texts"),
        (["format_version"], 0, "format_version is 0"),
        (["format_version"], "1", "format_version is '1'"),
    ],
)
def test_what_breaks_a_rule_is_named(path: list[Any], value: Any, message: str):
    with pytest.raises(ValueError, match=message):
        Card.from_json(changed(path, value))


@pytest.mark.parametrize("key", ["name", "frontend", "heads", "graph", "input", "format_version"])
def test_a_missing_key_is_named(key: str):
    values = json.loads(CARD.to_json())
    del values[key]
    with pytest.raises(ValueError, match=f"lacks {key}"):
        Card.from_json(json.dumps(values))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"scores": NaN}',
        '{"scores": 1e999}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        '"' + "x" * 1_000_001 + '"',
    ],
)
def test_what_is_no_card_is_refused(text: str):
    with pytest.raises(ValueError, match=r"\w"):
        Card.from_json(text)


def test_deeply_nested_scores_are_refused():
    text = CARD.to_json().replace('"scores": {', '"scores": {"a": ' + "[" * 20 + "]" * 20 + ", ")
    with pytest.raises(ValueError, match="nested deeper"):
        Card.from_json(text)


def test_a_newer_format_is_recognised_before_its_unknown_keys():
    values = {"format_version": FORMAT_VERSION + 1, "name": "cnn", "from_the_future": 1}
    with pytest.raises(
        NewerFormat, match=f"card format {FORMAT_VERSION + 1}, this one reads {FORMAT_VERSION}"
    ):
        Card.from_json(json.dumps(values))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CARD.to_dict())), JSON)
def test_any_value_anywhere_is_taken_or_refused_with_a_reason(key: str, value: Any):
    with contextlib.suppress(ValueError):  # anything else would be a traceback
        card = Card.from_json(changed([key], value))
        assert Card.from_json(card.to_json()) == card


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(GENRE.to_dict())), st.integers(0, 4), JSON)
def test_any_value_in_a_head_is_taken_or_refused_with_a_reason(key: str, head: int, value: Any):
    with contextlib.suppress(ValueError):
        Card.from_json(changed(["heads", head, key], value))


def test_python_callers_get_the_same_rules():
    with pytest.raises(ValueError, match="must be tuples"):
        Head(name="genre", kind="classification", labels=["a", "b"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="heads must be a tuple"):
        replace(CARD, heads=[VALENCE])
