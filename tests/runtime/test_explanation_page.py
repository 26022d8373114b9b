"""The page of one explanation, in a real browser: its axes, its cells, its words, any width."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from tests.runtime import tiny_model
from tests.runtime.browser import Browser
from tests.runtime.command import RATE

import musicedge
from musicedge.explanation import Explanation
from musicedge.model import load
from musicedge.report.explanation.page import explanation_page
from musicedge.report.explanation.words import sentences

NAMES = [*tiny_model.GENRES, "valence", "arousal", "danceability", "music"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    """An explanation of half a minute with a hostile name, whose loudness comes and goes."""
    folder = tmp_path_factory.mktemp("song")
    gains = np.repeat(np.random.default_rng(0).uniform(0.05, 1, 30), RATE)
    path = folder / '<b>&" שיר @script@.wav'
    soundfile.write(path, tiny_model.noise(30.0, 0.5) * gains, RATE)
    return musicedge.explain(load(tiny_model.write(folder), device="cpu"), path)


@pytest.fixture(scope="module")
def path(found: Explanation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("page") / "why.html"
    page.write_text(explanation_page(found, tiny_model.GENRES), "utf-8", newline="")
    return page


@pytest.fixture
def page(browser: Browser, path: Path) -> Browser:
    browser.open(path)
    for chart in ("#piece svg", "#timeline svg", "#moment svg", "#check svg"):
        assert browser.one(chart).is_displayed()
    return browser


def test_the_page_says_in_words_what_the_command_says(page: Browser, found: Explanation) -> None:
    assert page.one("#title").text.startswith(f"Why {found.of} (")
    assert page.one("#check-title").text == f"Does the map of {found.of} hold?"
    assert page.one("#path").text.endswith('<b>&" שיר @script@.wav')
    assert page.texts("#words li") == sentences(found)
    assert page.complaints == []
    assert page.requests == []


def test_the_piece_has_axes_of_time_and_frequency_and_frames_the_moment(
    page: Browser, found: Explanation
) -> None:
    assert {"0:00", "0:10", "0:20"} <= set(page.texts("#piece .axis text"))
    assert {"500", "1k", "5k", "frequency, Hz"} <= set(page.texts("#piece .rows text"))
    assert page.texts("#piece .key text")[0].endswith(" dB")
    image, frame = page.one("#piece g[clip-path] image").rect, page.one("#piece .here").rect
    start = (frame["x"] - image["x"]) / image["width"] * found.overview.seconds
    assert start == pytest.approx(found.window.start, abs=0.2)
    labels = page.texts("#timeline text")
    assert {found.of, "valence", "arousal", "danceability", "time, min:s"} <= set(labels)


def test_the_spectrogram_is_dark_where_it_is_loud(page: Browser, found: Explanation) -> None:
    """In the light; the picture's own pixels are compared with the levels."""
    grey = page.ask(
        "const image = document.querySelector('#moment image');"
        "const canvas = document.createElement('canvas');"
        "[canvas.width, canvas.height] = arguments[0];"
        "const brush = canvas.getContext('2d');"
        "const picture = new Image(); picture.src = image.getAttribute('href');"
        "return picture.decode().then(() => { brush.drawImage(picture, 0, 0);"
        " return [...brush.getImageData(0, 0, ...arguments[0]).data].filter((_, i) => i % 4 === 0)"
        "})",
        list(found.levels.shape),
    )
    shown = np.array(grey).reshape(found.levels.T.shape)[::-1]
    assert np.corrcoef(shown.ravel(), found.levels.T.ravel())[0, 1] < -0.95


def test_the_map_has_a_cell_for_each_moment_and_band(page: Browser, found: Explanation) -> None:
    cells = page.ask(
        "return [...document.querySelectorAll('#moment .map rect')]"
        ".map(e => [e.getAttribute('class'), Number(e.style.fillOpacity)])"
    )
    influence = found.maps[found.of].ravel()
    assert len(cells) == influence.size == 20 * 16
    signs = [1 if kind == "for" else -1 for kind, _ in cells]
    opacities = np.array([opacity for _, opacity in cells])
    shown = opacities > 0.01
    assert (np.sign(influence)[shown] == np.array(signs)[shown]).all()
    most = np.quantile(abs(influence), 0.98, method="lower")
    np.testing.assert_allclose(opacities, 0.9 * np.minimum(abs(influence) / most, 1), atol=3e-3)
    assert page.texts("#moment .map title")[0].startswith("0:")
    assert len(page.all("#moment .bands rect")) == 16
    assert len(page.all("#moment .moments rect")) == 20


def test_the_keyboard_chooses_another_map_and_takes_it_away(page: Browser) -> None:
    select = page.one("#of")
    assert [each.get_attribute("value") for each in Select(select).options] == NAMES
    Select(select).select_by_value("arousal")
    assert "What speaks for arousal" in str(page.one("#moment svg").get_attribute("aria-label"))
    assert page.all("#moment .bands") == []
    page.one("#cover").send_keys(Keys.SPACE)
    assert page.all("#moment .map rect") == []
    assert len(page.all("#moment image")) == 1


def test_tables_hold_what_the_pictures_show(page: Browser, found: Explanation) -> None:
    for summary in page.all("summary"):
        summary.click()
    assert len(page.all("#windows tbody tr")) == len(found.analysis.segments)
    assert len(page.all("#parts tbody tr")) == 36
    rows = page.texts("#check-table tbody tr")
    assert rows[0].startswith(f"0 %{found.value:.2f}{found.value:.2f}")
    assert len(rows) == 11
    images = page.all("svg[role=img]")
    assert all(each.get_attribute("aria-label") for each in images)
    assert not page.is_too_wide


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 800])
def test_no_width_needs_scrolling_sideways(
    width: int, dark: bool, browser: Browser, path: Path
) -> None:
    browser.open(path, width=width, dark=dark)
    assert browser.one("#check svg").is_displayed()
    assert not browser.is_too_wide
    for summary in browser.all("summary"):
        summary.click()
    assert not browser.is_too_wide
