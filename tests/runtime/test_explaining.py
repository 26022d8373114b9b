"""Explanations: of the right window and value, in every form; and true on real music."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import librosa
import numpy as np
import pytest
from tests.runtime import tiny_model
from tests.runtime.command import RATE, write_audio
from tests.runtime.tiny_model import LOUD, QUIET, noise

import musicedge
from musicedge import audio
from musicedge.errors import AudioNotFound, AudioValues, NothingToExplain
from musicedge.explaining import RUNS
from musicedge.explanation import Explanation
from musicedge.frontend_config import FrontEndConfig
from musicedge.mel import band_borders
from musicedge.model import Model, load
from musicedge.occlusion import Occluder
from musicedge.report.explanation.text import explanation_text
from musicedge.report.explanation.words import hertz_words, span_words

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "corner-store-shuffle.mp3"
CORPUS = ROOT.parent / "shared" / "corpus"
VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "explanation.schema.json").read_text("utf-8"))
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(tiny_model.write(tmp_path_factory.mktemp("model")), device="cpu", threads=1)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds without music, then two with it, the last second the louder one."""
    import soundfile

    path = tmp_path_factory.mktemp("song") / "song.wav"
    parts = [noise(2.0, QUIET), noise(1.0, LOUD), noise(1.0, 3 * LOUD, seed=1)]
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


@pytest.fixture(scope="module")
def found(model: Model, song: Path) -> Explanation:
    return musicedge.explain(model, song)


def test_the_window_of_the_highest_value_is_explained(model: Model, song: Path) -> None:
    analysis = model.analyze(song)
    musical = [each for each in analysis.segments if each.genre]
    found = musicedge.explain(model, song)
    assert found.window == max(musical, key=lambda each: each.genre[0].score)
    assert found.of == found.window.genre[0].label
    assert found.value == pytest.approx(found.window.genre[0].score, abs=1e-4)
    other = musicedge.explain(model, song, of="arousal")
    assert other.window.arousal == max(each.arousal or 0 for each in musical)
    assert other.value == pytest.approx(other.window.arousal, abs=1e-4)


@pytest.mark.parametrize(("at", "start"), [(2.4, 2.0), (2.5, 2.0), (3.6, 3.0), (4.0, 3.0)])
def test_a_moment_is_explained_by_the_window_around_it(
    at: float, start: float, model: Model, song: Path
) -> None:
    assert musicedge.explain(model, song, at=at).window.start == start


def test_an_explanation_says_of_every_value_what_speaks_for_it(found: Explanation) -> None:
    assert list(found.maps) == [*tiny_model.GENRES, "valence", "arousal", "danceability", "music"]
    assert {each.shape for each in found.maps.values()} == {(20, 16)}
    assert (len(found.moments), len(found.bands)) == (20, 16)
    assert found.seconds[0] == found.window.start
    assert found.seconds[-1] == pytest.approx(found.window.end)
    assert found.levels.shape == (100, 16)


def test_a_part_is_worth_what_the_value_loses_without_it(model: Model, song: Path) -> None:
    """The network hears the mean of each band: its value without a band is a formula."""
    import onnx
    from onnx import numpy_helper

    found = musicedge.explain(model, song, at=2.5, of="arousal")
    graph = onnx.load_from_string(tiny_model.build()).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    with audio.open(song, sample_rate=RATE) as reader:
        samples = np.concatenate(list(reader))
    frames = model.front_end.logmel(samples)[200:300]
    cover = np.percentile(frames, 5, axis=0)
    logits = frames.mean(axis=0) @ weights["arousal.weight"][:, 0]
    for band, part in enumerate(found.bands):
        change = (cover - frames.mean(axis=0))[band] * weights["arousal.weight"][band, 0]
        assert part.without == pytest.approx(1 / (1 + np.exp(-(logits + change))), abs=1e-3)


def test_the_json_object_validates_and_holds_the_same_numbers(found: Explanation) -> None:
    value = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    VALIDATOR.validate(value)
    assert value["of"] == found.of
    np.testing.assert_allclose(value["maps"][found.of], found.maps[found.of], atol=1e-6)
    assert value["check"]["holds"] == found.curves.holds
    assert not VALIDATOR.is_valid({**value, "surprise": 1})


def test_a_map_can_be_made_by_something_else(model: Model, song: Path) -> None:
    class Late:
        method = "by the clock"

        def __call__(self, occluder: Occluder, of: str) -> np.ndarray:
            moments, bands = occluder.grid.shape
            return np.repeat(np.arange(moments)[:, np.newaxis], bands, axis=1).astype(float)

    found = musicedge.explain(model, song, by=Late(), of="arousal")
    assert (found.method, list(found.maps)) == ("by the clock", ["arousal"])
    assert (np.diff(found.maps["arousal"], axis=0) == 1).all()
    VALIDATOR.validate(found.to_dict())


def test_progress_ends_where_it_was_said_to(model: Model, song: Path) -> None:
    counts: list[int] = []
    musicedge.explain(model, song, progress=counts.append)
    assert sum(counts) == RUNS


def test_words_name_parts_and_the_check_whatever_the_width(found: Explanation) -> None:
    text = explanation_text(found)
    lines = text.splitlines()
    span = span_words(found.window.start, found.window.end)
    assert lines[0].endswith(f"why {found.of} ({100 * found.value:.0f} %) at {span}, tiny fp32")
    assert any(line.startswith("  bands: ") for line in lines)
    assert any(line.startswith("  moments: ") for line in lines)
    assert "check: with cells covered in the map's order" in lines[-1]
    assert max(map(len, explanation_text(found, 60).splitlines()[1:])) <= 60


def test_a_model_without_genres_explains_what_it_has(tmp_path: Path, song: Path) -> None:
    path = tiny_model.write(tmp_path, tiny_model.card(heads=["valence", "arousal"]))
    assert musicedge.explain(load(path), song).of == "valence"


def test_a_clip_shorter_than_the_window_is_explained(model: Model, tmp_path: Path) -> None:
    found = musicedge.explain(model, write_audio(tmp_path / "short.wav", 0.4))
    assert found.seconds[-1] == pytest.approx(0.4, abs=0.02)
    VALIDATOR.validate(found.to_dict())


def test_what_cannot_be_explained_is_one_line_that_says_so(
    model: Model, song: Path, tmp_path: Path
) -> None:
    import soundfile

    silence, speech = tmp_path / "silence.wav", tmp_path / "quiet.wav"
    soundfile.write(silence, np.zeros(3 * RATE), RATE)
    write_audio(speech, 3.0, QUIET)
    cases = [
        (silence, {}, NothingToExplain, "nothing but digital silence"),
        (silence, {"of": "music"}, NothingToExplain, "nothing but digital silence"),
        (silence, {"at": 1.0}, NothingToExplain, "no music from"),
        (speech, {}, NothingToExplain, "no music in it (probability 0.00)"),
        (song, {"at": 0.5}, NothingToExplain, "no music from 0 to 1 s"),
        (song, {"at": 4.5}, AudioValues, "the moment is 4.5 s, but the piece lasts from 0 to 4"),
        (tmp_path / "missing.wav", {}, AudioNotFound, "No such file"),
    ]
    for path, options, error, words in cases:
        with pytest.raises(error) as caught:
            musicedge.explain(model, path, **options)
        assert words in str(caught.value)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="of is 'polka': must be one of blues"):
        musicedge.explain(model, song, of="polka")


def test_what_is_no_music_can_be_explained_as_such(model: Model, tmp_path: Path) -> None:
    found = musicedge.explain(model, write_audio(tmp_path / "quiet.wav", 2.0, QUIET), of="music")
    assert (found.of, found.value < 0.5) == ("music", True)


@pytest.mark.parametrize(("scale", "htk"), [("slaney", False), ("htk", True)])
def test_bands_meet_halfway_between_their_peaks(scale: str, htk: bool) -> None:
    config = FrontEndConfig.from_dict({**FrontEndConfig().to_dict(), "mel_scale": scale})
    peaks = librosa.mel_frequencies(config.n_mels + 2, fmin=0, fmax=config.fmax, htk=htk)
    mel = librosa.hz_to_mel(peaks, htk=htk)
    expected = librosa.mel_to_hz((mel[:-1] + mel[1:]) / 2, htk=htk)
    np.testing.assert_allclose(band_borders(config), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (8, 159, "10-160 Hz"),
        (833, 1159, "0.8-1.2 kHz"),
        (12091, 14812, "12.1-14.8 kHz"),
    ],
)
def test_frequencies_are_said_in_the_unit_that_suits_them(
    low: float, high: float, words: str
) -> None:
    assert hertz_words(low, high) == words


def test_the_map_of_the_example_piece_holds() -> None:
    found = musicedge.explain(musicedge.load("cnn"), EXAMPLE)
    assert found.curves.holds
    VALIDATOR.validate(found.to_dict())


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the development corpus")
def test_maps_of_real_clips_beat_random_removal(tell: Callable[[str], None]) -> None:
    """A clip of each genre: removing what the map names must cost more than chance does."""
    model = musicedge.load("cnn")
    clips: dict[str, str] = {}
    with (CORPUS / "tracks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["genre"]:
                clips.setdefault(row["genre"], row["path"])
    means, held = [], []
    for path in clips.values():
        try:
            curves = musicedge.explain(model, CORPUS / path).curves
        except NothingToExplain:
            continue
        chance = float(curves.random_means.mean())
        means.append((curves.deletion_mean, chance, curves.insertion_mean))
        held.append(curves.holds)
    assert len(held) >= 8
    deletion, chance, insertion = np.mean(means, axis=0)
    tell(
        f"{sum(held)} of {len(held)} maps hold; on average {deletion:.3f} by the map, "
        f"{chance:.3f} by chance, {insertion:.3f} in the reverse order"
    )
    assert np.mean(held) >= 0.9
    assert deletion < chance - 0.05
    assert insertion > chance + 0.05
