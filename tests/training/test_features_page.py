"""The page of features, in a real browser: its figures, axes, pictures and beats, at any width."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys
from tests.runtime.browser import Browser
from tests.training.sounds import clicks, tone, write

from musicedge_training.features.page import page as features_page
from musicedge_training.features.panels import KINDS
from musicedge_training.features.songs import Song, look_at
from musicedge_training.features.words import rows

HOSTILE = '<b>&" שיר @script@.wav'
TITLES = [
    "Log-mel",
    "Chroma",
    "Onsets of the percussive part",
    "Log-mel, beat by beat",
    "Chroma, beat by beat",
    "Tempogram",
]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[Song]:
    """Clicks under a tone with a hostile name, and a tone alone, which has no beat."""
    folder = tmp_path_factory.mktemp("songs")
    mixed = write(folder / HOSTILE, clicks(120.0) + tone(440.0, 12.0, 0.05))
    steady = write(folder / "steady.wav", tone(261.63, 6.0, 0.1))
    return [look_at(str(path)) for path in (mixed, steady)]


@pytest.fixture(scope="module")
def path(songs: list[Song], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "both.html"
    file.write_text(features_page(songs, KINDS), "utf-8", newline="")
    return file


@pytest.fixture
def page(browser: Browser, path: Path) -> Browser:
    browser.open(path)
    assert browser.one("#panels section:last-child figure:last-child svg").is_displayed()
    return browser


def test_the_page_holds_the_figures_of_the_command(page: Browser, songs: list[Song]) -> None:
    assert page.texts("#figures thead th") == [HOSTILE, "steady.wav"]
    table = rows([song.features.figures for song in songs])
    assert page.texts("#figures tbody th") == [row.label for row in table]
    cells = page.texts("#figures tbody td")
    assert cells[::2] == [row.values[0] for row in table]
    assert cells[0] == "120 beats a minute"
    assert cells[1] == "no beat found"
    for row, cell in zip(table, cells[1::2], strict=True):
        assert cell == row.values[1] + (f" ({row.differences[1]})" if row.differences[1] else "")
    assert page.complaints == []
    assert page.requests == []


def test_every_feature_is_drawn_of_every_song_with_axes_and_units(page: Browser) -> None:
    assert page.texts("#panels h2") == TITLES
    assert len(page.all("#panels svg[role=img]")) == 2 * len(TITLES)
    assert len(page.all("#panels image")) == 2 * 2 * 5  # a key beside each; curves have neither
    labels = page.texts("#panels svg text")
    for label in ("frequency, Hz", "pitch class", "tempo, beats a minute", "strength, dB"):
        assert label in labels
    assert labels.count("time, min:s") == 2 * len(TITLES)
    chroma = page.texts("#panels section:nth-child(2) figure:first-child .rows text")
    assert chroma[:12] == ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    tempi = page.texts("#panels section:nth-child(6) figure:first-child .rows text")
    assert {"30", "60", "120", "240"} <= set(tempi)
    assert {"0:00", "0:02", "0:04"} <= set(labels)
    names = [str(each.get_attribute("aria-label")) for each in page.all("#panels svg[role=img]")]
    assert all("Time from left to right" in each or "A curve over time" in each for each in names)


def test_the_same_colour_is_the_same_value_in_both_songs(page: Browser) -> None:
    keys = [
        page.texts(f"#panels section:nth-child({row}) figure:nth-child({song}) .key text")
        for row in (1, 4)
        for song in (1, 2)
    ]
    assert keys[0][0].endswith(" dB")
    assert keys[0] == keys[1] == keys[2] == keys[3]


def test_beats_are_lines_where_they_fall_and_can_be_hidden(
    page: Browser, songs: list[Song]
) -> None:
    beats = songs[0].features.beats
    first = "#panels section:nth-child(4) figure:first-child"
    lines = page.all(f"{first} .beats line")
    assert len(lines) == len(beats)
    assert page.texts(f"{first} .beats text") == ["a line a beat"]
    image = page.all(f"{first} svg > image")[0].rect
    places = np.array([each.rect["x"] for each in lines])
    seconds = (places - image["x"]) / image["width"] * songs[0].features.figures.seconds
    np.testing.assert_allclose(seconds, beats, atol=0.05)
    assert page.all("#panels figure:last-child .beats line") == []
    assert "no beat found" in page.texts("#panels section:nth-child(4) figcaption")[1]
    page.one("#lines").send_keys(Keys.SPACE)
    assert not lines[0].is_displayed()


def test_the_tempo_lies_on_the_tempogram(page: Browser) -> None:
    section = "#panels section:nth-child(6) figure:first-child"
    line = page.one(f"{section} .tempo").rect["y"]
    ticks = page.texts(f"{section} .rows text")
    marks = page.all(f"{section} .rows line")
    at_120 = marks[ticks.index("120")].rect["y"]
    assert line == pytest.approx(at_120, abs=2)


def test_the_picture_of_a_tone_has_its_pitch_class(page: Browser) -> None:
    """The picture's own pixels are compared: the row of A is the darkest, in the light."""
    rows_of = page.ask(
        "const image = document.querySelector('#panels section:nth-child(2) figure image');"
        "const picture = new Image(); picture.src = image.getAttribute('href');"
        "return picture.decode().then(() => {"
        " const canvas = document.createElement('canvas');"
        " [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];"
        " const brush = canvas.getContext('2d'); brush.drawImage(picture, 0, 0);"
        " const data = brush.getImageData(0, 0, canvas.width, canvas.height).data;"
        " return [...Array(canvas.height).keys()].map((y) => {"
        "  let sum = 0;"
        "  for (let x = 0; x < canvas.width; x++) sum += data[4 * (y * canvas.width + x)];"
        "  return sum / canvas.width; }); })"
    )
    red = np.array(rows_of)[::-1].reshape(12, -1).mean(axis=1)
    assert red.argmin() == 9


def test_tables_hold_pitch_classes_and_beats(page: Browser, songs: list[Song]) -> None:
    for summary in page.all("summary"):
        summary.click()
    assert len(page.all(".pitches tbody tr")) == 24
    assert page.texts(".pitches tbody tr")[12].startswith("C")
    beats = songs[0].features.figures.beats
    assert page.texts("summary")[1] == f"{beats} beats"
    assert len(page.texts("#tables details p")[0].split(", ")) == beats
    assert not page.is_too_wide


def test_one_kind_alone_has_no_control_of_beats(
    songs: list[Song], browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "mel.html"
    file.write_text(features_page(songs[:1], ["mel"]), "utf-8")
    browser.open(file)
    assert browser.one("#panels svg").is_displayed()
    assert browser.texts("#panels h2") == ["Log-mel"]
    assert not browser.one("#lines").is_displayed()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 800])
def test_no_width_needs_scrolling_sideways(
    width: int, dark: bool, browser: Browser, path: Path
) -> None:
    browser.open(path, width=width, dark=dark)
    assert browser.one("#panels section:last-child figure:last-child svg").is_displayed()
    assert not browser.is_too_wide
    for summary in browser.all("summary"):
        summary.click()
    assert not browser.is_too_wide
