"""Weights stored as int8: how they are rounded, and what becomes of them when a file is opened."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, numpy_helper
from tests.export.weights import heads, layers, quantised_weights

from musicedge_export.forms import ort_format
from musicedge_export.stored import keep_stored, quantize_weights
from musicedge_export.verify import graph_forward


def test_dense_weights_are_rounded_to_half_a_step(fp32: ModelProto) -> None:
    rounded = quantize_weights(fp32)
    originals = {tensor.name: tensor for tensor in fp32.graph.initializer}
    found = quantised_weights(rounded)
    assert set(found) == layers(fp32, "Gemm") - heads(fp32)
    for node in fp32.graph.node:
        if node.name in found:
            exact = numpy_helper.to_array(originals[node.input[1]])
            weight, scale, _ = (
                numpy_helper.to_array(part) if isinstance(part, TensorProto) else part
                for part in found[node.name]
            )
            assert scale.shape == (len(exact), 1)  # torch's linear layers have the outputs first
            assert (np.abs(weight * scale - exact) <= 0.5001 * scale).all()


def test_weights_of_convolutions_are_rounded_to_half_a_step(recurrent: ModelProto) -> None:
    originals = {tensor.name: tensor for tensor in recurrent.graph.initializer}
    found = quantised_weights(quantize_weights(recurrent, ("Conv",)))
    assert set(found) == layers(recurrent, "Conv")
    for node in recurrent.graph.node:
        if node.name in found:
            exact = numpy_helper.to_array(originals[node.input[1]])
            weight, scale = (numpy_helper.to_array(part) for part in found[node.name][:2])
            assert (np.abs(weight * scale - exact) <= 0.5001 * scale).all()


def test_stored_weights_are_turned_into_float_once_when_a_model_is_opened(
    fp32: ModelProto, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "opened.onnx")
    options.log_severity_level = 3
    small = quantize_weights(fp32, ("Gemm", "Conv"))
    onnxruntime.InferenceSession(
        small.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    opened = onnx.load(tmp_path / "opened.onnx")
    assert not any(tensor.data_type == TensorProto.INT8 for tensor in opened.graph.initializer)
    kinds = [node.op_type for node in opened.graph.node]
    assert kinds.count("Cast") < len(quantised_weights(small))


@pytest.mark.parametrize("family", ["fp32", "recurrent"])
def test_kept_weights_are_the_same_numbers_and_are_still_int8_when_constants_are_folded(
    family: str, request: pytest.FixtureRequest, windows: list[np.ndarray]
) -> None:
    # The recurrent network has products with their outputs last; its LSTM is left in float here.
    small = quantize_weights(request.getfixturevalue(family), ("Gemm", "MatMul", "Conv"))
    before = small.SerializeToString()
    kept = keep_stored(small)
    assert small.SerializeToString() == before
    assert quantised_weights(kept).keys() == quantised_weights(small).keys()
    assert "Cast" not in {node.op_type for node in kept.graph.node}
    block = np.stack(windows[:2])
    expected, given = graph_forward(small)(block), graph_forward(kept)(block)
    for name, value in expected.items():
        np.testing.assert_allclose(given[name], value, atol=1e-4)
    data, operators = ort_format(small)
    stored = sum(math.prod(weight.dims) for weight, _, _ in quantised_weights(small).values())
    whole = len(ort_format(request.getfixturevalue(family))[0])
    assert whole - len(data) > 2.5 * stored  # of the 3 bytes that each weight has less
    assert "DequantizeLinear" in operators
    opened = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in opened.get_outputs()]
    for name, value in zip(names, opened.run(names, {"logmel": block}), strict=True):
        np.testing.assert_allclose(value, expected[name], atol=1e-4)


def test_graph_without_stored_weights_is_kept_as_it_is(fp32: ModelProto) -> None:
    assert keep_stored(fp32).SerializeToString() == fp32.SerializeToString()
