"""The settings that all trainings of the founding study share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from musicedge.errors import MusicedgeError
from musicedge_training.representations.founding import HOP, SAMPLE_RATE


class SettingsError(MusicedgeError):
    """A setting is not known, or its value is out of range."""


class Settings(BaseModel):
    """How the networks are trained; each field's comment says what it does."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seconds: float = Field(default=10.0, ge=1, le=120)
    """Of a track that a step sees, a random piece of it; a row a frame."""
    beats: int = Field(default=129, ge=1, le=1000)
    """As `seconds`, where there is a row a beat; 129 are the most in the founding study's clips."""
    epochs: int = Field(default=40, ge=1)
    """At most; training stops early."""
    patience: int = Field(default=6, ge=1)
    """Epochs without a better validation loss after which training stops."""
    slower_after: int = Field(default=2, ge=0)
    """Epochs without a better validation loss after which the learning rate is halved."""
    frozen_epochs: int = Field(default=3, ge=1)
    """Epochs in which a transferred backbone does not change."""
    batch_size: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    hidden: int = Field(default=64, ge=1, le=4096)
    """Units of each layer of the LSTM."""
    layers: int = Field(default=2, ge=1, le=2)
    """Of the LSTM."""
    channels: int = Field(default=8, ge=1, le=512)
    """Of the CNN's first block; each block has twice as many as the one before."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    seed: int = 0

    def rows(self, *, beats: bool) -> int:
        """Return how many rows of features a step sees of a track."""
        return self.beats if beats else round(self.seconds * SAMPLE_RATE / HOP)


def read_settings(values: Mapping[str, str]) -> Settings:
    """Return the settings with some replaced by what the command line says.

    Raises
    ------
    SettingsError
        A key is unknown (the nearest known one is named), or a value is no number or out of range.
    """
    for key in values:
        if key not in Settings.model_fields:
            near = difflib.get_close_matches(key, Settings.model_fields, 1)
            hint = f"did you mean {near[0]}?" if near else "known are "
            known = "" if near else ", ".join(Settings.model_fields)
            raise SettingsError(f"--set {key}: there is no such setting; {hint}{known}")
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        reason = first["msg"].replace("Input should", "it should")
        raise SettingsError(f"--set {key}={first['input']}: {reason}") from None
