"""A CNN that computes with integers: what of it does, and how close it stays."""

from __future__ import annotations

import logging
import re

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, numpy_helper
from tests.export.weights import heads, layers, quantised_weights

from musicedge_export.quantize import QuantizationError
from musicedge_export.static import to_static
from musicedge_export.stored import FLOAT_LAYERS
from musicedge_export.verify import graph_forward
from musicedge_training.architectures.cnn import LAYERS


@pytest.fixture(scope="module")
def static(fp32: ModelProto, windows: list[np.ndarray]) -> ModelProto:
    """The form of `fp32` that computes with integers."""
    return to_static(fp32, windows)


def test_fully_connected_weights_are_int8_with_a_scale_an_output(
    fp32: ModelProto, static: ModelProto
) -> None:
    dense = {name: w for name, w in quantised_weights(static).items() if w[2] == "Gemm"}
    assert set(dense) == layers(fp32, "Gemm") - heads(fp32)
    for weight, scale, _ in dense.values():
        assert weight.data_type == TensorProto.INT8
        assert scale.dims[0] in weight.dims
        assert np.abs(numpy_helper.to_array(weight).astype(int)).max() == 127


def test_later_convolutions_have_int8_weights_of_seven_bits_a_scale_a_channel(
    fp32: ModelProto, static: ModelProto
) -> None:
    convolved = {name: w for name, w in quantised_weights(static).items() if w[2] == "Conv"}
    early = re.compile(rf"/features\.[0-{FLOAT_LAYERS - 1}]/")
    assert {name for name in layers(fp32, "Conv") if not early.search(name)} == set(convolved)
    for weight, scale, _ in convolved.values():
        assert weight.data_type == TensorProto.INT8
        assert list(scale.dims) == [weight.dims[0]]
        assert np.abs(numpy_helper.to_array(weight).astype(int)).max() <= 64


def test_activations_are_uint8(static: ModelProto) -> None:
    points = {tensor.name: tensor for tensor in static.graph.initializer}
    kinds = {
        points[node.input[2]].data_type
        for node in static.graph.node
        if node.op_type == "QuantizeLinear"
    }
    assert kinds == {TensorProto.UINT8}


def test_static_file_is_much_smaller(fp32: ModelProto, static: ModelProto) -> None:
    assert static.ByteSize() < 0.4 * fp32.ByteSize()


@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_are_close_on_the_calibration_data(
    batch: int, fp32: ModelProto, static: ModelProto, windows: list[np.ndarray]
) -> None:
    forward, quantised = graph_forward(fp32), graph_forward(static)
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
        mixed = quantised_weights(to_static(fp32, windows[:2], float_layers=count))
        assert {name for name, (_, _, operator) in mixed.items() if operator == "Conv"} == wanted


def test_graph_and_logging_are_left_as_they_were(
    fp32: ModelProto, windows: list[np.ndarray]
) -> None:
    before, level = fp32.SerializeToString(), logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    try:
        to_static(fp32, windows[:1])
        assert logging.getLogger().level == logging.INFO
    finally:
        logging.getLogger().setLevel(level)
    assert fp32.SerializeToString() == before


def test_static_graph_passes_the_checker_and_keeps_its_interface(
    fp32: ModelProto, static: ModelProto
) -> None:
    onnx.checker.check_model(static)
    for one, other in (
        (fp32.graph.input, static.graph.input),
        (fp32.graph.output, static.graph.output),
    ):
        assert [entry.name for entry in one] == [entry.name for entry in other]


def test_other_families_have_no_static_form(recurrent: ModelProto) -> None:
    with pytest.raises(QuantizationError, match="int8-static is for CNNs"):
        to_static(recurrent, [])
