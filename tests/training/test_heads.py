"""The heads: their sizes, and that the exported outputs are what the logits say."""

from __future__ import annotations

import pytest
import torch

from musicedge_training.architectures.cnn import POOLING, MobileNetV3
from musicedge_training.architectures.heads import (
    HeadSpec,
    LabelSource,
    MultitaskNetwork,
    SourceMixture,
    SourceOutputs,
)

RATED, WORDS = LabelSource("rated", 0.5, 0.2), LabelSource("words", 0.6, 0.05)
SPECS = (
    HeadSpec("genre", "classification", ("a", "b", "c")),
    HeadSpec("valence", "regression", sources=(RATED, WORDS)),
    HeadSpec("music", "detection"),
)


@pytest.fixture(scope="module")
def network() -> MultitaskNetwork:
    torch.manual_seed(0)
    return MultitaskNetwork(MobileNetV3(pooling=POOLING), SPECS, hidden_size=16).eval()


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "classification"},
        {"kind": "regression"},
        {"kind": "detection", "labels": ("a",)},
        {"kind": "detection", "sources": (RATED,)},
        {"kind": "regression", "sources": (RATED,), "labels": ("a",)},
    ],
)
def test_spec_that_breaks_a_rule_is_an_error(values: dict) -> None:
    with pytest.raises(ValueError, match="head 'x'"):
        HeadSpec("x", **values)


def test_outputs_have_the_shapes_and_ranges_of_the_graph(network: MultitaskNetwork) -> None:
    with torch.inference_mode():
        outputs = network(torch.randn(4, 50, 128))
    assert list(outputs) == ["genre", "valence", "music"]
    assert outputs["genre"].shape == (4, 3)
    for name in ("valence", "music"):
        assert outputs[name].shape == (4,)
        assert ((outputs[name] >= 0) & (outputs[name] <= 1)).all()


def test_outputs_are_what_the_heads_give_in_the_graphs_units(network: MultitaskNetwork) -> None:
    logmel = torch.randn(2, 50, 128)
    with torch.inference_mode():
        outputs = network(logmel)
        given = network.head_outputs(network.backbone(logmel.mT[:, None]))
        value = network.heads["valence"].value(given["valence"])
    torch.testing.assert_close(outputs["genre"], given["genre"])
    torch.testing.assert_close(outputs["valence"], value)
    torch.testing.assert_close(outputs["music"], torch.sigmoid(given["music"])[:, 0])


def test_heads_read_the_hidden_layer_and_the_whole_embedding(network: MultitaskNetwork) -> None:
    embedding = torch.randn(2, network.backbone.embedding_size)
    final = network.backbone.final_mean(embedding)
    with torch.inference_mode():
        torch.testing.assert_close(network.hidden_of(embedding), network.hidden(final))
        before = network.head_outputs(embedding)["genre"]
        embedding[:, 0] += 1
        after = network.head_outputs(embedding)["genre"]
        normalised = network.norm(embedding)
    change = network.heads["genre"].weight[:, network.hidden[0].out_features]
    assert normalised.shape == embedding.shape
    torch.testing.assert_close(after - before, change.expand(2, -1), atol=1e-3, rtol=1e-3)


def test_one_example_does_not_change_another(network: MultitaskNetwork) -> None:
    logmel = torch.randn(3, 50, 128)
    with torch.inference_mode():
        together, alone = network(logmel), network(logmel[1:2])
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1:2], value, atol=1e-5, rtol=1e-4)


def test_dropout_acts_in_training_only(network: MultitaskNetwork) -> None:
    logmel = torch.randn(1, 50, 128)
    with torch.inference_mode():
        assert torch.equal(network(logmel)["genre"], network(logmel)["genre"])
        network.dropout.train()
        try:
            assert not torch.equal(network(logmel)["genre"], network(logmel)["genre"])
        finally:
            network.eval()


def test_mixture_is_on_the_scale_of_the_first_source() -> None:
    mixture = SourceMixture(3, (RATED, WORDS))
    # Each one's mean, then one deviation above it: whichever counts, the rated scale says it.
    values = torch.tensor([[0.5, 0.6], [0.7, 0.65]])
    for gate in ([9.0, 0.0], [0.0, 9.0], [0.0, 0.0]):
        value = mixture.value(SourceOutputs(values, torch.tensor([gate, gate])))
        torch.testing.assert_close(value, torch.tensor([0.5, 0.7]))


def test_gate_tells_which_source_counts() -> None:
    mixture = SourceMixture(3, (RATED, WORDS))
    values = torch.tensor([[0.4, 0.65]])
    for gate, expected in (([30.0, 0.0], 0.4), ([0.0, 30.0], 0.7), ([0.0, 0.0], 0.55)):
        value = mixture.value(SourceOutputs(values, torch.tensor([gate])))
        assert float(value) == pytest.approx(expected, abs=1e-5)


def test_value_stays_in_range_when_a_narrow_scale_is_stretched() -> None:
    mixture = SourceMixture(3, (RATED, WORDS))
    values = torch.tensor([[0.5, 0.0], [0.5, 1.0]])
    value = mixture.value(SourceOutputs(values, torch.tensor([[0.0, 30.0]] * 2)))
    torch.testing.assert_close(value, torch.tensor([0.0, 1.0]))


def test_one_source_is_a_plain_regression() -> None:
    mixture = SourceMixture(3, (RATED,))
    x = torch.randn(4, 3)
    given = mixture(x)
    torch.testing.assert_close(mixture.value(given), torch.sigmoid(mixture.outputs(x))[:, 0])
