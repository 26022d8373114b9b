"""The page of many tracks, in a real browser: what it shows, asks for, and lets people do."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selenium.webdriver.common.keys import Keys
from tests.runtime.browser import Browser

from musicedge.analysis import Analysis, GenreScore, ModelInfo, Segment
from musicedge.errors import AudioEmpty
from musicedge.library import Outcome
from musicedge.report.html import SCALE, UNKNOWN, LibraryPage, packed

LABELS = ("blues", "jazz", "rock")
INFO = ModelInfo("tiny", "fp32", "0" * 64, "CPUExecutionProvider")
HOSTILE = (
    "</script><script>window.hurt = 1</script>.wav",
    "<!--<script>.wav",
    "\"'&amp;<b>.wav",
    "שיר \u202egpj.wav",
    "line\nbreak\x1b[31m\u2028.wav",
    "@script@ @data@.wav",
    "caf\udce9.wav",
)


def genre(first: int, score: float) -> tuple[GenreScore, ...]:
    rest = (1 - score) / (len(LABELS) - 1)
    scores = [score if index == first else rest for index in range(len(LABELS))]
    pairs = sorted(zip(LABELS, scores, strict=True), key=lambda pair: -pair[1])
    return tuple(GenreScore(*pair) for pair in pairs)


def analysis(first: int, valence: float, arousal: float, seconds: float = 25.0) -> Analysis:
    ranked = genre(first, 0.6 + valence / 5)
    starts = np.arange(0, seconds, 10.0)
    return Analysis(
        path=None,
        duration=seconds,
        decoder="soundfile",
        model=INFO,
        music=0.99,
        music_share=1.0,
        genre=ranked,
        valence=valence,
        arousal=arousal,
        danceability=1 - valence,
        segments=tuple(
            Segment(start, min(start + 10, seconds), 0.99, ranked, valence, arousal, 0.25)
            for start in starts.tolist()
        ),
    )


SILENT = replace(
    analysis(0, 0.5, 0.5),
    music_share=0.0,
    music=0.02,
    genre=(),
    valence=None,
    arousal=None,
    danceability=None,
    notes=("nothing but digital silence",),
    segments=(Segment(0.0, 25.0, 0.0, (), None, None, None),),
)
OUTCOMES = (
    Outcome("Music/Nina/10 Moon.flac", analysis(1, 0.8, 0.2)),
    Outcome("Music/Nina/9 Sun.flac", analysis(1, 0.9, 0.9, 125.0)),
    Outcome("Music/Storm.mp3", analysis(2, 0.2, 0.8)),
    Outcome("Rain.mp3", analysis(0, 0.1, 0.3)),
    Outcome("Music/silence.wav", SILENT),
    Outcome("empty.wav", AudioEmpty("empty.wav: the file is empty; give another")),
)


def page_text(*outcomes: Outcome, labels: tuple[str, ...] = LABELS) -> str:
    stream = io.StringIO()
    page = LibraryPage(stream, labels, INFO)
    for outcome in outcomes:
        page.write(outcome)
    page.close()
    return stream.getvalue()


def page_file(folder: Path, *outcomes: Outcome, labels: tuple[str, ...] = LABELS) -> Path:
    path = folder / "report.html"
    path.write_text(page_text(*outcomes, labels=labels), "utf-8", newline="")
    return path


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Browser:
    browser.open(page_file(tmp_path, *OUTCOMES))
    return browser


def names(page: Browser) -> list[str]:
    return page.texts("#rows .name")


def test_the_page_shows_every_track_its_scores_and_what_failed(page: Browser) -> None:
    assert names(page) == ["10 Moon.flac", "9 Sun.flac", "Storm.mp3", "Rain.mp3", "silence.wav"]
    assert page.texts("#rows tr:first-child td") == [
        *("10 Moon.flacMusic/Nina/", "jazz", "76 %", "0.80", "0.20", "0.20"),
        *("calm, content", "0:25"),
    ]
    assert page.texts("#rows tr:last-child td")[1:] == ["no music", *"–––––", "0:25"]
    assert page.one("#summary").text == ("5 tracks, 3:45 of audio; 1 without music; 1 failed")
    assert page.texts("#failed li") == ["empty.wav: the file is empty; give another"]
    assert page.complaints == []


def test_the_plane_has_axes_and_a_mark_for_each_track_where_its_moods_are(page: Browser) -> None:
    assert len(page.all("#plane .point")) == 4
    texts = page.texts("#plane text")
    assert texts.count("0.50") == 2
    assert {"valence →", "arousal →", "happy, excited", "sad, gloomy"} <= set(texts)
    frame = page.one("#plane rect.frame").rect
    for outcome, point in zip(OUTCOMES, page.all("#plane .point"), strict=False):
        assert isinstance(outcome.result, Analysis)
        box = point.rect
        x = (box["x"] + box["width"] / 2 - frame["x"]) / frame["width"]
        y = 1 - (box["y"] + box["height"] / 2 - frame["y"]) / frame["height"]
        assert (x, y) == pytest.approx((outcome.result.valence, outcome.result.arousal), abs=0.02)


def test_the_plane_can_be_cut_to_where_the_tracks_are(page: Browser) -> None:
    page.one("#zoom").click()
    ticks = page.texts("#plane text")
    assert ticks.count("0.25") == ticks.count("0.75") == 2
    assert "0.00" not in ticks
    page.one("#search").send_keys("moon")
    assert page.texts("#plane .axis text") == ["0.20", "0.25", "0.30"]
    assert len(page.all("#plane .point")) == 1
    frame, point = page.one("#plane rect.frame").rect, page.one("#plane .point").rect
    assert frame["x"] <= point["x"] + point["width"] / 2 <= frame["x"] + frame["width"]
    page.one("#zoom").click()
    assert page.texts("#plane text").count("0.00") == 2


def test_the_page_asks_for_nothing_and_lets_nothing_in(page: Browser) -> None:
    text = page_text(*OUTCOMES)
    assert page.requests == []
    assert not re.search(r"""(src|href|action)\s*=\s*(?!["']?data:,)|@import|url\(""", text)
    assert "default-src 'none'" in text
    page.ask(
        "const s = document.createElement('script'); s.textContent = 'window.hurt = 1';"
        "document.body.append(s);"
    )
    assert page.ask("return window.hurt") is None
    assert any("Content Security Policy" in complaint for complaint in page.complaints)


def test_buttons_sort_and_numbers_begin_with_the_highest(page: Browser) -> None:
    buttons = {each.text: each for each in page.all("#columns button")}
    buttons["Track"].click()
    assert names(page) == ["9 Sun.flac", "10 Moon.flac", "Rain.mp3", "silence.wav", "Storm.mp3"]
    buttons["Arousal"].click()
    assert names(page) == ["9 Sun.flac", "Storm.mp3", "Rain.mp3", "10 Moon.flac", "silence.wav"]
    assert page.one("th[aria-sort=descending]").text.startswith("Arousal")
    buttons["Arousal"].click()
    assert names(page) == ["10 Moon.flac", "Rain.mp3", "Storm.mp3", "9 Sun.flac", "silence.wav"]
    assert len(page.all("th[aria-sort=ascending]")) == 1


def test_filters_act_on_the_list_and_the_plane_together(page: Browser) -> None:
    chips = {each.text.split()[0]: each for each in page.all(".chip")}
    assert page.texts("#genres .chip") == [*("blues 1", "jazz 2", "rock 1", "no music 1")]
    chips["jazz"].click()
    assert names(page) == ["10 Moon.flac", "9 Sun.flac"]
    assert len(page.all("#plane .point")) == 2
    assert page.one("#shown").text == "2 of 5 tracks"
    chips["happy,"].click()
    assert names(page) == ["9 Sun.flac"]
    page.one("#search").send_keys("nothing of that name")
    assert (names(page), page.one("#none").is_displayed()) == ([], True)
    page.one("#reset").click()
    assert len(names(page)) == 5
    page.one("#search").send_keys("nina")
    assert names(page) == ["10 Moon.flac", "9 Sun.flac"]


def test_a_name_shows_details_and_closing_gives_the_keyboard_back(page: Browser) -> None:
    name = page.all("#rows .name")[1]
    name.send_keys(Keys.ENTER)
    assert page.focused.text == "9 Sun.flac"
    assert page.one("#details .timeline").is_displayed()
    details = page.one("#details").text
    for expected in ("Music/Nina/", "2:05 · happy, excited · music", "jazz", "78 %", "13 windows"):
        assert expected in details
    assert page.texts("#details .axis text")[-3:] == ["1:00", "1:30", "2:00"]
    assert "time, min:s" in page.texts("#details .timeline text")
    assert len(page.all("#details .heat")) == 3 * 13
    page.one("#details summary").click()
    assert page.one("#details .windows").is_displayed()
    rows = page.texts("#details tbody tr")
    assert rows[-1] == "2:002:05jazz78 %0.900.900.25"
    page.focused.send_keys(Keys.ESCAPE)
    assert not page.one("#details").is_displayed()
    assert page.focused == name


def test_a_mark_in_the_plane_shows_its_track(page: Browser) -> None:
    page.ask(
        "const box = arguments[0].getBoundingClientRect();"
        "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true,"
        " clientX: box.x + box.width / 2, clientY: box.y + box.height / 2}))",
        page.all("#plane .point")[2],
    )
    assert page.one("#details-title").text == "Storm.mp3"
    assert page.texts("#rows tr.chosen .name") == ["Storm.mp3"]


def test_the_details_of_silence_say_so(page: Browser) -> None:
    page.all("#rows .name")[4].click()
    details = page.one("#details").text
    assert "no music (probability 2 %)" in details
    assert "Note: nothing but digital silence" in details
    assert page.all("#details .heat") == []


def test_hostile_names_are_only_names(browser: Browser, tmp_path: Path) -> None:
    outcomes = [Outcome(name, analysis(0, 0.5, 0.5)) for name in HOSTILE]
    browser.open(page_file(tmp_path, *outcomes))
    shown = [folder + name for folder, name in zip(*parts(browser), strict=True)]
    assert shown == [
        "</script><script>window.hurt = 1</script>.wav",
        "<!--<script>.wav",
        "\"'&amp;<b>.wav",
        "שיר \\u202egpj.wav",
        "line\\nbreak\\x1b[31m\\u2028.wav",
        "@script@ @data@.wav",
        "caf\\udce9.wav",
    ]
    assert browser.ask("return window.hurt") is None
    assert browser.complaints == []
    for name in browser.all("#rows .name"):
        name.click()
    assert browser.complaints == []


def parts(page: Browser) -> tuple[list[str], list[str]]:
    """Return the folders and the names as the rows show them."""
    folders = page.ask(
        "return [...document.querySelectorAll('#rows tr')]"
        ".map(row => row.querySelector('.folder')?.textContent ?? '')"
    )
    return folders, names(page)


@given(st.lists(st.text(st.characters(exclude_characters="\0/"), min_size=1), max_size=4))
def test_no_name_ends_the_data_or_makes_another_page(given_names: list[str]) -> None:
    text = page_text(*(Outcome(name, analysis(0, 0.5, 0.5)) for name in given_names))
    start = text.index('id="data">') + len('id="data">')
    data = text[start : text.index("</script", start)]
    about, *rows = json.loads(data)
    assert about["labels"] == list(LABELS)
    assert len(rows) == len(given_names)
    assert text.count("<script") == page_text().count("<script")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 700, 1400])
def test_no_width_needs_scrolling_sideways(
    width: int, dark: bool, browser: Browser, tmp_path: Path
) -> None:
    browser.open(page_file(tmp_path, *OUTCOMES), width=width, dark=dark)
    browser.all("#rows .name")[0].click()
    assert browser.one("#details .timeline").is_displayed()
    browser.one("#details summary").click()
    assert browser.one("#details .windows").is_displayed()
    assert not browser.is_too_wide
    roles = browser.ask(
        "return ['#tracks', '#columns', '#rows tr', '#rows td', '#columns th']"
        ".map(s => document.querySelector(s).getAttribute('role'))"
    )
    assert roles == ["table", "row", "row", "cell", "columnheader"]


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(
    dark: bool, browser: Browser, tmp_path: Path
) -> None:
    """WCAG 2.2, success criterion 1.4.3: a contrast of 4.5 at least."""
    browser.open(page_file(tmp_path, *OUTCOMES), dark=dark)
    for front in ("--ink", "--soft", "--accent"):
        for back in ("--paper", "--panel"):
            light, heavy = sorted(
                (luminance(colour(browser, f"var({each})")) for each in (front, back)), reverse=True
            )
            assert (light + 0.05) / (heavy + 0.05) >= 4.5, (front, back)


@pytest.mark.parametrize("dark", [False, True])
def test_equal_steps_of_a_value_look_equal(dark: bool, browser: Browser, tmp_path: Path) -> None:
    """Compared in CIELAB; the page mixes its colours in OKLab."""
    browser.open(page_file(tmp_path, *OUTCOMES), dark=dark)
    mixed = "color-mix(in oklab, var(--high) {}%, var(--low))"
    colours = np.array([lab(colour(browser, mixed.format(value))) for value in range(0, 101, 10)])
    lightness = np.diff(colours[:, 0])
    assert (lightness > 0).all() == dark
    assert (lightness < 0).all() != dark
    steps = np.linalg.norm(np.diff(colours, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.6


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", IEEE Transactions on Visualization and Computer Graphics 15 (2009), severity 1.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_no_two_of_eleven_genres_share_shape_and_colour_for_any_eye(
    deficiency: str, dark: bool, browser: Browser, tmp_path: Path
) -> None:
    labels = tuple(f"genre {index}" for index in range(11))
    browser.open(page_file(tmp_path, labels=labels), dark=dark)
    marks = browser.ask(
        "return Array.from({length: 11}, (_, index) => {"
        " const shape = mark(index, 1, 0, 0); return [shape.getAttribute('d'), shape.style.fill] })"
    )
    seen = [(shape, lab(DEFICIENCIES[deficiency] @ colour(browser, fill))) for shape, fill in marks]
    for index, (shape, here) in enumerate(seen):
        for other_shape, there in seen[:index]:
            # 2.3 is a difference that is just noticed (Mahy, Van Eycken and Oosterlinck, 1994).
            assert shape != other_shape or np.linalg.norm(here - there) > 8 * 2.3


def colour(page: Browser, css: str) -> np.ndarray:
    """Return a colour as the browser paints it, in linear sRGB, np.ndarray [shape=(3,)]."""
    pixel = page.ask(
        "const probe = document.createElement('i'); document.body.append(probe);"
        "probe.style.color = arguments[0];"
        "const brush = document.createElement('canvas').getContext('2d');"
        "brush.fillStyle = getComputedStyle(probe).color; brush.fillRect(0, 0, 1, 1);"
        "probe.remove();"
        "return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3)",
        css,
    )
    values = np.array(pixel) / 255  # IEC 61966-2-1
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(linear: np.ndarray) -> float:
    """Return the relative luminance of a colour in linear sRGB."""
    return float(linear @ [0.2126, 0.7152, 0.0722])


def lab(linear: np.ndarray) -> np.ndarray:
    """Return a colour in CIELAB under D65 (CIE 15), np.ndarray [shape=(3,)]."""
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    ratios = matrix @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_five_thousand_tracks_are_all_there(
    browser: Browser, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    rng = np.random.default_rng(0)
    moods = rng.uniform(size=(5000, 2)).tolist()
    outcomes = [
        Outcome(f"Music/{index % 50}/{index}.mp3", analysis(index % 3, *mood, 230.0))
        for index, mood in enumerate(moods)
    ]
    path = page_file(tmp_path, *outcomes)
    browser.open(path)
    took = browser.ask("return performance.getEntriesByType('navigation')[0].domComplete / 1000")
    tell(f"{path.stat().st_size / 1e6:.1f} MB, loaded in {took:.2f} s")
    assert browser.one("#shown").text == "5,000 tracks"
    assert len(browser.all("#plane .point")) == 5000
    assert len(names(browser)) == 100
    browser.one("#some").click()
    assert len(names(browser)) == 200
    browser.one("#search").send_keys("/4999.")
    assert names(browser) == ["4999.mp3"]
    assert len(browser.all("#plane .point")) == 1
    assert browser.complaints == []


def test_a_page_without_tracks_or_genres_or_moods_is_a_page(
    browser: Browser, tmp_path: Path
) -> None:
    browser.open(page_file(tmp_path))
    assert browser.one("#shown").text == "0 tracks"
    bare = replace(
        SILENT, music_share=1.0, music=1.0, segments=(Segment(0.0, 25.0, 1.0, (), 0.5, None, None),)
    )
    browser.open(page_file(tmp_path, Outcome("a.wav", replace(bare, valence=0.5)), labels=()))
    assert browser.texts("#rows td")[1:4] == ["–", "–", "0.50"]
    browser.one("#rows .name").click()
    assert browser.one("#details .timeline").is_displayed()
    assert len(browser.all("#details .curve")) == 2
    assert browser.complaints == []


FOUR_DECIMALS = st.integers(0, 10_000).map(lambda number: round(number / 10_000, 4))


@given(st.lists(st.tuples(*[st.none() | FOUR_DECIMALS] * 3)))
def test_packed_values_are_those_of_the_json_form(rows: list[tuple[float | None, ...]]) -> None:
    numbers = np.frombuffer(base64.b64decode(packed(rows)), "<u2").tolist()
    values = [None if number == UNKNOWN else number / SCALE for number in numbers]
    assert values == [value for row in rows for value in row]
