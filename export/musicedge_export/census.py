"""What a graph is made of: its operators, its parameters, and the products that a window costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from onnx import ModelProto, NodeProto, TensorProto, shape_inference

from musicedge.card import GraphFacts

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)

Shapes = Mapping[str, Sequence[int]]


def facts_of(graph: ModelProto, fp32: ModelProto) -> GraphFacts:
    """Return the facts of one variant of a model.

    Parameters
    ----------
    graph
        The variant.
    fp32
        The graph that it was made from: quantised ones hide their shapes in operators of
        onnxruntime's own, and their parameters in scales and packed bytes.
    """
    return GraphFacts(
        opset=next(o.version for o in graph.opset_import if o.domain in ("", "ai.onnx")),
        parameters=count_parameters(fp32),
        macs=count_macs(fp32),
        operators=count_operators(graph),
    )


def count_operators(graph: ModelProto) -> dict[str, int]:
    """Return how often each operator occurs, sorted by name; foreign ones with their domain."""
    names = (
        node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        for node in graph.graph.node
    )
    return dict(sorted(Counter(names).items()))


def count_parameters(graph: ModelProto) -> int:
    """Return how many floating-point numbers the graph holds."""
    return sum(
        math.prod(tensor.dims) for tensor in graph.graph.initializer if tensor.data_type in _FLOATS
    )


def count_macs(graph: ModelProto) -> int:
    """Return the multiply-accumulates of one window: of convolutions, products and LSTMs.

    Parameters
    ----------
    graph
        Of standard operators alone.

    Notes
    -----
    A Conv does (inputs / groups) x kernel products for each output, a Gemm or MatMul the length of
    the inner dimension, an LSTM 4 x hidden x (inputs + hidden) for each step and direction.
    Everything else (norms, activations, means) is left out, as is usual.
    """
    single = ModelProto()
    single.CopyFrom(graph)
    for value in (*single.graph.input, *single.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_value = 1
    inferred = shape_inference.infer_shapes(single, strict_mode=True, data_prop=True).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*inferred.value_info, *inferred.input, *inferred.output)
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    return sum(_node_macs(node, shapes) for node in inferred.node)


def _node_macs(node: NodeProto, shapes: Shapes) -> int:
    if node.op_type == "Conv":
        return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type == "MatMul":
        return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else 1]
    if node.op_type == "LSTM":
        steps, batch, inputs = shapes[node.input[0]]
        directions, gates, _ = shapes[node.input[1]]
        return steps * batch * directions * gates * (inputs + gates // 4)
    return 0
