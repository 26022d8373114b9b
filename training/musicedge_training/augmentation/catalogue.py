"""The kinds of transforms that there are, the standard ones, and how a recipe lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from musicedge_training.augmentation import spectral, steps, waveform
from musicedge_training.augmentation.transform import Clean, CropTransform, Transform

SoundKind = (
    waveform.Room
    | waveform.Tilt
    | waveform.Noise
    | waveform.BandLimit
    | waveform.Codec
    | waveform.Level
    | waveform.Gain
    | waveform.TimeShift
)
SpectralKind = (
    spectral.SpectralRoom
    | spectral.SpectralTilt
    | spectral.SpectralNoise
    | spectral.SpectralBandLimit
    | spectral.SpectralCodec
    | spectral.SpectralGain
    | spectral.SpectralTimeShift
)
StepKind = steps.SpecAugment | steps.Mixup
_Kind = Annotated[SoundKind | SpectralKind | StepKind | Clean, Field(discriminator="kind")]

STANDARD: dict[str, tuple[Transform, ...]] = {
    "waveform": (
        waveform.Room(probability=0.35),
        waveform.Tilt(probability=0.5),
        waveform.Noise(probability=0.3),
        waveform.BandLimit(probability=0.5),
        waveform.Codec(probability=0.15, formats=("mp3",)),
        waveform.Codec(probability=0.08, formats=("opus",)),
        waveform.Codec(probability=0.3, formats=("vorbis",)),
        waveform.Level(probability=0.8),
        steps.SpecAugment(),
    ),
    "spectrogram": (
        Clean(probability=0.04),
        spectral.SpectralRoom(probability=0.35),
        spectral.SpectralTilt(probability=0.5),
        spectral.SpectralNoise(probability=0.3),
        spectral.SpectralBandLimit(probability=0.5),
        spectral.SpectralCodec(probability=0.4),
        spectral.SpectralGain(probability=0.8),
        steps.SpecAugment(),
    ),
}
"""What a name in the place of a kind stands for: what the models that ship were trained with."""


def _spelt_out(value: Any) -> Any:
    """Return a list of tables of what may be a name, names with commas, a table, or any of these.

    The standard lists are put in the place of their names.
    """
    if value is None:
        return []
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",")]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of kinds, such as ['spectrogram', 'mixup']")
    return list(_tables(value))


def _tables(entries: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    for entry in entries:
        if not isinstance(entry, str | dict | Transform):
            raise ValueError(f"{entry!r} is neither a kind nor a table with one")
        table = {"kind": entry} if isinstance(entry, str) else entry
        name = table.get("kind") if isinstance(table, dict) else None
        if isinstance(name, str) and name in STANDARD:
            if len(table) > 1:
                raise ValueError(f"{name!r} is a whole list and has no settings")
            yield from STANDARD[name]
        else:
            yield table


def _consistent(transforms: tuple[Transform, ...]) -> tuple[Transform, ...]:
    sound, logmel = (
        next((t.kind for t in transforms if isinstance(t, kind)), None)
        for kind in (waveform.SoundTransform, spectral.SpectralTransform)
    )
    if sound and logmel:
        raise ValueError(f"{sound!r} changes the sound and {logmel!r} the log-mel: choose one")
    if sum(isinstance(t, steps.Mixup) for t in transforms) > 1:
        raise ValueError("'mixup' is there twice")
    return transforms


Augmentation = Annotated[
    tuple[_Kind, ...], BeforeValidator(_spelt_out), AfterValidator(_consistent)
]
"""A recipe's transforms, in order: those of crops, and those of steps."""

KINDS: dict[str, type[Transform]] = {
    kind.model_fields["kind"].default: kind
    for kind in (*get_args(SoundKind), *get_args(SpectralKind), *get_args(StepKind), Clean)
}
"""Every kind by its name."""


def crop_transforms(augmentation: tuple[Transform, ...]) -> tuple[CropTransform, ...]:
    """Return those that the bank of crops is made with."""
    return tuple(t for t in augmentation if isinstance(t, CropTransform))


def step_transforms(augmentation: tuple[Transform, ...]) -> tuple[steps.StepTransform, ...]:
    """Return those that every step makes anew."""
    return tuple(t for t in augmentation if isinstance(t, steps.StepTransform))


def of_the_sound(augmentation: tuple[Transform, ...]) -> bool:
    """Return whether crops are cut from the sound, as one of the kinds needs; else from log-mel."""
    return any(isinstance(t, waveform.SoundTransform) for t in augmentation)
