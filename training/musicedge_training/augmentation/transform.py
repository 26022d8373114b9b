"""What every transform is: settings that a recipe gives and that are checked, and what they do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

Float32 = NDArray[np.float32]


def _limits(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("must be two numbers, the least and the greatest")
    low, high = check(value)
    if low > high:
        raise ValueError("the first must not be above the second")
    return low, high


_Decibel = Annotated[float, Field(ge=-120, le=120)]
_Second = Annotated[float, Field(gt=0, le=10)]
_Exponent = Annotated[float, Field(ge=-4, le=4)]

Share = Annotated[float, Field(ge=0, le=1)]
"""A share or a probability."""
Shares = Annotated[tuple[Share, Share], WrapValidator(_limits)]
"""The least and the greatest share, between which all are as likely; and so the others."""
Decibels = Annotated[tuple[_Decibel, _Decibel], WrapValidator(_limits)]
Seconds = Annotated[tuple[_Second, _Second], WrapValidator(_limits)]
Exponents = Annotated[tuple[_Exponent, _Exponent], WrapValidator(_limits)]


class Transform(BaseModel):
    """A random change, called `kind` in a recipe; its fields are its settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str


class CropTransform(Transform):
    """A change of a crop when the bank of crops is made, once for each variant of a track."""

    probability: Share = 1.0
    """How often it is applied."""

    @abstractmethod
    def apply(self, values: Float32, place: Any, rng: np.random.Generator) -> Float32:
        """Return the changed values; those given stay as they are."""


class Clean(CropTransform):
    """Leave out all that follows in the list, of this crop."""

    kind: Literal["clean"] = "clean"
    probability: Share = 0.04

    def apply(self, values: Float32, place: Any, rng: np.random.Generator) -> Float32:
        """Return the values themselves."""
        return values


def apply_in_order(
    transforms: Sequence[CropTransform], values: Float32, place: Any, rng: np.random.Generator
) -> Float32:
    """Apply transforms one after the other, each with its probability.

    Parameters
    ----------
    transforms
        Of one kind of `values`.
    values
        Samples, or powers of mel bands.
    place
        What the transforms are told beside them: `waveform.Surroundings`, or `spectral.Bands`.
    rng
        Of what is drawn.
    """
    for transform in transforms:
        if rng.random() < transform.probability:
            if isinstance(transform, Clean):
                break
            values = transform.apply(values, place, rng)
    return values
