"""The fp32 graph: the network's outputs at any batch size, and nothing that it need not hold."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto
from tests.export.conftest import FRAMES
from torch import nn

from musicedge_export.graph import INPUT, OPSET, fold_batch_norm, to_onnx
from musicedge_export.verify import graph_forward
from musicedge_training.architectures.cnn import POOLING, MobileNetV3
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork
from musicedge_training.datasets.track import GENRES, MOODS
from musicedge_training.predict import network_forward


@pytest.mark.parametrize("batch", [1, 3])
def test_graph_equals_the_network(
    batch: int, fp32: ModelProto, network: MultitaskNetwork, windows: list[np.ndarray]
) -> None:
    block = np.stack(windows[:batch])
    expected, given = network_forward(network)(block), graph_forward(fp32)(block)
    assert list(given) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(given[name], value, atol=1e-4)


def test_outputs_have_the_shapes_that_the_runtime_wants(
    fp32: ModelProto, windows: list[np.ndarray]
) -> None:
    outputs = graph_forward(fp32)(np.stack(windows[:3]))
    shapes = {name: value.shape for name, value in outputs.items()}
    assert shapes == {
        "genre": (3, len(GENRES)),
        **dict.fromkeys(MOODS, (3,)),
        "music": (3,),
    }


def test_batch_is_the_only_free_size(fp32: ModelProto) -> None:
    (entry,) = fp32.graph.input
    sizes = [d.dim_param or d.dim_value for d in entry.type.tensor_type.shape.dim]
    assert entry.name == INPUT
    assert sizes == ["batch", FRAMES, 128]
    for output in fp32.graph.output:
        first, *rest = (d.dim_param or d.dim_value for d in output.type.tensor_type.shape.dim)
        assert first == "batch"
        assert all(isinstance(size, int) and size > 0 for size in rest)


def test_graph_is_of_the_opset_and_passes_the_checker(fp32: ModelProto) -> None:
    assert {entry.domain: entry.version for entry in fp32.opset_import} == {"": OPSET}
    onnx.checker.check_model(fp32, full_check=True)


def test_all_tensors_are_inside_the_file(fp32: ModelProto) -> None:
    assert fp32.graph.initializer
    for tensor in fp32.graph.initializer:
        assert tensor.data_location == onnx.TensorProto.DEFAULT
        assert not tensor.external_data


def test_batch_norms_after_convolutions_are_folded(fp32: ModelProto) -> None:
    convolved = {name for n in fp32.graph.node if n.op_type == "Conv" for name in n.output}
    norms = [n for n in fp32.graph.node if n.op_type == "BatchNormalization"]
    assert not [n.name for n in norms if n.input[0] in convolved]


def test_nothing_of_training_is_left(fp32: ModelProto) -> None:
    assert "Dropout" not in {node.op_type for node in fp32.graph.node}
    used = {name for node in fp32.graph.node for name in node.input}
    assert {tensor.name for tensor in fp32.graph.initializer} <= used


def test_folding_changes_no_output_and_not_the_network(network: MultitaskNetwork) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded = fold_batch_norm(network)
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    x = torch.randn(2, FRAMES, 128)
    with torch.inference_mode():
        for name, value in network(x).items():
            torch.testing.assert_close(folded(x)[name], value, atol=1e-4, rtol=1e-4)
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())


def test_network_in_training_mode_is_exported_for_inference() -> None:
    torch.manual_seed(0)
    specs = (HeadSpec("genre", "classification", ("a", "b")),)
    network = MultitaskNetwork(
        MobileNetV3(pooling=POOLING), specs, hidden_size=8, dropout=0.9
    ).train()
    graph = graph_forward(to_onnx(network, window_frames=32, n_mels=128))
    assert network.training
    x = np.random.default_rng(0).standard_normal((2, 32, 128)).astype(np.float32)
    expected = network_forward(network.eval())(x)["genre"]
    np.testing.assert_allclose(graph(x)["genre"], expected, atol=1e-4)
