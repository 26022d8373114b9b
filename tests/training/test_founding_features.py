"""The founding study's features: librosa's own figures, rows of beats, and a cache of them."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from musicedge.errors import AudioError, OutputError
from musicedge_training.representations import FeatureCache, FoundingFeatures, load_samples
from musicedge_training.representations.__main__ import main
from musicedge_training.representations.founding import (
    COLUMNS,
    HOP,
    SAMPLE_RATE,
    SECONDS,
    beat_frames,
    mel_power,
)

TEMPO = 120
KINDS = ("mel", "chroma", "fused")


def tune(seconds: float) -> np.ndarray:
    """Return a click on every beat over slowly changing chords."""
    n = round(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    rng = np.random.default_rng(0)
    y = 0.001 * rng.standard_normal(n)
    for bar, root in enumerate((220.0, 261.63, 293.66, 220.0) * 8):
        part = (t >= 2 * bar) & (t < 2 * bar + 2)
        for ratio in (1, 1.26, 1.5):
            y[part] += 0.1 * np.sin(2 * np.pi * root * ratio * t[part])
    clicks = librosa.clicks(
        times=np.arange(0.25, seconds, 60 / TEMPO), sr=SAMPLE_RATE, length=n, click_duration=0.03
    )
    return (y + 0.5 * clicks).astype(np.float32)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, tune(30.0), SAMPLE_RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def samples(song: Path) -> np.ndarray:
    return load_samples(song, SAMPLE_RATE)


@pytest.fixture(scope="module")
def power(samples: np.ndarray) -> np.ndarray:
    """What librosa makes of the song, (128, t)."""
    return librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE, n_fft=2048, hop_length=HOP, n_mels=128, power=2.0
    )


def test_mel_is_that_of_librosa(song: Path, power: np.ndarray) -> None:
    expected = librosa.power_to_db(power, ref=np.max).T
    mel = FoundingFeatures("mel").compute(song)
    assert mel.shape == expected.shape == (1292, 128)
    np.testing.assert_allclose(mel, expected, atol=1e-3)


def test_chroma_is_that_of_librosa(song: Path, samples: np.ndarray) -> None:
    expected = librosa.feature.chroma_cqt(y=samples, sr=SAMPLE_RATE, hop_length=HOP)
    chroma = FoundingFeatures("chroma").compute(song)
    assert chroma.shape == (1292, 12)
    np.testing.assert_allclose(chroma, expected.T, atol=1e-5)


@pytest.mark.parametrize("beats", [False, True])
def test_fused_is_mel_over_chroma(song: Path, beats: bool) -> None:
    fused = FoundingFeatures("fused", beats).compute(song)
    assert fused.shape[1] == 140
    for kind in KINDS:
        alone = FoundingFeatures(kind, beats).compute(song)
        np.testing.assert_array_equal(fused[:, COLUMNS[kind]], alone)


def test_beats_are_the_songs_and_rows_fall_to_tens(song: Path, samples: np.ndarray) -> None:
    frames = beat_frames(samples)
    between = np.diff(librosa.frames_to_time(frames, sr=SAMPLE_RATE, hop_length=HOP))
    assert np.median(between) == pytest.approx(60 / TEMPO, abs=0.03)
    rows = FoundingFeatures("fused", beats=True).compute(song)
    assert len(rows) == len(frames) + 1
    assert 40 <= len(rows) <= 129


def test_beats_are_those_of_librosa(samples: np.ndarray) -> None:
    part = samples[: 8 * SAMPLE_RATE]
    percussive = librosa.effects.percussive(part)
    _, expected = librosa.beat.beat_track(y=percussive, sr=SAMPLE_RATE, hop_length=HOP)
    np.testing.assert_array_equal(beat_frames(part), expected)


def test_beat_mel_is_in_decibels_after_the_median(
    song: Path, samples: np.ndarray, power: np.ndarray
) -> None:
    medians = librosa.util.sync(power, beat_frames(samples), aggregate=np.median)
    expected = librosa.power_to_db(medians, ref=np.max).T
    np.testing.assert_allclose(
        FoundingFeatures("mel", beats=True).compute(song), expected, atol=1e-3
    )


@pytest.mark.parametrize("n", [1, 100, 600, 3000])
@pytest.mark.parametrize("level", [0.0, 0.1])
def test_shortest_sounds_and_silence_have_features(n: int, level: float, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    noise = level * np.random.default_rng(0).standard_normal(n)
    soundfile.write(path, noise.astype(np.float32), SAMPLE_RATE, subtype="FLOAT")
    for beats in (False, True):
        features = FoundingFeatures("fused", beats).compute(path)
        assert 1 <= len(features) <= 1 + n // HOP
        assert np.isfinite(features).all()


def test_only_the_beginning_of_a_long_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(round((SECONDS + 30) * 8000), np.float32), 8000)
    rows = FoundingFeatures("mel").compute(path)
    assert len(rows) == pytest.approx(1 + SECONDS * SAMPLE_RATE // HOP, abs=1)


def test_frames_are_as_many_as_librosas_for_any_length(samples: np.ndarray) -> None:
    for n in (1, 511, 512, 513, 2048, 10_000):
        assert len(mel_power(samples[:n])) == 1 + n // HOP


def test_each_representation_has_entries_of_its_own(song: Path, tmp_path: Path) -> None:
    entries = {
        FeatureCache(tmp_path, FoundingFeatures(kind, beats)).entry(song)
        for kind in KINDS
        for beats in (False, True)
    }
    assert len(entries) == 6


def test_speed_of_every_representation_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, tune(2.0), SAMPLE_RATE, subtype="FLOAT")
    done = CliRunner().invoke(main, ["--rounds", "1", "--json", str(path)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert {"log-mel", "mel features", "beat-synchronous fused features"} < set(found)
    assert all(times > 0 for (times,) in found.values())
    done = CliRunner().invoke(main, ["--compare", str(path)])
    assert done.output == "1 of 1 with the same beats; least in common 100%\n"


def test_bad_file_is_named_skipped_and_counted(
    song: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad [song].mp3"
    bad.write_bytes(b"no audio at all")
    cache = FeatureCache(tmp_path / "cache", FoundingFeatures("mel"))
    (skipped,) = cache.fill([bad, song], jobs=1)
    assert skipped.path == bad
    assert cache.entry(song).exists()
    (line,) = capfd.readouterr().err.splitlines()
    assert line == f"skipped: {skipped.reason}"
    assert "bad [song].mp3" in line
    with pytest.raises(AudioError, match="bad"):
        cache.get(bad)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left"),
        (OSError("4096 requested and 12 written"), "4096 requested"),  # as np.save says it
    ],
)
def test_full_disk_is_one_line_and_keeps_what_is_complete(
    error: OSError, reason: str, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FeatureCache(tmp_path / "cache", FoundingFeatures("mel"))
    cache.fill([song], jobs=1)
    other = tmp_path / "other.wav"
    soundfile.write(other, np.zeros(4000, np.float32), 8000)

    def full(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(np, "save", full)  # processes that are forked from here have it too
    with pytest.raises(OutputError, match=reason) as caught:
        cache.get(other)
    assert str(tmp_path / "cache") in str(caught.value)
    assert "--cache" in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == [cache.entry(song)]


def test_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="--cache"):
        FeatureCache(tmp_path / "file" / "cache", FoundingFeatures("mel"))
