"""The features of one song from its samples: log-mel, chroma, beats, tempogram, figures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import librosa
import numpy as np
import soxr
from librosa import beat, feature, onset, util
from numpy.typing import NDArray
from scipy.stats import trim_mean

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.mel import band_borders
from musicedge.overview import decibels
from musicedge_training.features.figures import (
    Figures,
    Float32,
    Float64,
    band_shares,
    ranked_pitch_classes,
)
from musicedge_training.representations.percussion import percussive_share

Frames = NDArray[np.int_]

RATE = 22_050  # Hz, as all that librosa does by default
HOP = 512  # samples at that rate between frames of chroma, onsets and tempogram
FRAME_RATE = RATE / HOP

POWER_SPECTRUM = FrontEndConfig(
    sample_rate=RATE,
    n_fft=2048,
    win_length=2048,
    hop_length=HOP,
    window="hann",
    preemphasis=0.0,
    n_mels=128,
    fmax=RATE / 2,
    mel_scale="slaney",
    mel_norm=None,
    logarithm="db",
    log_offset=1e-10,
    mean=0.0,
    scale=1.0,
)
"""Of the spectrum that beats, bands and the percussive share are told from. Triangles of height 1
divide all energy among themselves."""

# Half the rate and half the hop: the same frames from less work. The seven octaves end at 4.2 kHz.
CHROMA_RATE, CHROMA_HOP = RATE // 2, HOP // 2
_TUNING_SECONDS = 120.0  # of the middle of a song, from which its tuning is told
TEMPO_FRAMES = 256  # 6 s, of which a column of the tempogram tells the tempo
TEMPO_HOP = 4  # frames between its columns
_LEAST_ONSET = 3.0  # dB in the mean over all bands; steady tones and noise stay below
_SLOWEST, _FASTEST, _TEMPI = 30.0, 300.0, 96


@dataclass(frozen=True)
class SongFeatures:
    """What is in the sound of one song.

    Attributes
    ----------
    config
        The constants of the log-mel.
    levels : np.ndarray [shape=(t, n_mels)]
        The log-mel that the networks see, in dB.
    chroma : np.ndarray [shape=(n, 12)]
        How strong each pitch class is, 1 for the strongest of each frame; `FRAME_RATE` a second.
    onsets : np.ndarray [shape=(n,)]
        Onset strength of the percussive part: by how many dB its bands rise, in the mean.
    beats : np.ndarray [shape=(k,)]
        When they fall, in seconds.
    borders : np.ndarray [shape=(s + 1,)]
        In seconds: the beats, and around them the beginning and the end.
    beat_levels : np.ndarray [shape=(s, n_mels)]
    beat_chroma : np.ndarray [shape=(s, 12)]
        The medians of levels and chroma between these borders.
    tempogram : np.ndarray [shape=(c, m)]
        How much the onsets around each `TEMPO_HOP`-th frame repeat themselves at each tempo, at
        most 1.
    tempi : np.ndarray [shape=(m,)]
        These tempi, in beats a minute, in equal steps of their logarithm.
    figures
        The song in figures.
    """

    config: FrontEndConfig
    levels: Float32
    chroma: Float32
    onsets: Float32
    beats: Float64
    borders: Float64
    beat_levels: Float32
    beat_chroma: Float32
    tempogram: Float32
    tempi: Float64
    figures: Figures


def analyse(samples: Float32, config: FrontEndConfig) -> SongFeatures:
    """Return the features of a song.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        Mono at the constants' rate, full scale at +-1; not silent.
    config
        The constants of the log-mel.

    References
    ----------
    Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36 (2007); Grosche,
    Müller and Kurth, "Cyclic tempogram" (ICASSP 2010).
    """
    seconds = len(samples) / config.sample_rate
    levels = decibels(FrontEnd(config).logmel(samples), config)
    sound = soxr.resample(samples, config.sample_rate, RATE)
    chroma = chroma_of(soxr.resample(sound, RATE, CHROMA_RATE))
    power = power_spectrum(sound)
    percussive = power * percussive_share(power)
    onsets = onset_strength(percussive)
    tempogram = tempogram_of(onsets)
    frames = beat_frames(onsets, tempogram)
    count = min(len(chroma), len(onsets))
    chroma, frames = chroma[:count], frames[frames < count - 1]
    beats = frames / FRAME_RATE
    beat_levels = between_beats(levels, np.floor(beats * config.frame_rate).astype(int))
    tempi = np.geomspace(_SLOWEST, _FASTEST, _TEMPI)
    centroid = feature.spectral_centroid(y=sound, sr=RATE, n_fft=2048, hop_length=2048)
    figures = Figures(
        seconds=seconds,
        tempo=tempo_of(beats),
        beats=len(beats),
        percussive=float(percussive.sum() / power.sum()),
        centroid=float(centroid.mean()),
        bands=band_shares(power, middles(POWER_SPECTRUM)),
        pitch_classes=ranked_pitch_classes(chroma),
        frames=len(levels),
        segments=len(beat_levels),
    )
    return SongFeatures(
        config=config,
        levels=levels,
        chroma=chroma,
        onsets=onsets[:count],
        beats=beats,
        borders=np.unique([0.0, *beats, seconds]),
        beat_levels=beat_levels,
        beat_chroma=between_beats(chroma, frames),
        tempogram=at_tempi(tempogram, tempi),
        tempi=tempi,
        figures=figures,
    )


def power_spectrum(sound: Float32) -> Float32:
    """Return the energies of mel bands over time, np.ndarray [shape=(n, 128)]."""
    power: Float32 = librosa.db_to_power(FrontEnd(POWER_SPECTRUM).logmel(sound))
    return power


def middles(config: FrontEndConfig) -> Float64:
    """Return the middle of each mel band in Hz, np.ndarray [shape=(n_mels,)]."""
    borders = band_borders(config)
    return (borders[:-1] + borders[1:]) / 2


def chroma_of(sound: Float32) -> Float32:
    """Return the chroma of a constant-Q transform, np.ndarray [shape=(n, 12)]."""
    half = int(_TUNING_SECONDS * CHROMA_RATE / 2)
    middle = len(sound) // 2
    tuning = librosa.estimate_tuning(
        y=sound[max(middle - half, 0) : middle + half], sr=CHROMA_RATE, bins_per_octave=36
    )
    with warnings.catch_warnings():
        # The transforms of the lowest octaves reach beyond a short sound; they take zeros there.
        warnings.filterwarnings("ignore", "n_fft=.* is too large")
        chroma = feature.chroma_cqt(y=sound, sr=CHROMA_RATE, hop_length=CHROMA_HOP, tuning=tuning)
    return np.ascontiguousarray(chroma.T, np.float32)


def onset_strength(percussive: Float32) -> Float32:
    """Return the onset strength of energies over time, np.ndarray [shape=(n,)], in dB."""
    levels = librosa.power_to_db(percussive.T)
    return np.asarray(onset.onset_strength(S=levels, sr=RATE, hop_length=HOP), np.float32)


def tempogram_of(onsets: Float32) -> Float64:
    """Return the autocorrelation of the onsets around every `TEMPO_HOP`-th frame.

    This is `librosa.feature.tempogram`, which has no hop: of half an hour it would take a gigabyte.

    Parameters
    ----------
    onsets : np.ndarray [shape=(n,)]

    Returns
    -------
    np.ndarray [shape=(TEMPO_FRAMES, c)]
        By lag in frames, the largest of each column 1.
    """
    padded = np.pad(onsets, TEMPO_FRAMES // 2, mode="linear_ramp")
    around = util.frame(padded, frame_length=TEMPO_FRAMES, hop_length=TEMPO_HOP)
    around = around[:, : -(-len(onsets) // TEMPO_HOP)]
    window = librosa.filters.get_window("hann", TEMPO_FRAMES)[:, np.newaxis]
    likeness: Float64 = util.normalize(librosa.autocorrelate(around * window, axis=0), axis=0)
    return likeness


def beat_frames(onsets: Float32, tempogram: Float64) -> Frames:
    """Return the frames on which beats fall; none where hardly anything begins.

    Parameters
    ----------
    onsets : np.ndarray [shape=(n,)]
    tempogram : np.ndarray [shape=(lags, c)]
        From which the tempo is told that the beats are looked for with.
    """
    if onsets.max(initial=0) < _LEAST_ONSET:
        return np.empty(0, int)
    tempo = feature.tempo(tg=tempogram, sr=RATE, hop_length=HOP)
    _, frames = beat.beat_track(onset_envelope=onsets, sr=RATE, hop_length=HOP, bpm=tempo)
    return np.asarray(frames, int)


def tempo_of(beats: Float64) -> float | None:
    """Return the tempo of beats in seconds, in beats a minute; None where there are no two.

    It is that of their mean distance, which is finer than the tempo that they were looked for with:
    that of a whole number of frames. A tenth of the distances at either end does not count, since
    the beats of a beginning or an end may be guesses.
    """
    if len(beats) < 2:
        return None
    return float(60 / trim_mean(np.diff(beats), 0.1))


def between_beats(rows: Float32, frames: Frames) -> Float32:
    """Return the medians of the rows between beats, np.ndarray [shape=(s, k)].

    Parameters
    ----------
    rows : np.ndarray [shape=(n, k)]
    frames : np.ndarray [shape=(b,)]
        The rows on which beats fall.
    """
    starts = np.union1d([0], frames)
    return np.ascontiguousarray(util.sync(rows.T, starts, aggregate=np.median).T, np.float32)


def at_tempi(tempogram: Float64, tempi: Float64) -> Float32:
    """Return a tempogram at tempi in place of its lags in frames, np.ndarray [shape=(c, m)].

    Parameters
    ----------
    tempogram : np.ndarray [shape=(lags, c)]
    tempi : np.ndarray [shape=(m,)]
        In beats a minute.
    """
    lags = 60 * FRAME_RATE / tempi
    below = lags.astype(int)
    share = (lags - below)[:, np.newaxis]
    values = (1 - share) * tempogram[below] + share * tempogram[below + 1]
    return np.ascontiguousarray(values.T, np.float32)
