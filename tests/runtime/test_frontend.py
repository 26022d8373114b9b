"""The front-end against librosa, against the published network's features, and against itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.mel import Bands, mel_filterbank

WEIGHTS = Path(__file__).parents[3] / "shared" / "weights"

LIBROSA = FrontEndConfig(
    sample_rate=22_050,
    n_fft=2048,
    win_length=2048,
    hop_length=512,
    window="hann",
    preemphasis=0,
    fmax=11_025,
    mel_scale="slaney",
    mel_norm="slaney",
    logarithm="db",
    log_offset=1e-10,
    mean=0,
    scale=1,
)


def chirp(n: int, sample_rate: int) -> np.ndarray:
    t = np.arange(n) / sample_rate
    rng = np.random.default_rng(7)
    sweep = 0.5 * np.sin(2 * np.pi * (80 + 900 * t) * t)
    return (sweep + 0.01 * rng.standard_normal(n)).astype(np.float32)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize("win_length", [2048, 1200])
def test_logmel_equals_librosa(scale: str, norm: str | None, win_length: int) -> None:
    import librosa

    config = replace(LIBROSA, mel_scale=scale, mel_norm=norm, win_length=win_length)
    samples = chirp(70_000, 22_050)
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=22_050,
        n_fft=2048,
        hop_length=512,
        win_length=win_length,
        pad_mode="reflect",
        n_mels=128,
        htk=scale == "htk",
        norm=norm,
    )
    expected = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None).T
    given_ = FrontEnd(config).logmel(samples)
    assert given_.shape == expected.shape
    # Decibels; the bar of 1e-4 is for natural logarithms, of which a decibel is 0.23.
    np.testing.assert_allclose(given_, expected, atol=1e-4 * 10 / np.log(10))


def test_magnitude_spectrogram_equals_librosa() -> None:
    import librosa

    config = replace(LIBROSA, power=1.0)
    samples = chirp(30_000, 22_050)
    mel = librosa.feature.melspectrogram(
        y=samples, sr=22_050, n_fft=2048, hop_length=512, power=1.0, pad_mode="reflect"
    )
    expected = 10 * np.log10(np.maximum(mel, 1e-10)).T
    np.testing.assert_allclose(FrontEnd(config).logmel(samples), expected, atol=5e-4)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("n_mels", [40, 128, 229])
def test_filterbank_equals_librosa(scale: str, n_mels: int) -> None:
    import librosa

    config = replace(LIBROSA, mel_scale=scale, n_mels=n_mels, fmin=30.0, fmax=10_000.0)
    expected = librosa.filters.mel(
        sr=22_050, n_fft=2048, n_mels=n_mels, fmin=30.0, fmax=10_000.0, htk=scale == "htk"
    )
    np.testing.assert_allclose(mel_filterbank(config), expected, atol=1e-7)


@pytest.mark.corpus
@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the pretrained weights are not here")
def test_default_frontend_equals_the_published_networks() -> None:
    with np.load(WEIGHTS / "mn04_as_golden.npz") as golden:
        samples = golden["waveform"].astype(np.float32) / 32768
        expected = golden["logmel"].reshape(128, 1000).T
    np.testing.assert_allclose(FrontEnd().logmel(samples), expected, atol=1e-4)


@pytest.mark.parametrize(("n_mels", "n_fft"), [(1, 512), (17, 512), (128, 1024), (229, 512)])
def test_grouped_bands_equal_the_whole_product(n_mels: int, n_fft: int) -> None:
    weights = mel_filterbank(replace(LIBROSA, n_mels=n_mels, n_fft=n_fft, win_length=n_fft))
    energy = np.random.default_rng(3).random((5, n_fft // 2 + 1)).astype(np.float32)
    output = np.full((5, n_mels), np.nan, np.float32)
    Bands.of(weights).sum(energy, output)
    expected = energy.astype(np.float64) @ weights.T.astype(np.float64)
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-12)


def test_a_card_cannot_ask_for_much_memory() -> None:
    largest = replace(FrontEndConfig(), n_fft=16_384, win_length=16_384, hop_length=16_384)
    for n_fft, hop_length in ((16_384, 1), (16_384, 16_384), (16, 16_384), (16, 1)):
        config = replace(largest, n_fft=n_fft, win_length=16, hop_length=hop_length, n_mels=512)
        stream = FrontEnd(config).stream()
        taken = sum(part.nbytes for part in stream._work) + stream._signal.nbytes
        assert taken < 32 * 2**20


configs = st.builds(
    replace,
    st.just(FrontEndConfig()),
    center=st.booleans(),
    preemphasis=st.sampled_from([0.0, 0.97]),
    hop_length=st.sampled_from([100, 320, 700, 1500]),
    win_length=st.sampled_from([400, 800, 1024]),
    logarithm=st.sampled_from(["ln", "db"]),
    log_offset=st.sampled_from([1e-5, 1e-10]),  # in single and in double precision
    n_fft=st.sampled_from([1024, 1200]),
    n_mels=st.sampled_from([128, 41, 1]),
)


@settings(max_examples=80, deadline=None)
@given(config=configs, n=st.integers(0, 40_000), sizes=st.lists(st.integers(0, 12_000), min_size=1))
def test_stream_equals_whole_for_any_chunking(
    config: FrontEndConfig, n: int, sizes: list[int]
) -> None:
    front_end = FrontEnd(config)
    samples = chirp(n, config.sample_rate)
    stream = front_end.stream()
    parts, start, turn = [], 0, 0
    while start < n:
        size = max(1, sizes[turn % len(sizes)])
        parts.append(stream.push(samples[start : start + size]))
        start, turn = start + size, turn + 1
    parts.append(stream.finish())
    whole = front_end.logmel(samples)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert len(whole) == front_end.frame_count(n)


def test_stream_gives_each_frame_as_soon_as_its_samples_are_there() -> None:
    front_end = FrontEnd(replace(FrontEndConfig(), preemphasis=0))
    stream = front_end.stream()
    # Frame t is centred on sample 320 t and needs the 512 samples after it.
    assert len(stream.push(np.zeros(512, np.float32))) == 0
    assert len(stream.push(np.zeros(1, np.float32))) == 1
    assert len(stream.push(np.zeros(319, np.float32))) == 1
    assert len(stream.push(np.zeros(320, np.float32))) == 1


def test_stream_keeps_no_more_than_a_frame_of_samples() -> None:
    stream = FrontEnd().stream()
    for _ in range(50):
        stream.push(np.zeros(10_000, np.float32))
    assert stream._held <= 2 * 1024


def test_a_finished_stream_takes_no_more() -> None:
    stream = FrontEnd().stream()
    stream.finish()
    with pytest.raises(RuntimeError, match="finished"):
        stream.push(np.zeros(4, np.float32))


def test_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("shape (2, 100)")):
        FrontEnd().logmel(np.zeros((2, 100), np.float32))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 511, 512, 513, 1025])
def test_very_short_signals_give_finite_frames(n: int) -> None:
    frames = FrontEnd().logmel(chirp(n, 32_000))
    assert len(frames) == FrontEnd().frame_count(n)
    assert np.isfinite(frames).all()


def test_silence_gives_the_floor_of_the_logarithm() -> None:
    frames = FrontEnd().logmel(np.zeros(32_000, np.float32))
    np.testing.assert_allclose(frames, (np.log(1e-5) + 4.5) / 5, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate", 10**9),
        ("n_fft", 0),
        ("n_fft", 2.5),
        ("win_length", 4096),
        ("hop_length", 0),
        ("n_mels", 10_000),
        ("fmax", 20_000.0),
        ("fmin", -1.0),
        ("window", "kaiser"),
        ("mel_scale", "bark"),
        ("log_offset", 0.0),
        ("scale", 0.0),
        ("mean", float("nan")),
        ("preemphasis", 1.0),
    ],
)
def test_a_constant_out_of_range_is_named_with_its_value(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field} is {re.escape(repr(value))}"):
        replace(FrontEndConfig(), **{field: value})


def test_config_survives_json_and_names_strange_keys() -> None:
    values = FrontEndConfig().to_dict()
    assert FrontEndConfig.from_dict(values) == FrontEndConfig()
    with pytest.raises(ValueError, match="unknown front-end constants: hop"):
        FrontEndConfig.from_dict({**values, "hop": 3})
    values.pop("fmin")
    with pytest.raises(ValueError, match="missing front-end constants: fmin"):
        FrontEndConfig.from_dict(values)
