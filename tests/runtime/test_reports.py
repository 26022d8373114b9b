"""Outcomes written down: the same facts in every form, whatever the names, numbers and width."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from musicedge.analysis import Analysis, GenreScore, ModelInfo, Segment
from musicedge.errors import AudioEmpty, MusicedgeError
from musicedge.library import Outcome
from musicedge.report import Report
from musicedge.report.csv import CsvTable
from musicedge.report.json import JsonLines, JsonList, json_object
from musicedge.report.panel import Panels
from musicedge.report.text import PlainText, bar, clock, percent

LABELS = ("rock", "drum and bass", "音楽")
GENRE = tuple(GenreScore(*each) for each in zip(LABELS, (0.7, 0.298, 0.002), strict=True))
SEGMENTS = (
    Segment(0.0, 10.0, 0.99, GENRE, 0.62, 0.81, 0.55),
    Segment(5.0, 15.0, 0.98, GENRE, 0.62, 0.81, None),
    Segment(10.0, 20.0, 0.1, (), None, None, None),
)
ANALYSIS = Analysis(
    path="song.wav",
    duration=3725.04,
    decoder="soundfile",
    model=ModelInfo("cnn", "int8", "0" * 64, "CPUExecutionProvider"),
    music=0.9,
    music_share=2 / 3,
    genre=GENRE,
    valence=0.62,
    arousal=0.81,
    danceability=0.55,
    notes=("music in 67 % of the windows",),
    segments=SEGMENTS,
)
NO_MUSIC = replace(
    ANALYSIS, music=0.03, music_share=0, genre=(), valence=None, arousal=None, danceability=None
)
FAILED = AudioEmpty("song.wav: the file is empty; give another")

NAMES = st.text(
    st.characters(exclude_categories=(), exclude_characters="\0"), min_size=1, max_size=60
)


def written(report: type[Report], *outcomes: Outcome, **options: object) -> str:
    stream = Terminal()
    form = report(stream, **options)  # type: ignore[call-arg]
    for outcome in outcomes:
        form.write(outcome)
    form.close()
    stream.buffer.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


class Terminal(io.TextIOWrapper):
    """A stream that keeps what is written, byte for byte."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="", write_through=True)


@given(st.lists(st.tuples(NAMES, st.sampled_from([ANALYSIS, NO_MUSIC, FAILED])), max_size=5))
def test_any_name_survives_in_json(outcomes: list[tuple[str, Analysis | MusicedgeError]]) -> None:
    given = [Outcome(*each) for each in outcomes]
    as_list = json.loads(written(JsonList, *given))
    as_lines = [json.loads(line) for line in written(JsonLines, *given).split("\n")[:-1]]
    assert as_list == as_lines == [json_object(each) for each in given]
    for each, (path, _) in zip(as_list, outcomes, strict=True):
        assert each["path"] == path.encode("utf-8", "backslashreplace").decode()


def test_json_list_without_outcomes_is_an_empty_list() -> None:
    assert json.loads(written(JsonList)) == []


def test_json_is_complete_after_every_line() -> None:
    stream = Terminal()
    report = JsonLines(stream)
    for count in (1, 2):
        report.write(Outcome("song.wav", ANALYSIS))
        lines = stream.buffer.getvalue().decode().splitlines()
        assert [json.loads(line)["path"] for line in lines] == ["song.wav"] * count


@given(NAMES)
def test_any_name_survives_in_csv_and_starts_no_formula(name: str) -> None:
    text = written(CsvTable, Outcome(name, ANALYSIS), Outcome(name, FAILED), labels=LABELS)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        shown = name.encode("utf-8", "backslashreplace").decode()
        assert row["path"] in (shown, f"./{shown}")
        for cell in row.values():
            assert cell == "-" or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert float(rows[0]["genre.drum and bass"]) == 0.298
    assert (rows[0]["genre"], rows[0]["error"]) == ("rock", "")
    assert rows[1]["error"] == f"AudioEmpty: {FAILED}"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "-"])
def test_a_path_that_looks_like_a_formula_stays_that_path(name: str) -> None:
    text = written(CsvTable, Outcome(name, ANALYSIS), labels=LABELS)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["path"] == ("-" if name == "-" else f"./{name}")


def test_a_label_that_looks_like_a_formula_is_text() -> None:
    evil = (GenreScore("=1+1", 1.0),)
    analysis = replace(ANALYSIS, genre=evil)
    text = written(CsvTable, Outcome("a", analysis), labels=("=1+1",))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["genre"] == "'=1+1"
    assert row["genre.=1+1"] == "1.0"


def test_csv_without_outcomes_is_its_header() -> None:
    for timeline in (False, True):
        text = written(CsvTable, labels=LABELS, timeline=timeline)
        assert text.count("\r\n") == 1
        assert ("start,end" in text) == timeline


def test_plain_text_shows_what_is_there() -> None:
    assert written(PlainText, Outcome("song.wav", ANALYSIS), timeline=True, top=2) == (
        "song.wav (1:02:05, cnn int8)\n"
        "  music\n"
        "  rock            70 %  ████████████████▊\n"
        "  drum and bass   30 %  ███████▏\n"
        "  valence         0.62  ██████████████▉\n"
        "  arousal         0.81  ███████████████████▌\n"
        "  danceability    0.55  █████████████▎\n"
        "  mood           happy, excited\n"
        "  note: music in 67 % of the windows\n"
        "  0:00-0:10  rock   70 %  valence 0.62  arousal 0.81  danceability 0.55\n"
        "  0:05-0:15  rock   70 %  valence 0.62  arousal 0.81\n"
        "  0:10-0:20  no music\n"
    )


def test_plain_text_tells_no_music_from_music() -> None:
    text = written(PlainText, Outcome("a.wav", NO_MUSIC), Outcome("b.wav", ANALYSIS))
    first, second = text.split("\n\n")
    assert "  no music (probability of music: 3 %)\n" in first
    assert "rock" not in first
    assert "no music" not in second


def test_text_leaves_failures_to_standard_error() -> None:
    for report in (PlainText, Panels):
        assert written(report, Outcome("song.wav", FAILED)) == ""


def test_text_in_any_encoding_is_what_the_encoding_holds() -> None:
    analysis = replace(ANALYSIS, genre=(GenreScore("rock", 1.0),))
    for report in (PlainText, Panels):
        stream = Terminal("ascii")
        report(stream).write(Outcome("song.wav", analysis))
        text = stream.buffer.getvalue().decode("ascii")
        assert "rock" in text
        assert "####" in text


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 130),
    NAMES,
    st.sampled_from([ANALYSIS, NO_MUSIC]),
    st.booleans(),
)
def test_a_panel_fits_any_width(width: int, name: str, analysis: Analysis, timeline: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("LINES", "50")
        text = written(Panels, Outcome(name, analysis), timeline=timeline)
    assert max(map(cell_len, text.split("\n"))) <= max(width, 4)


def test_a_panel_shows_what_plain_text_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = written(Panels, Outcome("some/song.wav", ANALYSIS), timeline=True, top=2)
    lines = [line.strip("│ ") for line in text.splitlines()]
    assert re.match(r"╭─ some/song.wav ─+╮$", text.splitlines()[0])
    assert re.match(r"╰─+ 1:02:05, cnn int8 ─╯$", text.splitlines()[-1])
    assert re.match(r"rock +█+. +70 %$", lines[1])
    assert re.match(r"drum and bass +█+. +30 %$", lines[2])
    assert lines[3] == ""
    assert re.match(r"arousal +█+. +0.81$", lines[5])
    assert re.match(r"mood +happy, excited$", lines[7])
    assert lines[8] == "note: music in 67 % of the windows"
    assert re.match(r"0:05 - 0:15 rock +█+. +70 % +0.62 +0.81$", lines[-3])
    assert re.match(r"0:10 - 0:20 no music$", lines[-2])


def test_a_long_path_keeps_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = written(Panels, Outcome("a/very/" + "long/" * 30 + "path.wav", ANALYSIS))
    assert re.match(r"╭─ ….*/path.wav ─", text)


def test_markup_in_a_name_is_just_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "[red]:smile:[/red].wav" in written(Panels, Outcome("[red]:smile:[/red].wav", ANALYSIS))


def test_a_model_without_some_heads_leaves_theirs_out() -> None:
    moods = replace(ANALYSIS, genre=(), segments=(replace(SEGMENTS[0], genre=()),))
    genres = replace(ANALYSIS, valence=None, arousal=None, danceability=None)
    for report in (PlainText, Panels):
        assert "rock" not in written(report, Outcome("a", moods), timeline=True)
        assert "no music" not in written(report, Outcome("a", moods), timeline=True)
        assert "valence" not in written(report, Outcome("a", genres))


@given(st.floats(0, 1), st.integers(1, 80))
def test_a_bar_is_as_long_as_its_value(fraction: float, width: int) -> None:
    text = bar(fraction, width)
    partial = " ▏▎▍▌▋▊▉".find(text[-1:]) if text and text[-1] != "█" else 0
    assert text.count("█") + partial / 8 == pytest.approx(fraction * width, abs=1 / 16 + 1e-9)
    assert bar(fraction, width, ascii_only=True).count("#") == pytest.approx(
        fraction * width, abs=0.5 + 1 / 16
    )


@given(st.floats(0, 1e6), st.booleans())
def test_a_clock_is_the_time_it_shows(seconds: float, tenths: bool) -> None:
    parts = clock(seconds, tenths=tenths).split(":")
    total = sum(float(part) * 60**power for power, part in enumerate(reversed(parts)))
    assert total == pytest.approx(seconds, abs=0.05001 if tenths else 0.5001)
    assert all(float(part) < 60 for part in parts[1:])


def test_no_share_above_none_reads_none() -> None:
    assert [percent(share) for share in (0, 1e-9, 0.004, 0.006, 0.5, 1)] == [
        *("0 %", "<1 %", "<1 %", "1 %", "50 %", "100 %")
    ]
