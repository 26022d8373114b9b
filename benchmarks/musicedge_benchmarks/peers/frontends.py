"""Other front-ends, each given the model's constants as far as it has them."""

from __future__ import annotations

import numpy as np

from musicedge_benchmarks.frontend_speed import librosa_mel
from musicedge_benchmarks.peers.peer import Material, Peer, Work


def _librosa(material: Material) -> Work:
    import librosa

    samples, config = material.samples, material.model.card.frontend
    return lambda: librosa.power_to_db(librosa_mel(samples, config))


def _torchaudio(material: Material) -> Work:
    """Its transform, on one thread; it has no scale of Kaldi's, and does no pre-emphasis."""
    import torch
    from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

    config = material.model.card.frontend
    torch.set_num_threads(1)
    mel = MelSpectrogram(
        sample_rate=config.sample_rate,
        n_fft=config.n_fft,
        win_length=config.win_length,
        hop_length=config.hop_length,
        f_min=config.fmin,
        f_max=config.fmax,
        n_mels=config.n_mels,
        power=config.power,
        center=config.center,
        norm=config.mel_norm,
        mel_scale="slaney" if config.mel_scale == "slaney" else "htk",
    )
    logarithm = AmplitudeToDB("power")
    samples = torch.from_numpy(material.samples)

    def work() -> object:
        with torch.inference_mode():
            return logarithm(mel(samples))

    return work


def _kaldi_native_fbank(material: Material) -> Work:
    import kaldi_native_fbank

    config = material.model.card.frontend
    options = kaldi_native_fbank.FbankOptions()
    frame = options.frame_opts
    frame.samp_freq = config.sample_rate
    frame.frame_length_ms = 1e3 * config.win_length / config.sample_rate
    frame.frame_shift_ms = 1e3 * config.hop_length / config.sample_rate
    frame.preemph_coeff = config.preemphasis
    frame.window_type = "hanning"
    frame.dither = 0.0
    frame.remove_dc_offset = False
    frame.snip_edges = not config.center
    options.mel_opts.num_bins = config.n_mels
    options.mel_opts.low_freq = config.fmin
    options.mel_opts.high_freq = config.fmax

    def work() -> object:
        fbank = kaldi_native_fbank.OnlineFbank(options)
        fbank.accept_waveform(config.sample_rate, material.samples)
        fbank.input_finished()
        return np.stack([fbank.get_frame(at) for at in range(fbank.num_frames_ready)])

    return work


FRONT_ENDS = (
    Peer("librosa", ("librosa",), "pip install librosa", _librosa),
    Peer("torchaudio", ("torch", "torchaudio"), "pip install torchaudio", _torchaudio),
    Peer(
        "kaldi-native-fbank",
        ("kaldi_native_fbank",),
        "pip install kaldi-native-fbank",
        _kaldi_native_fbank,
    ),
)
