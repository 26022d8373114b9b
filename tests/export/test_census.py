"""What a graph is made of: counted on graphs small enough to count by hand."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from tests.export.conftest import FRAMES

from musicedge_export.census import count_macs, count_operators, count_parameters, facts_of
from musicedge_training.architectures.heads import MultitaskNetwork


def model(nodes: list, shape: list, tensors: dict[str, np.ndarray]) -> ModelProto:
    """Return a graph from ``x`` to ``y``."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def floats(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def test_convolution_is_counted_with_groups_and_strides() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=2, strides=[2, 2], pads=[1] * 4)
    graph = model([node], ["batch", 4, 8, 6], {"w": floats(6, 2, 3, 3)})
    assert count_macs(graph) == (6 * 4 * 3) * (2 * 3 * 3)
    assert count_parameters(graph) == 6 * 2 * 3 * 3


def test_products_are_counted_by_their_inner_dimension() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("Gemm", ["h", "b"], ["y"], transB=1),
    ]
    graph = model(nodes, ["batch", 5], {"a": floats(5, 7), "b": floats(3, 7)})
    assert count_macs(graph) == 5 * 7 + 7 * 3


def test_lstm_is_counted_for_every_step_and_direction() -> None:
    node = helper.make_node(
        "LSTM", ["x", "w", "r"], ["y"], hidden_size=6, direction="bidirectional"
    )
    graph = model([node], [10, "batch", 4], {"w": floats(2, 24, 4), "r": floats(2, 24, 6)})
    assert count_macs(graph) == 10 * 2 * 4 * 6 * (4 + 6)


def test_shapes_and_indices_are_no_parameters() -> None:
    node = helper.make_node("Reshape", ["x", "s"], ["y"])
    graph = model([node], ["batch", 4], {"s": np.array([-1, 2, 2])})
    assert count_parameters(graph) == count_macs(graph) == 0


def test_operators_of_other_domains_are_named_with_them() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node("Relu", ["h"], ["i"]),
        helper.make_node("FusedThing", ["i"], ["y"], domain="com.example"),
    ]
    graph = model(nodes, ["batch", 4], {})
    assert count_operators(graph) == {"Relu": 2, "com.example.FusedThing": 1}


def test_facts_of_a_variant_count_the_work_of_the_fp32_graph(
    fp32: ModelProto, int8: ModelProto, network: MultitaskNetwork
) -> None:
    facts = facts_of(int8, fp32)
    assert facts.opset == 17
    assert facts.operators["Cast"] > 0
    assert (facts.parameters, facts.macs) == (count_parameters(fp32), count_macs(fp32))
    learned = sum(p.numel() for p in network.parameters())
    assert abs(facts.parameters - learned) < 0.02 * learned  # folded norms leave their biases
    macs = 0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal macs
        kernel = module.weight[0].numel()
        macs += output[0].numel() * kernel

    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        network(torch.zeros(1, FRAMES, 128))
    for handle in handles:
        handle.remove()
    assert facts.macs == macs
    onnx.checker.check_model(fp32)
