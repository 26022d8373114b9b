"""The quantised graph: int8 weights, smaller, and close on what it was calibrated on."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, numpy_helper
from tests.export.conftest import FRAMES, random_network

from musicedge_export.graph import to_onnx
from musicedge_export.quantize import (
    FLOAT_LAYERS,
    QuantizationError,
    loudest_layers,
    quantize,
    quantize_convolutional,
    quantize_weights,
    to_half,
    to_int4,
)
from musicedge_export.verify import graph_forward
from musicedge_training.architectures.cnn import LAYERS


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


def test_fully_connected_weights_are_int8_with_a_scale_an_output(
    fp32: ModelProto, int8: ModelProto
) -> None:
    dense = {name: w for name, w in quantised_weights(int8).items() if w[2] == "Gemm"}
    assert set(dense) == layers(fp32, "Gemm") - heads(fp32)
    for weight, scale, _ in dense.values():
        assert weight.data_type == TensorProto.INT8
        assert scale.dims[0] in weight.dims
        assert np.abs(numpy_helper.to_array(weight).astype(int)).max() == 127


def test_dense_weights_alone_are_rounded_to_half_a_step(fp32: ModelProto) -> None:
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


def test_later_convolutions_have_int8_weights_of_seven_bits_a_scale_a_channel(
    fp32: ModelProto, int8: ModelProto
) -> None:
    convolved = {name: w for name, w in quantised_weights(int8).items() if w[2] == "Conv"}
    early = re.compile(rf"/features\.[0-{FLOAT_LAYERS - 1}]/")
    assert {name for name in layers(fp32, "Conv") if not early.search(name)} == set(convolved)
    for weight, scale, _ in convolved.values():
        assert weight.data_type == TensorProto.INT8
        assert list(scale.dims) == [weight.dims[0]]
        assert np.abs(numpy_helper.to_array(weight).astype(int)).max() <= 64


def test_activations_are_uint8(int8: ModelProto) -> None:
    points = {tensor.name: tensor for tensor in int8.graph.initializer}
    kinds = {
        points[node.input[2]].data_type
        for node in int8.graph.node
        if node.op_type == "QuantizeLinear"
    }
    assert kinds == {TensorProto.UINT8}


def test_quantised_file_is_much_smaller(fp32: ModelProto, int8: ModelProto) -> None:
    assert int8.ByteSize() < 0.4 * fp32.ByteSize()


@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_are_close_on_the_calibration_data(
    batch: int, fp32: ModelProto, int8: ModelProto, windows: list[np.ndarray]
) -> None:
    forward, quantised = graph_forward(fp32), graph_forward(int8)
    expected, given = [], []
    for start in range(0, len(windows) - batch + 1, batch):
        block = np.stack(windows[start : start + batch])
        for outputs, rows in ((forward(block), expected), (quantised(block), given)):
            rows.extend(np.column_stack([outputs["genre"], outputs["arousal"], outputs["music"]]))
    assert np.isfinite(given).all()
    assert np.abs(np.subtract(given, expected)).mean() < 0.3 * np.std(expected)
    # A random network has little margin; a trained one is judged by its scores (verify).
    assert np.corrcoef(np.ravel(given), np.ravel(expected))[0, 1] > 0.95


def test_every_convolution_can_be_quantised_or_none(
    fp32: ModelProto, windows: list[np.ndarray]
) -> None:
    for count, wanted in ((0, layers(fp32, "Conv")), (LAYERS, set())):
        mixed = quantised_weights(quantize_convolutional(fp32, windows[:2], float_layers=count))
        assert {name for name, (_, _, operator) in mixed.items() if operator == "Conv"} == wanted


def test_graph_and_logging_are_left_as_they_were(
    fp32: ModelProto, windows: list[np.ndarray]
) -> None:
    before, level = fp32.SerializeToString(), logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    try:
        quantize(fp32, windows[:1])
        assert logging.getLogger().level == logging.INFO
    finally:
        logging.getLogger().setLevel(level)
    assert fp32.SerializeToString() == before


def test_quantised_graph_passes_the_checker_and_keeps_its_interface(
    fp32: ModelProto, int8: ModelProto
) -> None:
    onnx.checker.check_model(int8)
    for one, other in (
        (fp32.graph.input, int8.graph.input),
        (fp32.graph.output, int8.graph.output),
    ):
        assert [entry.name for entry in one] == [entry.name for entry in other]


@pytest.fixture(scope="module")
def recurrent() -> ModelProto:
    """The fp32 graph of a random network with an LSTM."""
    return to_onnx(random_network(architecture="lstm"), window_frames=FRAMES, n_mels=128)


def test_lstm_is_quantised_dynamically_and_the_rest_by_weights(
    recurrent: ModelProto, windows: list[np.ndarray]
) -> None:
    small = quantize(recurrent, [])
    kinds = [node.op_type for node in small.graph.node]
    assert kinds.count("DynamicQuantizeLSTM") == 2
    assert "LSTM" not in kinds
    assert "QuantizeLinear" not in kinds
    found = quantised_weights(small)
    dense = {f"{name}_MatMul" for name in layers(recurrent, "Gemm") - heads(recurrent)}
    dense |= layers(recurrent, "MatMul")
    early = {f"/features.{index}/" for index in range(FLOAT_LAYERS)}
    later = {n for n in layers(recurrent, "Conv") if not any(part in n for part in early)}
    assert later
    assert set(found) == later | dense
    assert len(small.SerializeToString()) < 0.35 * len(recurrent.SerializeToString())
    assert len(small.SerializeToString()) < 1_000_000  # what is allowed for the LSTM that ships
    block = np.stack(windows)
    exact, rounded = graph_forward(recurrent)(block), graph_forward(small)(block)
    for name, value in exact.items():
        np.testing.assert_allclose(rounded[name], value, atol=0.05 * max(1, np.abs(value).max()))


def test_weights_of_convolutions_are_rounded_to_half_a_step(recurrent: ModelProto) -> None:
    originals = {tensor.name: tensor for tensor in recurrent.graph.initializer}
    found = quantised_weights(quantize_weights(recurrent, ("Conv",)))
    assert set(found) == layers(recurrent, "Conv")
    for node in recurrent.graph.node:
        if node.name in found:
            exact = numpy_helper.to_array(originals[node.input[1]])
            weight, scale = (numpy_helper.to_array(part) for part in found[node.name][:2])
            assert (np.abs(weight * scale - exact) <= 0.5001 * scale).all()


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
    small = quantize(transformer, [])
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
    sizes = [len(each.SerializeToString()) for each in (small, quantize(transformer, []))]
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
