"""The quantised graphs of every family: int8 weights, smaller, and close."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, numpy_helper
from tests.export.conftest import random_network
from tests.export.weights import heads, layers, quantised_weights

from musicedge_export.graph import to_onnx
from musicedge_export.quantize import (
    QuantizationError,
    loudest_layers,
    quantize,
    to_half,
    to_int4,
)
from musicedge_export.stored import FLOAT_LAYERS
from musicedge_export.verify import graph_forward


def late_convolutions(model: ModelProto) -> set[str]:
    early = {f"/features.{index}/" for index in range(FLOAT_LAYERS)}
    return {name for name in layers(model, "Conv") if not any(part in name for part in early)}


def test_cnn_stores_all_weights_but_those_of_early_layers_and_heads(
    fp32: ModelProto, int8: ModelProto
) -> None:
    found = quantised_weights(int8)
    assert set(found) == late_convolutions(fp32) | layers(fp32, "Gemm") - heads(fp32)
    for weight, _, _ in found.values():
        assert weight.data_type == TensorProto.INT8
        assert np.abs(numpy_helper.to_array(weight).astype(int)).max() == 127
    assert int8.ByteSize() < 0.35 * fp32.ByteSize()


def test_cnn_computes_in_float_whatever_else_is_in_the_batch(
    fp32: ModelProto, int8: ModelProto, windows: list[np.ndarray]
) -> None:
    kinds = {node.op_type for node in int8.graph.node}
    assert kinds - {node.op_type for node in fp32.graph.node} == {"Cast"}
    forward, block = graph_forward(int8), np.stack(windows[:3])
    exact, rounded = graph_forward(fp32)(block), forward(block)
    alone = [forward(window[None]) for window in block]
    for name, value in exact.items():
        np.testing.assert_allclose(rounded[name], value, atol=0.05 * max(1, np.abs(value).max()))
        np.testing.assert_allclose(
            np.concatenate([a[name] for a in alone]), rounded[name], atol=1e-5
        )


def test_lstm_is_quantised_dynamically_and_the_rest_by_weights(
    recurrent: ModelProto, windows: list[np.ndarray]
) -> None:
    small = quantize(recurrent)
    kinds = [node.op_type for node in small.graph.node]
    assert kinds.count("DynamicQuantizeLSTM") == 2
    assert "LSTM" not in kinds
    assert "QuantizeLinear" not in kinds
    found = quantised_weights(small)
    dense = {f"{name}_MatMul" for name in layers(recurrent, "Gemm") - heads(recurrent)}
    dense |= layers(recurrent, "MatMul")
    later = late_convolutions(recurrent)
    assert later
    assert set(found) == later | dense
    assert len(small.SerializeToString()) < 0.35 * len(recurrent.SerializeToString())
    assert len(small.SerializeToString()) < 1_000_000  # what is allowed for the LSTM that ships
    block = np.stack(windows)
    exact, rounded = graph_forward(recurrent)(block), graph_forward(small)(block)
    for name, value in exact.items():
        np.testing.assert_allclose(rounded[name], value, atol=0.05 * max(1, np.abs(value).max()))


@pytest.fixture(scope="module")
def transformer() -> ModelProto:
    """The fp32 graph of a random AST, of the window that its positions are learned for."""
    return to_onnx(random_network(architecture="ast"), window_frames=1000, n_mels=128)


@pytest.fixture(scope="module")
def long(windows: list[np.ndarray]) -> np.ndarray:
    """Two windows for it."""
    return np.stack([np.resize(window, (1000, 128)) for window in windows[:2]])


def test_transformer_multiplies_integers_but_in_heads_convolutions_and_attention(
    transformer: ModelProto, long: np.ndarray
) -> None:
    small = quantize(transformer)
    kinds = [node.op_type for node in small.graph.node]
    assert kinds.count("MatMulInteger") >= 4 * 6  # four products a block
    assert kinds.count("MatMul") == 2 * 6 + len(heads(transformer))  # attention's own
    assert kinds.count("Conv") == len(layers(transformer, "Conv"))
    assert len(small.SerializeToString()) < 6_000_000  # what is allowed for the AST that ships
    exact, rounded = graph_forward(transformer)(long), graph_forward(small)(long)
    for name, value in exact.items():
        np.testing.assert_allclose(rounded[name], value, atol=0.05 * max(1, np.abs(value).max()))


def test_int4_is_smaller_still_and_close(transformer: ModelProto, long: np.ndarray) -> None:
    small = to_int4(transformer)
    assert any(node.op_type == "MatMulNBits" for node in small.graph.node)
    sizes = [len(each.SerializeToString()) for each in (small, quantize(transformer))]
    assert sizes[0] < sizes[1]
    exact, rounded = graph_forward(transformer)(long), graph_forward(small)(long)
    for name, value in exact.items():
        np.testing.assert_allclose(rounded[name], value, atol=0.1 * max(1, np.abs(value).max()))


def test_int4_of_another_family_is_refused(fp32: ModelProto) -> None:
    with pytest.raises(QuantizationError, match="int4 is for transformers"):
        to_int4(fp32)


def test_layer_that_hurts_is_named(fp32: ModelProto, windows: list[np.ndarray]) -> None:
    broken = ModelProto()
    broken.CopyFrom(fp32)
    name = "_network.backbone.features.12.block.0.0.weight"
    (tensor,) = (each for each in broken.graph.initializer if each.name == name)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] = 1000 * np.abs(values).max()  # one weight that leaves no steps for the others
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    (worst, moved), *_ = loudest_layers(broken, windows[:2])
    assert worst == "backbone.features.12.block.0.0.weight"
    assert moved > 0


@pytest.mark.parametrize("family", ["recurrent", "transformer"])
def test_half_of_every_family_is_half_the_size_and_close(
    family: str, request: pytest.FixtureRequest, windows: list[np.ndarray], long: np.ndarray
) -> None:
    model = request.getfixturevalue(family)
    block = np.stack(windows) if family == "recurrent" else long
    half = to_half(model)
    assert len(half.SerializeToString()) < 0.6 * len(model.SerializeToString())
    exact, rounded = graph_forward(model)(block), graph_forward(half)(block)
    for name, value in exact.items():
        np.testing.assert_allclose(rounded[name], value, atol=0.02 * max(1, np.abs(value).max()))
