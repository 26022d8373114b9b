"""Which layers of a graph have int8 weights, and which are its heads."""

from __future__ import annotations

from onnx import ModelProto, TensorProto


def quantised_weights(model: ModelProto) -> dict[str, tuple[TensorProto, TensorProto, str]]:
    """Return, by the operator's name, its quantised weight, the scale and the operator's type."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    sources = {node.output[0]: node for node in model.graph.node}
    found = {}
    for node in model.graph.node:
        source = sources.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type not in ("Conv", "Gemm", "MatMul") or source is None:
            continue
        if source.op_type == "Mul":  # of int8 weights, cast to float, and their scales
            cast, scale = source.input
            weight = sources[cast].input[0] if cast in sources else ""
        else:
            weight, scale = (*source.input, "", "")[:2]
        if source.op_type in ("Mul", "DequantizeLinear") and weight in tensors:
            found[node.name] = (tensors[weight], tensors[scale], node.op_type)
    return found


def layers(model: ModelProto, operator: str) -> set[str]:
    return {node.name for node in model.graph.node if node.op_type == operator}


def heads(model: ModelProto) -> set[str]:
    """Return the names of the layers that give the outputs, which stay in float."""
    found = {
        name
        for name in layers(model, "Gemm")
        if name.split("/")[2] in {output.name for output in model.graph.output}
    }
    assert len(found) == 2 + 2 * 3  # each mood has outputs and a gate
    return found
