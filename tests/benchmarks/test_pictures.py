"""The picture of the comparison: written in each format, or refused before anything is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from musicedge_benchmarks import extras, pictures
from musicedge_benchmarks.cli import bench
from musicedge_benchmarks.comparison import Row
from musicedge_benchmarks.endurance import Endurance
from musicedge_benchmarks.extras import ExtraMissing
from musicedge_benchmarks.growth import FileGrowth, Growth
from musicedge_benchmarks.pictures import PictureError, check_picture, draw_comparison, draw_growth
from musicedge_benchmarks.rounds import Percentiles, Spread
from musicedge_benchmarks.scoring import Score
from musicedge_benchmarks.worth import Worth, Worths

ROW = Row(
    model="tiny.fp32",
    provider="CPU",
    threads=1,
    batch=1,
    bytes=4_000_000,
    parameters=1_000_000,
    macs=100_000_000,
    accuracy=0.75,
    opening=Spread(0.02, 0.01, 0.03, 5),
    window=Percentiles(5.0, 6.0, 7.0, 10),
    to_first=Spread(1, 1, 1, 10),
    times_real_time=2000.0,
    peak=80_000_000,
    times=[5.0] * 10,
)


@pytest.mark.parametrize("suffix", pictures.SUFFIXES)
def test_picture_is_written_in_the_format_of_its_suffix(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"models{suffix}"
    check_picture(path)
    rows = [ROW, replace(ROW, model="tiny.int8", bytes=1_000_000), replace(ROW, accuracy=None)]
    draw_comparison(rows, path)
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    data = path.read_bytes()
    assert data.startswith(start)
    if suffix == ".svg":
        assert b"tiny.int8, 1.00 MB" in data or data.count(b"<use") > 20  # text drawn as shapes


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    path = tmp_path / "models.png"
    with pytest.raises(PictureError, match="no model's accuracy is known"):
        draw_comparison([replace(ROW, accuracy=None)], path)
    assert not path.exists()


@pytest.mark.parametrize("parts", ["growth", "endurance", "both"])
def test_growth_is_drawn_as_far_as_it_was_measured(parts: str, tmp_path: Path) -> None:
    looks = [(0.5, 80_000_000), (1.0, 81_000_000)]
    files = [
        FileGrowth(h, *[Spread(h, h, h, 1)] * 2, 81_000_000, looks) for h in (1.0, 2.0, 5.0, 10.0)
    ]
    heard = [(hour / 10, 80_000_000, hour / 2) for hour in range(20)]
    endurance = Endurance(2.0, 100, 80_000_000, 80_000_000, 80_000_000, 10.0, heard)
    path = tmp_path / "growth.png"
    draw_growth(
        Growth(files) if parts != "endurance" else None,
        endurance if parts != "growth" else None,
        path,
    )
    assert path.read_bytes().startswith(b"\x89PNG")


def test_growth_that_was_not_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="nothing was measured"):
        draw_growth(Growth(), None, tmp_path / "growth.png")


def test_measured_accuracies_stand_in_the_place_of_the_cards(tmp_path: Path) -> None:
    path = tmp_path / "models.svg"
    score = Score(0.5, 0.4, 0.6, 100)
    found = Worths("labels.csv", 100, [Worth("tiny.fp32", "CPU", 100, 0, 0, score, score, {})])
    draw_comparison([ROW, replace(ROW, model="other.fp32")], path, found)
    assert path.read_bytes().startswith(b"<?xml")
    with pytest.raises(PictureError, match="no model's accuracy"):
        draw_comparison([replace(ROW, model="other.fp32")], path, found)


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "models.png").mkdir()
    with pytest.raises(PictureError, match=r"models\.png: cannot be written"):
        draw_comparison([ROW], tmp_path / "models.png")


@pytest.mark.parametrize(
    ("name", "reason"), [("models.gif", ".png, .svg"), ("nowhere/models.png", "no folder")]
)
def test_picture_that_cannot_be_is_refused_first(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=reason):
        check_picture(tmp_path / name)
    done = CliRunner().invoke(bench, ["--plot", str(tmp_path / name)])
    assert isinstance(done.exception, PictureError)


def test_missing_matplotlib_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"pip install 'musicedge\[plot\]'"):
        check_picture(tmp_path / "models.png")
