"""The heads: their sizes, and that the exported outputs are what the logits say."""

from __future__ import annotations

import pytest
import torch

from musicedge_training.architectures.cnn import POOLED, MobileNetV3
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork

SPECS = (
    HeadSpec("genre", "classification", ("a", "b", "c")),
    HeadSpec("valence", "regression"),
    HeadSpec("music", "detection"),
)


@pytest.fixture(scope="module")
def network() -> MultitaskNetwork:
    torch.manual_seed(0)
    return MultitaskNetwork(MobileNetV3(pooled=POOLED), SPECS, hidden_size=16).eval()


def test_size_is_one_number_a_class_or_one() -> None:
    assert [spec.size for spec in SPECS] == [3, 1, 1]


def test_outputs_have_the_shapes_and_ranges_of_the_graph(network: MultitaskNetwork) -> None:
    with torch.inference_mode():
        outputs = network(torch.randn(4, 50, 128))
    assert list(outputs) == ["genre", "valence", "music"]
    assert outputs["genre"].shape == (4, 3)
    for name in ("valence", "music"):
        assert outputs[name].shape == (4,)
        assert ((outputs[name] >= 0) & (outputs[name] <= 1)).all()


def test_outputs_are_the_logits_and_their_sigmoids(network: MultitaskNetwork) -> None:
    logmel = torch.randn(2, 50, 128)
    with torch.inference_mode():
        outputs = network(logmel)
        logits = network.logits(network.backbone(logmel.mT[:, None]))
    torch.testing.assert_close(outputs["genre"], logits["genre"])
    torch.testing.assert_close(outputs["music"], torch.sigmoid(logits["music"])[:, 0])


def test_heads_read_the_hidden_layer_and_the_whole_embedding(network: MultitaskNetwork) -> None:
    embedding = torch.randn(2, network.backbone.embedding_size)
    final = embedding[:, -network.backbone.final_size :]
    with torch.inference_mode():
        torch.testing.assert_close(network.hidden_of(embedding), network.hidden(final))
        before = network.logits(embedding)["genre"]
        embedding[:, 0] += 1
        after = network.logits(embedding)["genre"]
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
