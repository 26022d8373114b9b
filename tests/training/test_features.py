"""Features of a song: what is known of sounds made by code, and what other implementations say."""

from __future__ import annotations

import io
import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import soxr
from tests.training.sounds import RATE, clicks, tone, write

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.overview import decibels
from musicedge_training.features.analysis import (
    FRAME_RATE,
    HOP,
    TEMPO_FRAMES,
    TEMPO_HOP,
    SongFeatures,
    analyse,
    between_beats,
    tempo_of,
    tempogram_of,
)
from musicedge_training.features.analysis import RATE as LOWER_RATE
from musicedge_training.features.arrays import UNITS, npz
from musicedge_training.features.figures import BAND_BORDERS, PITCH_CLASSES, band_shares
from musicedge_training.features.panels import KINDS, MOST_COLUMNS, panels, shown_beats, value_range
from musicedge_training.features.songs import look_at

CONFIG = FrontEndConfig()


@pytest.fixture(scope="module")
def of_tone() -> SongFeatures:
    return analyse(tone(440.0), CONFIG)


@pytest.fixture(scope="module")
def of_clicks() -> SongFeatures:
    return analyse(clicks(120.0), CONFIG)


def test_a_tone_of_440_hertz_has_the_pitch_class_a_and_that_centroid(of_tone: SongFeatures) -> None:
    figures = of_tone.figures
    assert figures.pitch_classes[0].label == "A"
    assert figures.pitch_classes[0].share > 2 * figures.pitch_classes[1].share
    assert figures.centroid == pytest.approx(440, rel=0.05)
    assert figures.percussive < 0.02
    assert (figures.tempo, figures.beats, figures.segments) == (None, 0, 1)
    (band,) = [each for each in figures.bands if each.start <= 440 < each.end]
    assert band.share > 0.99


@pytest.mark.parametrize(("hertz", "label"), [(261.63, "C"), (369.99, "F#"), (987.77, "B")])
def test_pitch_classes_do_not_depend_on_the_octave(hertz: float, label: str) -> None:
    chord = tone(hertz, 4.0, 0.3) + tone(2 * hertz, 4.0, 0.3)
    assert analyse(chord, CONFIG).figures.pitch_classes[0].label == label


@pytest.mark.parametrize("tempo", [90.0, 120.0, 150.0])
def test_clicks_have_their_tempo_and_are_percussive(tempo: float) -> None:
    figures = analyse(clicks(tempo), CONFIG).figures
    assert figures.percussive > 0.9
    assert figures.tempo is not None
    octaves = [tempo / 2, tempo, 2 * tempo]
    assert min(abs(figures.tempo - each) for each in octaves) < 1
    assert figures.segments == figures.beats + 1
    assert figures.frames / figures.segments > 20


def test_beats_fall_on_clicks(of_clicks: SongFeatures) -> None:
    phases = (of_clicks.beats - 0.25) % 0.5
    distances = np.minimum(phases, 0.5 - phases)
    assert distances.max() < 2 / FRAME_RATE


def test_the_tempogram_of_clicks_is_strong_at_their_tempo(of_clicks: SongFeatures) -> None:
    mean = of_clicks.tempogram.mean(axis=0)
    at = [int(np.argmin(abs(of_clicks.tempi - bpm))) for bpm in (120, 90, 170)]
    assert mean[at[0]] > 2 * max(mean[at[1]], mean[at[2]])
    assert of_clicks.tempogram.max() <= 1 + 1e-6


def test_the_tempogram_is_that_of_librosa_at_every_fourth_frame(of_clicks: SongFeatures) -> None:
    expected = librosa.feature.tempogram(onset_envelope=of_clicks.onsets, win_length=TEMPO_FRAMES)
    found = tempogram_of(of_clicks.onsets)
    np.testing.assert_allclose(found, expected[:, ::TEMPO_HOP], atol=1e-6)


def test_noise_has_no_beat() -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 8 * RATE).astype(np.float32)
    assert analyse(noise, CONFIG).figures.tempo is None


def test_the_log_mel_is_that_of_the_front_end(of_clicks: SongFeatures) -> None:
    frames = FrontEnd(CONFIG).logmel(clicks(120.0))
    np.testing.assert_array_equal(of_clicks.levels, decibels(frames, CONFIG))


def test_the_percussive_share_is_nearly_that_of_a_separated_stft() -> None:
    mixed = clicks(120.0, peak=0.9) + tone(300.0, 12.0, 0.1)
    lower = soxr.resample(mixed, RATE, LOWER_RATE)
    power = np.abs(librosa.stft(lower)) ** 2
    expected = librosa.decompose.hpss(power)[1].sum() / power.sum()
    assert 0.1 < expected < 0.9
    assert analyse(mixed, CONFIG).figures.percussive == pytest.approx(expected, abs=0.05)


def test_the_chroma_is_that_of_librosa_at_its_own_rate(of_clicks: SongFeatures) -> None:
    sound = np.concatenate([tone(hertz, 2.0) for hertz in (220, 277.18, 329.63, 440)])
    found = analyse(sound, CONFIG).chroma
    lower = soxr.resample(sound, RATE, LOWER_RATE)
    expected = librosa.feature.chroma_cqt(y=lower, sr=LOWER_RATE, hop_length=HOP).T
    assert abs(len(found) - len(expected)) <= 1
    count = min(len(found), len(expected))
    assert np.abs(found[:count] - expected[:count]).mean() < 0.03


def test_between_beats_lie_the_medians() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    found = between_beats(rows, np.array([4, 11]))
    expected = [np.median(part, axis=0) for part in (rows[:4], rows[4:11], rows[11:])]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_beat_synchronous_features_have_a_row_for_each_segment(of_clicks: SongFeatures) -> None:
    segments = len(of_clicks.borders) - 1
    assert len(of_clicks.beat_levels) == len(of_clicks.beat_chroma) == segments
    assert of_clicks.borders[0] == 0
    assert of_clicks.borders[-1] == of_clicks.figures.seconds == 12.0


def test_the_tempo_is_that_of_most_beats() -> None:
    beats = np.cumsum([0.1, *[0.5] * 30, 0.9])
    assert tempo_of(beats) == pytest.approx(120)
    assert tempo_of(beats[:1]) is None


def test_shares_of_bands_sum_to_1_and_tell_two_tones_apart() -> None:
    shares = [band.share for band in analyse(tone(100.0) + tone(3000.0), CONFIG).figures.bands]
    assert sum(shares) == pytest.approx(1)
    assert shares[1] == pytest.approx(0.5, abs=0.01)
    assert shares[4] == pytest.approx(0.5, abs=0.01)
    middles = np.array([30.0, 5000.0])
    shares = [band.share for band in band_shares(np.array([[1.0, 3.0]], np.float32), middles)]
    assert shares == [0.25, 0, 0, 0, 0, 0.75]
    assert len(shares) == len(BAND_BORDERS) - 1


def test_pictures_have_no_more_columns_than_a_screen(of_clicks: SongFeatures) -> None:
    long = analyse(np.tile(clicks(120.0), 6), CONFIG)
    for panel in panels(long, KINDS):
        assert panel.values.shape == (len(panel.times) - 1, len(panel.borders) - 1)
        assert len(panel.values) <= MOST_COLUMNS
        assert (np.diff(panel.times) > 0).all()
        assert panel.times[-1] == pytest.approx(72, abs=0.1)
    assert [panel.title for panel in panels(of_clicks, ["chroma"])] == ["Chroma"]


def test_songs_share_the_range_of_their_colours() -> None:
    quiet, loud = (panels(analyse(tone(440, 2.0, peak), CONFIG), ["mel"]) for peak in (0.01, 0.5))
    low, high = value_range([*quiet, *loud], "frequency")
    assert high == loud[0].values.max() > quiet[0].values.max()
    assert low == high - 70


def test_of_many_beats_only_some_are_drawn() -> None:
    assert shown_beats(np.arange(90.0))[1] == 1
    beats, step = shown_beats(np.arange(1000.0))
    assert (step, len(beats)) == (16, 63)


def test_arrays_come_back_without_pickle_and_with_units_and_parameters(tmp_path: Path) -> None:
    song = look_at(str(write(tmp_path / "clicks.wav", clicks(120.0))))
    with np.load(io.BytesIO(npz(song)), allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        assert set(arrays.files) - {"about"} == set(UNITS) == set(about["units"])
        assert arrays["pitch_classes"].tolist() == list(PITCH_CLASSES)
        np.testing.assert_array_equal(arrays["logmel"], song.features.levels)
        assert len(arrays["logmel"]) == len(arrays["logmel_times"])
        assert len(arrays["chroma"]) == len(arrays["frame_times"]) == len(arrays["onsets"])
        assert len(arrays["tempogram"]) == len(arrays["tempogram_times"])
        assert len(arrays["beat_chroma"]) == len(arrays["segment_borders"]) - 1
        assert arrays["band_borders"].shape == (CONFIG.n_mels + 1,)
    assert FrontEndConfig.from_dict(about["parameters"]["logmel"]) == CONFIG
    assert about["figures"]["beats"] == song.features.figures.beats
