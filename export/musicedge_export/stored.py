"""Weights that are stored as int8 and turned into float before they are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

FLOAT_LAYERS = 9
"""Layers of the backbone, from the input, that stay in float: 3 % of the weights, most of the loss.

docs/quantisation.md has the measurements.
"""


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


def keep_stored(model: ModelProto) -> ModelProto:
    """Return the model with a DequantizeLinear for every Cast and Mul of `quantize_weights`.

    For onnxruntime's own format, in which constants are folded when the file is written: the stored
    weights would be in it as floats.

    Parameters
    ----------
    model
        Any graph; it is not changed.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    stored = {name for name, tensor in tensors.items() if tensor.data_type == TensorProto.INT8}
    casts = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Cast" and node.input[0] in stored
    }
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.output[0] in casts:
            continue
        if node.op_type != "Mul" or node.input[0] not in casts:
            nodes.append(node)
            continue
        scale = tensors[node.input[1]]
        spread = numpy_helper.to_array(scale)
        scale.CopyFrom(numpy_helper.from_array(spread.ravel(), scale.name))
        # Said, not left out: onnxruntime fails where it makes such weights unsigned.
        zero = numpy_helper.from_array(np.zeros(spread.size, np.int8), f"{scale.name}_zero")
        graph.initializer.append(zero)
        inputs, axis = [casts[node.input[0]], scale.name, zero.name], int(np.argmax(spread.shape))
        nodes.append(onnx.helper.make_node("DequantizeLinear", inputs, node.output, axis=axis))
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(result, full_check=True)
    return result


def convolutions(model: ModelProto, layers: int) -> list[str]:
    """Return the names of the convolutions in the backbone's first `layers` layers."""
    parts = [f"/features.{index}/" for index in range(layers)]
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and any(part in node.name for part in parts)
    ]
