"""The sounds that are measured with: their length, their rate, and that they are not silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicedge_benchmarks import clips


@pytest.mark.parametrize("name", ["clip.wav", "clip.mp3"])
def test_a_clip_has_the_length_that_was_asked_for(name: str, tmp_path: Path):
    path = clips.write_clip(tmp_path / name, clips.synthetic_piece(), 11.0)
    samples, rate = soundfile.read(path)
    assert rate == clips.RATE
    assert samples.shape[1] == 2
    assert len(samples) / rate == pytest.approx(11.0, abs=0.1)
    halves = np.array_split(samples, 2)
    assert min(float(np.sqrt(np.mean(half**2))) for half in halves) > 0.01


def test_a_long_wav_is_mono_of_a_low_rate_and_never_silent(tmp_path: Path):
    path = clips.write_long_wav(tmp_path / "long.wav", clips.synthetic_piece(), 150.5)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16")
    assert info.frames == round(150.5 * 8000)
    for block in soundfile.blocks(path, blocksize=8000):
        assert np.abs(block).max() > 0.01


def test_any_audio_can_be_the_piece(tmp_path: Path):
    sound = np.sin(np.arange(16_000) / 20).astype(np.float32) / 2
    soundfile.write(tmp_path / "tone.wav", sound, 16_000)
    piece = clips.load_piece(tmp_path / "tone.wav")
    assert piece.shape == (clips.RATE, 2)
    assert np.abs(piece).max() == pytest.approx(0.5, abs=0.05)


def test_without_the_example_the_piece_is_synthetic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clips, "EXAMPLE", tmp_path / "missing.mp3")
    piece = clips.load_piece()
    np.testing.assert_array_equal(piece, clips.synthetic_piece())
    assert 0.01 < np.abs(piece).max() < 2
