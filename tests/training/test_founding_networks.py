"""The founding study's networks: what padding changes, what they accept, what they can learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from musicedge_training.architectures.founding import FoundingCNN, FoundingLSTM, FoundingNetwork

FEATURES = 12


def network(backbone: FoundingLSTM | FoundingCNN, features: int = FEATURES) -> FoundingNetwork:
    heads = {"genre": 11, "valence": 1}
    return FoundingNetwork(backbone, heads, torch.full((features,), 0.5), torch.ones(features))


def backbones(features: int) -> list[FoundingLSTM | FoundingCNN]:
    torch.manual_seed(0)
    return [
        FoundingLSTM(features, 16, 1),
        FoundingLSTM(features, 16, 2),
        FoundingCNN(features, (2, 4, 6, 8)),
    ]


@pytest.mark.parametrize("layers", [1, 2])
def test_padding_does_not_change_what_the_lstm_gives(layers: int) -> None:
    torch.manual_seed(0)
    lstm = network(FoundingLSTM(FEATURES, 16, layers)).eval()
    frames = torch.rand(3, 20, FEATURES)
    lengths = torch.tensor([20, 7, 1])
    together = lstm(frames, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = lstm(frames[row : row + 1, :length], torch.tensor([length]))
        for name, value in alone.items():
            torch.testing.assert_close(together[name][row : row + 1], value)


def test_lstm_gives_what_it_holds_after_the_last_valid_frame() -> None:
    torch.manual_seed(0)
    backbone = FoundingLSTM(FEATURES, 16, 2).eval()
    frames = torch.rand(2, 9, FEATURES)
    course, _ = backbone.lstm(frames)
    given = backbone(frames, torch.tensor([9, 4]))
    torch.testing.assert_close(given, torch.stack([course[0, 8], course[1, 3]]))


def test_what_lies_in_the_padding_changes_nothing() -> None:
    for backbone in backbones(FEATURES):
        net = network(backbone).eval()
        frames, lengths = torch.rand(2, 50, FEATURES), torch.tensor([50, 20])
        before = net(frames, lengths)["genre"]
        frames[1, 20:] = 100.0
        torch.testing.assert_close(net(frames, lengths)["genre"], before)


def test_cnn_averages_the_columns_that_hold_a_frame() -> None:
    torch.manual_seed(0)
    backbone = FoundingCNN(FEATURES, (2, 4, 6, 8)).eval()
    frames = torch.rand(1, 64, FEATURES)
    maps = backbone.blocks(frames.unsqueeze(1))
    for length, columns in ((64, 4), (49, 4), (48, 3), (1, 1)):
        expected = maps[:, :, :columns].mean(dim=2).flatten(1)
        torch.testing.assert_close(backbone(frames, torch.tensor([length])), expected)


def test_cnn_has_four_blocks_of_convolution_norm_relu_and_pooling() -> None:
    kinds = [type(module) for module in FoundingCNN(128).blocks]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d] * 4


@pytest.mark.parametrize("features", [12, 128, 140])
@pytest.mark.parametrize("time", [1, 15, 129])
def test_any_features_and_any_time_have_outputs(features: int, time: int) -> None:
    for backbone in backbones(features):
        outputs = network(backbone, features).eval()(
            torch.rand(2, time, features), torch.tensor([time, 1])
        )
        assert {name: tuple(value.shape) for name, value in outputs.items()} == {
            "genre": (2, 11),
            "valence": (2, 1),
        }


def test_features_are_read_in_their_own_units() -> None:
    torch.manual_seed(0)
    backbone = FoundingLSTM(FEATURES, 16, 1)
    plain = FoundingNetwork(backbone, {"genre": 11}, torch.zeros(FEATURES), torch.ones(FEATURES))
    scaled = FoundingNetwork(
        backbone, {"genre": 11}, torch.full((FEATURES,), -40.0), torch.full((FEATURES,), 20.0)
    )
    scaled.heads.load_state_dict(plain.heads.state_dict())
    frames, lengths = torch.randn(2, 9, FEATURES), torch.tensor([9, 5])
    torch.testing.assert_close(
        scaled.eval()(frames * 20 - 40, lengths), plain.eval()(frames, lengths)
    )
