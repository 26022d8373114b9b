"""Weights stored as int8: how they are rounded, and what becomes of them when a file is opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, numpy_helper
from tests.export.weights import heads, layers, quantised_weights

from musicedge_export.stored import quantize_weights


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
