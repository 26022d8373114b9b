"""Smaller forms of a network: int8 and int4, by what suits its family, and fp16."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from musicedge.errors import MusicedgeError
from musicedge_export.graph import INPUT
from musicedge_export.verify import graph_forward

Float32 = NDArray[np.float32]

FLOAT_LAYERS = 9
"""Layers of the backbone, from the input, that stay in float: 3 % of the weights, most of the loss.

docs/models.md has the measurements.
"""


class QuantizationError(MusicedgeError):
    """A network has no form of the kind that was asked for."""


class _Windows(CalibrationDataReader):  # type: ignore[misc]
    """Calibration windows, one at a time."""

    def __init__(self, windows: Sequence[Float32]) -> None:
        self._iterator: Iterator[Float32] = iter(windows)

    def get_next(self) -> dict[str, Float32] | None:
        window = next(self._iterator, None)
        return None if window is None else {INPUT: window[None]}


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Keep the quantiser's warnings of every float node, which go to the root logger, silent.

    And take away the handlers that parts of it put there.
    """
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers = handlers


def quantize(model: ModelProto, windows: Sequence[Float32]) -> ModelProto:
    """Return the model with int8 weights: a recurrent network or a transformer, or a CNN's static.

    Parameters
    ----------
    model
        An fp32 graph; it is not changed.
    windows
        Calibration windows for a CNN, each np.ndarray [shape=(time, n_mels)].
    """
    if any(node.op_type == "LSTM" for node in model.graph.node):
        return quantize_recurrent(model)
    if is_transformer(model):
        return quantize_transformer(model)
    return quantize_convolutional(model, windows)


def is_transformer(model: ModelProto) -> bool:
    """Return whether a graph has a transformer's blocks."""
    return any(node.op_type == "LayerNormalization" for node in model.graph.node)


def quantize_transformer(model: ModelProto) -> ModelProto:
    """Return a transformer with int8 weights in all that is a matrix product.

    The products quantise what they read, row by row, and multiply integers (dynamic quantisation).
    Convolutions, the products of attention, and the heads stay in float.

    Parameters
    ----------
    model
        An fp32 graph; it is not changed.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet_root_logger(), redirect_stdout(None):
        source, prepared, target = (Path(folder) / name for name in ("a", "b", "c"))
        onnx.save(model, source)
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(
            prepared,
            target,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=_head_products(model),
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
        return _tidied(onnx.load(target))


def to_int4(model: ModelProto) -> ModelProto:
    """Return a transformer whose blocks have weights of 4 bits (``MatMulNBits``).

    Every 32 weights share a scale. Fully connected layers elsewhere store int8 weights;
    convolutions and heads stay in float.

    Parameters
    ----------
    model
        An fp32 graph; it is not changed.

    Raises
    ------
    QuantizationError
        It is no transformer: what else there is has too few products to gain by it.
    """
    if not is_transformer(model):
        raise QuantizationError("int4 is for transformers; this network has no such blocks")
    with tempfile.TemporaryDirectory() as folder, _quiet_root_logger(), redirect_stdout(None):
        source, prepared = Path(folder) / "a", Path(folder) / "b"
        onnx.save(model, source)
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        # Here, where the root logger is kept: on import it makes every package's notes show.
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantiser = MatMulNBitsQuantizer(
            onnx.load(prepared), block_size=32, is_symmetric=True, accuracy_level=4
        )
        quantiser.process()
        return quantize_weights(quantiser.model.model)


def _head_products(model: ModelProto) -> list[str]:
    """Return the names of the heads' products, those that the quantiser makes of them."""
    parts = [f"/{output.name}/" for output in model.graph.output]
    return [
        f"{node.name}_MatMul"
        for node in model.graph.node
        if node.op_type == "Gemm" and any(part in node.name for part in parts)
    ]


def loudest_layers(
    model: ModelProto, windows: Sequence[Float32], count: int = 3
) -> list[tuple[str, float]]:
    """Return the layers whose weights, rounded to int8 alone, move the first output most.

    Parameters
    ----------
    model
        An fp32 graph.
    windows
        What it is run on, each np.ndarray [shape=(time, n_mels)].
    count
        How many to return.

    Returns
    -------
    list of (str, float)
        The weights' names and the mean change, the largest first.
    """
    block = np.stack(windows)
    output = model.graph.output[0].name
    before = graph_forward(model)(block)[output]
    moved = []
    for index, tensor in enumerate(model.graph.initializer):
        weights = numpy_helper.to_array(tensor)
        if weights.ndim < 2 or weights.dtype != np.float32:
            continue
        scale = np.abs(weights).max() / 127 or 1.0
        rounded = ModelProto()
        rounded.CopyFrom(model)
        values = (np.round(weights / scale) * scale).astype(np.float32)
        rounded.graph.initializer[index].CopyFrom(numpy_helper.from_array(values, tensor.name))
        after = graph_forward(rounded)(block)[output]
        moved.append((tensor.name.removeprefix("_network."), float(np.abs(after - before).mean())))
    return sorted(moved, key=lambda item: -item[1])[:count]


def quantize_recurrent(model: ModelProto) -> ModelProto:
    """Return a network with an LSTM with int8 weights.

    The LSTM quantises what it reads at every step, and multiplies integers (dynamic quantisation).
    Convolutions and fully connected layers store int8 weights and compute in float; convolutions of
    the first `FLOAT_LAYERS` layers keep float weights.

    Parameters
    ----------
    model
        An fp32 graph; it is not changed.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet_root_logger(), redirect_stdout(None):
        source, target = Path(folder) / "a", Path(folder) / "b"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["LSTM"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
        # On its way the quantiser makes a MatMul of every Gemm.
        dynamic = _tidied(onnx.load(target))
        excluded = _convolutions(dynamic, FLOAT_LAYERS)
        return quantize_weights(dynamic, ("MatMul", "Conv"), excluded)


def quantize_convolutional(
    model: ModelProto,
    windows: Sequence[Float32],
    *,
    method: CalibrationMethod = CalibrationMethod.Percentile,
    float_layers: int = FLOAT_LAYERS,
    reduce_range: bool = True,
) -> ModelProto:
    """Return a CNN with int8 weights.

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
    """
    with tempfile.TemporaryDirectory() as folder, _quiet_root_logger(), redirect_stdout(None):
        source, prepared, target = (Path(folder) / name for name in ("a", "b", "c"))
        onnx.save(model, source)
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        excluded = _convolutions(onnx.load(prepared), float_layers)
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
        return quantize_weights(_tidied(onnx.load(target)))


def to_half(model: ModelProto) -> ModelProto:
    """Return the model in fp16, for GPUs; what goes in and comes out stays in float32."""
    half = OnnxModel(convert_float_to_float16(model, keep_io_types=True))
    half.topological_sort()  # the casts are put at the end
    onnx.checker.check_model(half.model, full_check=True)
    return half.model


def quantize_weights(
    model: ModelProto, kinds: Sequence[str] = ("Gemm",), excluded: Sequence[str] = ()
) -> ModelProto:
    """Return the model with the weights of some operators as int8, turned into float before each.

    `kinds` are of Gemm, MatMul and Conv; nodes whose names are `excluded` stay. The scale of an
    output is its largest weight over 127. The heads keep float weights: they are few, and those of
    the pretrained tags are so much larger than the others that no scale fits both.

    A Cast and a Mul turn the weights back: onnxruntime folds these once, when it opens the model,
    and then has the fp32 layers. A DequantizeLinear it leaves, for integer kernels to find, and
    does at every run; it also keeps convolutions from the layouts that constant weights get.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    heads = [f"/{output.name}/" for output in graph.output]
    added = []
    for node in graph.node:
        is_head = any(part in node.name for part in heads)
        if node.op_type not in kinds or is_head or node.name in excluded:
            continue
        if node.input[1] not in initializers:
            continue
        tensor = initializers.pop(node.input[1])
        transposed = any(a.name == "transB" and a.i == 1 for a in node.attribute)
        axis = 0 if transposed or node.op_type == "Conv" else 1
        weights = numpy_helper.to_array(tensor)
        others = tuple(each for each in range(weights.ndim) if each != axis)
        peaks = np.abs(weights).max(axis=others)
        scale = (np.where(peaks > 0, peaks, 1) / 127).astype(np.float32)
        spread = np.expand_dims(scale, others)
        values = np.clip(np.round(weights / spread), -127, 127).astype(np.int8)
        names = [f"{tensor.name}_{part}" for part in ("int8", "scale", "cast", "float")]
        graph.initializer.remove(tensor)
        graph.initializer.extend(
            numpy_helper.from_array(array, name)
            for array, name in zip((values, spread), names, strict=False)
        )
        cast = {"to": onnx.TensorProto.FLOAT}
        added.append(onnx.helper.make_node("Cast", names[:1], names[2:3], **cast))
        added.append(onnx.helper.make_node("Mul", [names[2], names[1]], names[3:]))
        node.input[1] = names[3]
    for node in reversed(added):
        graph.node.insert(0, node)
    onnx.checker.check_model(result, full_check=True)
    return result


def _tidied(model: ModelProto) -> ModelProto:
    """Take out what the quantiser leaves: domains that are not used, shapes of values between."""
    del model.graph.value_info[:]
    used = {node.domain for node in model.graph.node}
    unused = [each for each in model.opset_import if each.domain not in used]
    for each in unused:
        model.opset_import.remove(each)
    return model


def _convolutions(model: ModelProto, layers: int) -> list[str]:
    """Return the names of the convolutions in the backbone's first `layers` layers."""
    parts = [f"/features.{index}/" for index in range(layers)]
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and any(part in node.name for part in parts)
    ]
