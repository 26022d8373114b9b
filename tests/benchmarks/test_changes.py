"""What changed since an earlier run: ratios, and whether the rounds are enough to tell."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tests.benchmarks.test_pictures import ROW

from musicedge_benchmarks.changes import EarlierRunError, changes, load_earlier


def times(median: float, spread: float = 0.05, seed: int = 0) -> list[float]:
    return (median * (1 + spread * np.random.default_rng(seed).standard_normal(60))).tolist()


def write(path: Path, **values: object) -> Path:
    rows = [asdict(replace(ROW, times=times(5.0)))]
    whole = {"models": rows, "machine": {"processor": "a processor"}, **values}
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("now", "words"), [(5.0, "no clear change"), (4.0, "faster"), (6.0, "slower")]
)
def test_change_beyond_the_spread_of_rounds_is_told(now: float, words: str, tmp_path: Path) -> None:
    earlier = load_earlier(write(tmp_path / "before.json"))
    assert earlier["machine"] == "a processor"
    (found,) = changes([replace(ROW, times=times(now, seed=1))], earlier)
    assert found.words == words
    assert found.low <= found.ratio <= found.high
    assert found.ratio == pytest.approx(now / 5, rel=0.05)


def test_run_that_told_no_provider_was_on_the_cpu(tmp_path: Path) -> None:
    row = {**asdict(ROW), "times": times(5.0)}
    del row["provider"]
    earlier = load_earlier(write(tmp_path / "before.json", models=[row]))
    assert len(changes([replace(ROW, times=times(5.0))], earlier)) == 1
    assert changes([replace(ROW, times=times(5.0), provider="CUDA")], earlier) == []


def test_row_that_the_earlier_run_lacks_is_left_out(tmp_path: Path) -> None:
    earlier = load_earlier(write(tmp_path / "before.json"))
    assert changes([replace(ROW, threads=2), replace(ROW, model="other")], earlier) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"models": []}', '{"models": [7]}', "[" * 100_000, "\x00"],
)
def test_file_that_is_no_earlier_run_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text(text)
    with pytest.raises(EarlierRunError) as caught:
        load_earlier(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_comparison_without_times_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "before.json", models=[{**asdict(ROW), "times": []}])
    with pytest.raises(EarlierRunError, match="no comparison of models"):
        load_earlier(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EarlierRunError, match=r"nowhere\.json: cannot be read: No such file"):
        load_earlier(tmp_path / "nowhere.json")
