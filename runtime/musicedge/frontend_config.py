"""The constants of a log-mel front-end: all that its features depend on, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from musicedge.values import Value

Window = Literal["hann", "hann_symmetric"]
MelScale = Literal["slaney", "htk", "kaldi"]
Logarithm = Literal["ln", "db"]

_LIMITS = {  # a card is untrusted: these bound the memory that its constants can ask for
    "sample_rate": (1_000, 192_000),
    "n_fft": (16, 16_384),
    "win_length": (2, 16_384),
    "hop_length": (1, 16_384),
    "n_mels": (1, 512),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FrontEndConfig(Value):
    """The constants of a log-mel front-end.

    Parameters
    ----------
    sample_rate
        Samples a second, in Hz.
    n_fft
        Length of the discrete Fourier transform, in samples.
    win_length
        Length of the analysis window, in samples; centred in `n_fft`.
    hop_length
        Samples between frames.
    window
        ``"hann"`` is periodic (as librosa's), ``"hann_symmetric"`` symmetric (as Kaldi's).
    center
        Whether frame *t* is centred on sample ``t * hop_length``, with reflection padding at both
        ends.
    preemphasis
        The coefficient *a* of ``y[n] = x[n + 1] - a x[n]``, one sample shorter; 0 for none.
    n_mels, fmin, fmax
        Mel bands, and the lowest and highest frequency in Hz.
    mel_scale
        ``"slaney"`` (Auditory Toolbox, as librosa's default), ``"htk"`` (2595 log10(1 + f/700)),
        both with triangles that are linear in Hz; ``"kaldi"`` (1127 ln(1 + f/700), the Nyquist bin
        unused) with triangles that are linear in mel.
    mel_norm
        ``"slaney"`` divides each triangle by half its width in Hz; None leaves its peak at 1.
    power
        Exponent of the magnitude: 2 for power, 1 for magnitude.
    logarithm
        ``"ln"``: ln(mel + offset); ``"db"``: 10 log10(max(mel, offset)).
    log_offset
        The offset of the logarithm, above 0.
    mean, scale
        The output is ``(log - mean) / scale``.

    Raises
    ------
    ValueError
        A value is out of its range; the message names the field and the value.
    """

    sample_rate: int = 32_000
    n_fft: int = 1024
    win_length: int = 800
    hop_length: int = 320
    window: Window = "hann_symmetric"
    center: bool = True
    preemphasis: float = 0.97
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float = 15_000.0
    mel_scale: MelScale = "kaldi"
    mel_norm: Literal["slaney"] | None = None
    power: float = 2.0
    logarithm: Logarithm = "ln"
    log_offset: float = 1e-5
    mean: float = -4.5
    scale: float = 5.0

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(
                    f"{name} is {value!r}: must be a whole number from {low} to {high}"
                )
        numbers = ("preemphasis", "fmin", "fmax", "power", "log_offset", "mean", "scale")
        for name in numbers:
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not math.isfinite(value)
            ):
                raise ValueError(f"{name} is {value!r}: must be a finite number")
        rules = {
            "win_length": (self.win_length <= self.n_fft, "at most n_fft"),
            "center": (isinstance(self.center, bool), "true or false"),
            "window": (self.window in get_args(Window), f"one of {get_args(Window)}"),
            "mel_scale": (self.mel_scale in get_args(MelScale), f"one of {get_args(MelScale)}"),
            "mel_norm": (self.mel_norm in (None, "slaney"), "null or 'slaney'"),
            "logarithm": (self.logarithm in get_args(Logarithm), f"one of {get_args(Logarithm)}"),
            "preemphasis": (0 <= self.preemphasis < 1, "in [0, 1)"),
            "fmin": (0 <= self.fmin < self.fmax, "in [0, fmax)"),
            "fmax": (self.fmax <= self.sample_rate / 2, "at most half the sample rate"),
            "power": (self.power > 0, "above 0"),
            "log_offset": (self.log_offset > 0, "above 0"),
            "scale": (self.scale != 0, "other than 0"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"{name} is {getattr(self, name)!r}: must be {rule}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FrontEndConfig:
        """Build a configuration from a card's JSON object; unknown or missing keys are errors."""
        names = {field.name for field in fields(cls)}
        for problem, keys in (("unknown", set(values) - names), ("missing", names - set(values))):
            if keys:
                raise ValueError(f"{problem} front-end constants: {', '.join(sorted(keys))}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the constants as a JSON-ready object."""
        return asdict(self)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length
