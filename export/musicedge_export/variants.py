"""The variants of a model: their names, which there are of a family, and making them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from musicedge_export.quantize import (
    is_convolutional,
    is_transformer,
    quantize,
    to_half,
    to_int4,
)
from musicedge_export.static import to_static

VARIANTS = ("fp32", "fp16", "int8", "int8-static", "int4")
DEFAULT_VARIANTS = ("fp32", "int8")
ALL = "all"
"""Stands for every variant of a network's family."""

Windows = Callable[[], Sequence[NDArray[np.float32]]]


def chosen_variants(fp32: ModelProto, names: Sequence[str]) -> tuple[str, ...]:
    """Return the variants that are meant, in the order of `VARIANTS`, each once.

    Parameters
    ----------
    fp32
        The network, whose family tells what `ALL` stands for.
    names
        Of `VARIANTS`, and `ALL`.
    """
    left_out = {
        "int8-static": not is_convolutional(fp32),
        "int4": not is_transformer(fp32),
    }
    return tuple(
        name
        for name in VARIANTS
        if name in names or (ALL in names and not left_out.get(name, False))
    )


def make_variants(
    fp32: ModelProto, variants: Sequence[str], windows: Windows
) -> dict[str, ModelProto]:
    """Return the graphs of some variants, the fp32 one always and first.

    Parameters
    ----------
    fp32
        What they are made of; it is not changed.
    variants
        Of `VARIANTS`.
    windows
        Gives calibration windows, each np.ndarray [shape=(time, n_mels)], where they are needed.

    Raises
    ------
    QuantizationError
        The network has no such variant.
    """
    makers: dict[str, Callable[[], ModelProto]] = {
        "fp16": lambda: to_half(fp32),
        "int8": lambda: quantize(fp32),
        "int8-static": lambda: to_static(fp32, windows()),
        "int4": lambda: to_int4(fp32),
    }
    made = {name: make() for name, make in makers.items() if name in variants}
    return {"fp32": fp32, **made}
