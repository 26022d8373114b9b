"""Smaller forms of a network: int8 and int4, by what suits its family, and fp16."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from musicedge.errors import MusicedgeError
from musicedge_export.quantiser import quiet_root_logger, tidied
from musicedge_export.stored import FLOAT_LAYERS, convolutions, quantize_weights
from musicedge_export.verify import graph_forward

Float32 = NDArray[np.float32]


class QuantizationError(MusicedgeError):
    """A network has no form of the kind that was asked for."""


def quantize(model: ModelProto) -> ModelProto:
    """Return the model with int8 weights, by what makes its family small and not slower.

    A recurrent network or a transformer multiplies integers; a CNN stores int8 weights and computes
    in float, in all but the heads and the first `FLOAT_LAYERS` layers.

    Parameters
    ----------
    model
        An fp32 graph; it is not changed.
    """
    if is_recurrent(model):
        return quantize_recurrent(model)
    if is_transformer(model):
        return quantize_transformer(model)
    return quantize_weights(model, ("Gemm", "Conv"), convolutions(model, FLOAT_LAYERS))


def is_recurrent(model: ModelProto) -> bool:
    """Return whether a graph has an LSTM."""
    return any(node.op_type == "LSTM" for node in model.graph.node)


def is_transformer(model: ModelProto) -> bool:
    """Return whether a graph has a transformer's blocks."""
    return any(node.op_type == "LayerNormalization" for node in model.graph.node)


def is_convolutional(model: ModelProto) -> bool:
    """Return whether a graph is a CNN alone."""
    return not is_recurrent(model) and not is_transformer(model)


def quantize_transformer(model: ModelProto) -> ModelProto:
    """Return a transformer with int8 weights in all that is a matrix product.

    The products quantise what they read, row by row, and multiply integers (dynamic quantisation).
    Convolutions, the products of attention, and the heads stay in float.

    Parameters
    ----------
    model
        An fp32 graph; it is not changed.
    """
    with tempfile.TemporaryDirectory() as folder, quiet_root_logger(), redirect_stdout(None):
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
        return tidied(onnx.load(target))


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
    with tempfile.TemporaryDirectory() as folder, quiet_root_logger(), redirect_stdout(None):
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
    with tempfile.TemporaryDirectory() as folder, quiet_root_logger(), redirect_stdout(None):
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
        dynamic = tidied(onnx.load(target))
        excluded = convolutions(dynamic, FLOAT_LAYERS)
        return quantize_weights(dynamic, ("MatMul", "Conv"), excluded)


def to_half(model: ModelProto) -> ModelProto:
    """Return the model in fp16, for GPUs; what goes in and comes out stays in float32."""
    half = OnnxModel(convert_float_to_float16(model, keep_io_types=True))
    half.topological_sort()  # the casts are put at the end
    onnx.checker.check_model(half.model, full_check=True)
    return half.model
