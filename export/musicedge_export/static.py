"""A CNN that computes with integers: static QDQ, for devices whose kernels for it are fast."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from musicedge_export.graph import INPUT
from musicedge_export.quantiser import quiet_root_logger, tidied
from musicedge_export.quantize import QuantizationError, is_convolutional
from musicedge_export.stored import FLOAT_LAYERS, convolutions, quantize_weights

Float32 = NDArray[np.float32]


class _Windows(CalibrationDataReader):  # type: ignore[misc]
    """Calibration windows, one at a time."""

    def __init__(self, windows: Sequence[Float32]) -> None:
        self._iterator: Iterator[Float32] = iter(windows)

    def get_next(self) -> dict[str, Float32] | None:
        window = next(self._iterator, None)
        return None if window is None else {INPUT: window[None]}


def to_static(
    model: ModelProto,
    windows: Sequence[Float32],
    *,
    method: CalibrationMethod = CalibrationMethod.Percentile,
    float_layers: int = FLOAT_LAYERS,
    reduce_range: bool = True,
) -> ModelProto:
    """Return a CNN that computes with integers.

    Convolutions of the backbone's later layers take uint8 activations (static QDQ, weights per
    channel). Fully connected layers (squeeze-excite, the hidden layers) keep float
    activations and store int8 weights, one scale for each output; the heads stay in float.

    Parameters
    ----------
    model
        An fp32 graph with one input, `INPUT`; it is not changed.
    windows
        Calibration windows, each np.ndarray [shape=(time, n_mels)].
    method
        How activation ranges are found.
    float_layers
        Layers of the backbone, from the input, whose convolutions stay in float.
    reduce_range
        Use 7 of the weights' 8 bits: x86 without VNNI adds pairs of u8 x s8 products in 16 bits,
        which saturate with all 8.

    Raises
    ------
    QuantizationError
        It is no CNN: the other families multiply integers in their int8 form.
    """
    if not is_convolutional(model):
        raise QuantizationError("int8-static is for CNNs; int8 multiplies integers in this network")
    with tempfile.TemporaryDirectory() as folder, quiet_root_logger(), redirect_stdout(None):
        source, prepared, target = (Path(folder) / name for name in ("a", "b", "c"))
        onnx.save(model, source)
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        excluded = convolutions(onnx.load(prepared), float_layers)
        quantize_static(
            str(prepared),
            str(target),
            _Windows(windows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
            calibrate_method=method,
        )
        return quantize_weights(tidied(onnx.load(target)))
