"""Readings written down: the same facts in every form, and a picture that stays calm."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from musicedge.analysis import GenreScore, Segment, mood_words
from musicedge.report.live import LiveReport, Setting
from musicedge.report.live.csv import CsvReadings
from musicedge.report.live.durations import Durations
from musicedge.report.live.json import JsonReadings
from musicedge.report.live.plane import LEAST_HEIGHT, LEAST_WIDTH, plane
from musicedge.report.live.ranking import SteadyRanking
from musicedge.report.live.screen import LiveScreen
from musicedge.report.live.summary import Heard
from musicedge.report.live.text import ReadingLines
from musicedge.report.live.view import Now, View
from musicedge.stream import Reading

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "reading.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

GENRES = ("blues", "hiphop", "rock", "音楽", "drum and bass", "pop")
SETTING = Setting(
    source="Built-in [red]Microphone[/red]",
    model="cnn int8",
    provider="CPUExecutionProvider",
    genres=GENRES,
    moods=("valence", "arousal", "danceability"),
    window=10.0,
    every=0.5,
)


def ranked(*scores: float) -> tuple[GenreScore, ...]:
    rest = (1 - sum(scores)) / (len(GENRES) - len(scores))
    values = [*scores, *[rest] * (len(GENRES) - len(scores))]
    pairs = [GenreScore(label, score) for label, score in zip(GENRES, values, strict=True)]
    return tuple(sorted(pairs, key=lambda each: -each.score))


def reading(end: float = 12.5, **changes: Any) -> Reading:
    genre = changes.pop("genre", ranked(0.1, 0.2, 0.6))
    moods = {"valence": 0.62, "arousal": 0.81, "danceability": 0.55}
    moods = {mood: changes.pop(mood, value) for mood, value in moods.items()}
    raw = Segment(max(end - 10, 0.0), end, 0.97, genre, **moods)
    fields: dict[str, Any] = {
        "start": raw.start,
        "end": end,
        "early": False,
        "is_music": True,
        "music": 0.98,
        "genre": genre,
        "raw": raw,
        "level": -17.6,
        "compute_ms": 8.125,
        "skipped": 0,
        "monotonic": 1000.0 + end,
        "wall": 1_700_000_000.0 + end,
        "latency_ms": 212.0,
        **moods,
    }
    return Reading(**{**fields, **changes})


def no_music(end: float = 12.5, **changes: Any) -> Reading:
    nothing = {"genre": (), "valence": None, "arousal": None, "danceability": None}
    no = {"is_music": False, "music": 0.03, "level": -58.2, **nothing}
    return reading(end, **{**no, **changes})


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what is written."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="", write_through=True)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def written(form: type[LiveReport], *readings: Reading, **options: Any) -> str:
    stream = Terminal()
    report = form(stream, **options)  # type: ignore[call-arg]
    report.begin()
    for each in readings:
        report.write(each)
    report.close()
    return stream.text()


def picture(now: Now, width: int, height: int, *, top: int = 5, **changes: Any) -> list[str]:
    ascii_only = changes.pop("ascii_only", False)
    view = View(replace(SETTING, **changes), top=top, ascii_only=ascii_only)
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(view.draw(now, width, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def now(newest: Reading, **changes: Any) -> Now:
    trail = () if newest.valence is None else ((0.4, 0.5), (0.62, 0.81))
    return Now(
        SETTING.source,
        reading=newest,
        heard=newest.end,
        genres=newest.genre,
        trail=trail,
        **changes,
    )


def test_each_json_line_validates_and_is_there_at_once() -> None:
    stream = Terminal()
    report = JsonReadings(stream)
    report.begin()
    for count, each in enumerate([reading(1.0, early=True), no_music(1.5), reading(2.0)], 1):
        report.write(each)
        lines = stream.text().splitlines()
        assert len(lines) == count
        VALIDATOR.validate(json.loads(lines[-1]))
        assert json.loads(lines[-1]) == json.loads(json.dumps(each.to_dict()))


@pytest.mark.parametrize("change", ["extra", "missing", "range", "type", "version"])
def test_the_schema_refuses_what_is_not_promised(change: str) -> None:
    value = reading().to_dict()
    if change == "extra":
        value["mood"] = "happy"
    elif change == "missing":
        del value["raw"]["music"]
    elif change == "range":
        value["level"] = -121.0
    elif change == "type":
        value["skipped"] = 0.5
    else:
        value["schema"] = 2
    assert not VALIDATOR.is_valid(value)


def test_both_schemas_mean_the_same_by_the_same_names() -> None:
    analysis = json.loads((DOCS / "analysis.schema.json").read_text("utf-8"))["$defs"]
    for name, definition in SCHEMA["$defs"].items():
        assert definition == analysis[name]


def test_a_reading_as_python_gives_it_validates_without_the_clocks_of_a_listener() -> None:
    VALIDATOR.validate(replace(reading(), monotonic=None, wall=None, latency_ms=None).to_dict())


def test_the_example_in_the_documentation_validates() -> None:
    page = (DOCS / "live.md").read_text("utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    VALIDATOR.validate(json.loads(example))


def test_csv_has_a_header_and_a_row_a_reading() -> None:
    evil = replace(SETTING, genres=("=1+1", *GENRES[1:]))
    scores = (GenreScore("=1+1", 0.9), GenreScore("rock", 0.1))
    text = written(CsvReadings, reading(genre=scores), no_music(13.0), setting=evil)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.count("\r\n") == 3
    first, second = rows
    assert (first["genre"], first["genre.=1+1"], first["genre.pop"]) == ("'=1+1", "0.9", "")
    assert (first["end"], first["level"], first["is_music"]) == ("12.5", "-17.6", "true")
    assert (second["genre"], second["genre.rock"], second["valence"]) == ("", "", "")
    assert (second["wall"], second["is_music"], second["early"]) == (
        *("1700000013.0", "false", "false"),
    )


def test_csv_without_readings_is_its_header() -> None:
    assert written(CsvReadings, setting=SETTING).count("\r\n") == 1


def test_text_is_a_line_a_reading_in_columns() -> None:
    early = reading(1.0, early=True, danceability=None)
    quiet = no_music(3725.04, level=-120.0)
    assert written(ReadingLines, early, quiet, reading(), setting=SETTING, top=2) == (
        "Built-in [red]Microphone[/red] (cnn int8, every 0.5 s)\n"
        "   0:01.0   -18 dB  rock            60 %  hiphop          20 %"
        "  valence 0.62  arousal 0.81  early\n"
        "1:02:05.0   silent  no music\n"
        "   0:12.5   -18 dB  rock            60 %  hiphop          20 %"
        "  valence 0.62  arousal 0.81  danceability 0.55\n"
    )


def test_news_of_the_source_are_left_to_who_can_show_them() -> None:
    assert not ReadingLines(Terminal(), SETTING).note("unplugged")
    assert not JsonReadings(Terminal()).note("unplugged")


SCORES = st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6)


def of(scores: list[float]) -> tuple[GenreScore, ...]:
    pairs = [GenreScore(label, score) for label, score in zip(GENRES, scores, strict=True)]
    return tuple(sorted(pairs, key=lambda each: -each.score))


@given(st.lists(SCORES, min_size=1, max_size=8))
def test_a_steady_ranking_holds_all_genres_and_no_neighbour_leads_by_much(
    steps: list[list[float]],
) -> None:
    ranking = SteadyRanking(lead=0.03, patience=2.0)
    for step, scores in enumerate(steps):
        order = ranking.update(of(scores), step * 0.5)
        assert sorted(each.label for each in order) == sorted(GENRES)
        for upper, lower in pairwise(order):
            assert lower.score - upper.score < 0.03


@given(st.lists(SCORES, min_size=1, max_size=5))
def test_without_patience_a_ranking_is_just_sorted(steps: list[list[float]]) -> None:
    ranking = SteadyRanking(patience=0.0)
    for scores in steps:
        order = [each.score for each in ranking.update(of(scores), 0.0)]
        assert order == sorted(scores, reverse=True)


def test_a_tremble_changes_no_places_and_a_lasting_lead_does() -> None:
    ranking = SteadyRanking(lead=0.03, patience=2.0)

    def first(hiphop: float, rock: float, time: float) -> str:
        return ranking.update(ranked(0.01, hiphop, rock), time)[0].label

    assert first(0.40, 0.39, 0.0) == "hiphop"
    for step in range(1, 19):  # ahead by a little, again and again, never for long
        ahead = 0.01 if step % 3 else -0.01
        assert first(0.40, 0.40 + ahead, step / 2) == "hiphop"
    assert [first(0.40, 0.41, 10 + step / 2) for step in range(6)] == [
        *["hiphop"] * 4,
        *["rock"] * 2,
    ]
    assert first(0.50, 0.40, 13.0) == "hiphop"  # ahead by a lot


def test_a_ranking_begins_anew_after_silence() -> None:
    ranking = SteadyRanking()
    ranking.update(ranked(0.01, 0.40, 0.39), 0.0)
    assert ranking.update((), 0.5) == []
    assert ranking.update(ranked(0.01, 0.39, 0.40), 1.0)[0].label == "rock"


POINTS = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(
    st.lists(POINTS, max_size=20),
    st.integers(LEAST_WIDTH, 60),
    st.integers(LEAST_HEIGHT, 30),
    st.booleans(),
)
def test_a_plane_fits_and_shows_where_the_music_is(
    trail: list[tuple[float, float]], width: int, height: int, ascii_only: bool
) -> None:
    lines = [line.plain for line in plane(trail, width, height, ascii_only=ascii_only)]
    assert height - 1 <= len(lines) <= height
    assert {cell_len(line) for line in lines} <= {width - 1, width}
    assert all(line.isascii() for line in lines) or not ascii_only
    here = "@" if ascii_only else "●"
    found = [(row - 1, line.index(here) - 1) for row, line in enumerate(lines) if here in line]
    assert len(found) == bool(trail)
    if trail:
        rows, columns = len(lines) - 2, len(lines[0]) - 2
        (row, column), (valence, arousal) = found[0], trail[-1]
        assert abs(column + 0.5 - valence * columns) <= 0.5 + 1e-9
        assert abs(row + 0.5 - (1 - arousal) * rows) <= 0.5 + 1e-9


def test_the_corners_of_a_plane_are_named_as_the_moods_are() -> None:
    lines = [line.plain for line in plane([], 31, 13)]
    for line, arousal in ((lines[1], 1.0), (lines[-2], 0.0)):
        words = [mood_words(valence, arousal).partition(",")[0] for valence in (0.0, 1.0)]
        assert re.findall(r"\w+", line) == words


@settings(max_examples=150, deadline=None)
@given(
    st.integers(8, 130),
    st.integers(6, 40),
    st.sampled_from([Now("Microphone"), now(reading()), now(no_music(), note="unplugged " * 20)]),
    st.integers(1, 12),
    st.sampled_from([(), ("valence",), SETTING.moods]),
    st.booleans(),
)
def test_a_picture_fits_any_terminal(
    width: int, height: int, what: Now, top: int, moods: tuple[str, ...], ascii_only: bool
) -> None:
    lines = picture(what, width, height, top=top, moods=moods, ascii_only=ascii_only)
    assert len(lines) <= height
    assert {cell_len(line) for line in lines} == {min(width, 100)}


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_nothing_changes_its_place_when_the_music_changes_or_stops(width: int) -> None:
    def places(lines: list[str]) -> dict[str, tuple[int, int]]:
        words = ("level", "music ", "valence  ", "danceability", "latency", "skipped", "lost")
        return {
            word: next((row, line.index(word)) for row, line in enumerate(lines) if word in line)
            for word in words
        }

    busy = {"latency_ms": 1234.0, "compute_ms": 123.4, "skipped": 99, "overruns": 9}
    expected = places(picture(now(reading()), width, 24))
    for other in (Now(SETTING.source), now(no_music()), now(reading(genre=ranked(0.9)), **busy)):
        lines = picture(other, width, 24)
        assert places(lines) == expected
        assert len(lines) == len(picture(now(reading()), width, 24))


def test_a_wide_picture_shows_all_there_is_to_know() -> None:
    heard = now(reading(), latency_ms=212.0, compute_ms=8.1, skipped=3, overruns=1)
    text = "\n".join(picture(heard, 80, 24, recording="evening.wav"))
    for words in (
        "Built-in [red]Microphone[/red]  ● evening.wav",
        "-18 dB",
        " 98 % ",
        "rock ",
        " 60 % ",
        "0.62",
        "happy, excited",
        "arousal ↑",
        "valence →",
        "0:12 ",
        "latency 212 ms",
        "compute  8.1 ms (2 %)",
        "skipped 3",
        "lost 1",
        "cnn int8 on CPU, every 0.5 s",
    ):
        assert words in text


def test_a_narrow_picture_has_bars_and_no_plane() -> None:
    text = "\n".join(picture(now(reading()), 40, 24))
    assert "arousal ↑" not in text
    assert re.search(r"rock +█+.? +60 %", text)


def test_a_picture_without_music_says_so() -> None:
    text = "\n".join(picture(now(no_music()), 80, 24))
    assert "no music" in text
    assert "rock" not in text
    assert re.search(r"valence +– ", text)


def test_a_picture_says_how_much_of_the_first_window_was_heard() -> None:
    assert "early: 3.5 of 10 s heard" in "\n".join(picture(now(reading(3.5, early=True)), 80, 24))


def test_a_peak_stands_above_the_level() -> None:
    lines = picture(now(reading(level=-30.0), peak=-15.0), 40, 24)
    assert re.search(r"level +█+[▏▎▍▌▋▊▉]? +▏ +-30 dB", lines[1])
    lines = picture(now(reading(level=-30.0), peak=-30.0), 40, 24)
    assert re.search(r"level +█+[▏▎▍▌▋▊▉]? +-30 dB", lines[1])


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    return Terminal()


def last_frame(terminal: Terminal) -> str:
    """What stood on the terminal last."""
    frame = re.split(r"\x1b\[\?1049l", terminal.text())[0].rpartition("\x1b[H")[2]
    return Text.from_ansi(frame).plain


def test_a_screen_shows_the_newest_reading_and_gives_the_terminal_back(terminal: Terminal) -> None:
    screen = LiveScreen(terminal, SETTING)
    screen.begin()
    assert "listening" in last_frame(terminal)
    screen.write(no_music(1.0))
    screen.note("Built-in: unplugged; waiting for it")
    assert "unplugged; waiting" in last_frame(terminal)
    screen.close()
    text = terminal.text()
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?25h\x1b[?1049l")


def test_a_screen_shows_no_reading_as_new_when_none_comes(terminal: Terminal) -> None:
    screen = LiveScreen(terminal, replace(SETTING, every=0.1))
    screen.begin()
    screen.write(reading(12.0))
    screen.note(f"{SETTING.source}: it is gone; waiting until it is back")
    screen.tick(SETTING.source)
    assert "rock" in last_frame(terminal)
    end = time.monotonic() + 5
    while "rock" in last_frame(terminal):
        assert time.monotonic() < end
        time.sleep(0.05)
        screen.tick(SETTING.source)
    assert "waiting for sound" in last_frame(terminal)
    assert "it is gone; waiting until it is back" in last_frame(terminal)
    assert "0:12" in last_frame(terminal)
    time.sleep(0.1)  # two pictures never follow one another faster than eyes can
    screen.write(reading(12.1))
    assert "rock" in last_frame(terminal)
    screen.close()


def test_a_screen_names_the_input_that_took_the_place_of_the_first(terminal: Terminal) -> None:
    screen = LiveScreen(terminal, SETTING)
    screen.begin()
    screen.tick("USB Microphone")
    screen.note("USB Microphone: in place of Built-in")
    assert last_frame(terminal).startswith("╭─ USB Microphone ─")
    assert "│ in place of Built-in " in last_frame(terminal)
    screen.close()


def test_a_screen_keeps_the_trail_of_half_a_minute_and_the_peak_of_two_seconds(
    terminal: Terminal,
) -> None:
    screen = LiveScreen(terminal, SETTING)
    for step in range(400):
        level = -5.0 if step == 395 else -40.0
        screen.write(reading(1 + step / 2, valence=step / 400, level=level))
    state = screen._now
    assert len(state.trail) == 61
    assert state.trail[-1] == (399 / 400, 0.81)
    assert state.peak == -5.0
    screen.write(reading(201.0, level=-40.0))
    assert screen._now.peak == -40.0
    screen.write(no_music(201.5))
    assert screen._now.trail == []


def test_a_summary_weighs_each_reading_by_the_sound_that_it_added() -> None:
    heard = Heard(replace(SETTING, recording="evening.wav"))
    heard.add(reading(1.0, valence=0.2, latency_ms=100.0))  # one second: rock
    for end in (1.5, 2.0):  # and one of hiphop
        heard.add(reading(end, genre=ranked(0.1, 0.8, 0.05), valence=0.4, skipped=1, overruns=1))
    heard.add(reading(4.0, valence=0.8))  # after two seconds of which the readings were skipped
    heard.add(no_music(8.0))
    assert heard.genre == (GenreScore("rock", 0.75), GenreScore("hiphop", 0.25))
    assert heard.valence == pytest.approx((0.2 + 0.4 + 2 * 0.8) / 4)
    lines = heard.lines(top=1, ascii_only=True)
    assert lines[0] == "Built-in [red]Microphone[/red] (0:08.0, cnn int8)"
    assert lines[1] == "  music in 50 % of the time; genres by how long each came first"
    assert re.fullmatch(r"  rock +75 %  #{18}", lines[2])
    assert lines[3].split()[:2] == ["valence", "0.55"]
    assert lines[-5:] == [
        "  5 readings; compute 8.1 ms each (1 % of one core)",
        "  latency 212 ms (95 % within 212 ms)",
        "  readings skipped for newer sound: 2",
        "  gaps where sound was lost: 1",
        "  recorded in evening.wav",
    ]


def test_a_summary_of_nothing_says_so() -> None:
    assert Heard(SETTING).lines(top=5, ascii_only=False) == [
        "Built-in [red]Microphone[/red]: nothing was heard"
    ]
    silence = Heard(SETTING)
    silence.add(no_music(1.0))
    assert silence.lines(top=5, ascii_only=False)[1] == "  no music"
    assert silence.valence is None


@given(st.lists(st.integers(0, 3000).map(lambda tenths: tenths / 10), min_size=1))
def test_percentiles_are_those_of_all_durations(values: list[float]) -> None:
    durations = Durations()
    for value in values:
        durations.add(value)
    for percent in (50, 95, 100):
        expected = np.percentile(values, percent, method="inverted_cdf")
        assert durations.percentile(percent) == pytest.approx(float(expected))
