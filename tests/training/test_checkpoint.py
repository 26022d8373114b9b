"""Checkpoints: a round trip, and refusing whatever is not one, in one line and without pickle."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from musicedge.frontend_config import FrontEndConfig
from musicedge_training import checkpoint
from musicedge_training.architectures.cnn import POOLING, MobileNetV3
from musicedge_training.architectures.heads import HeadSpec, LabelSource, MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError, CheckpointInfo

HEADS = (
    HeadSpec("genre", "classification", ("a", "b")),
    HeadSpec("valence", "regression", sources=(LabelSource("rated", 0.5, 0.2),)),
    HeadSpec("music", "detection"),
)
INFO = CheckpointInfo(
    recipe={"name": "mine", "epochs": 3},
    heads=HEADS,
    hidden_size=8,
    mood_size=4,
    frontend=FrontEndConfig(),
    split="official",
    trained_on=("0123456789ab", "ba9876543210"),
    temperature=1.5,
    music_threshold=0.25,
    scores={"folds": {"genre/accuracy": {"value": 0.5}}},
)


@pytest.fixture(scope="module")
def network() -> MultitaskNetwork:
    torch.manual_seed(0)
    return MultitaskNetwork(MobileNetV3(pooling=POOLING), HEADS, hidden_size=8, mood_size=4)


@pytest.fixture
def saved(network: MultitaskNetwork, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, network, INFO)
    return path


def error_of(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def write(path: Path, network: MultitaskNetwork, **changes: Any) -> Path:
    """Write a checkpoint with some of its values replaced."""
    values = json.dumps({**asdict(INFO), **changes})
    save_file(network.state_dict(), path, {"musicedge.checkpoint": values})
    return path


def test_checkpoint_loads_as_it_was_saved(saved: Path, network: MultitaskNetwork) -> None:
    loaded, info = checkpoint.load(saved)
    assert info == INFO
    assert loaded.specs == HEADS
    assert not loaded.training
    before = network.state_dict()
    assert list(loaded.state_dict()) == list(before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.state_dict().items())
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_network_in_another_memory_layout_is_saved_all_the_same(tmp_path: Path) -> None:
    network = MultitaskNetwork(MobileNetV3(pooling=POOLING), HEADS, hidden_size=8, mood_size=4)
    network = network.to(memory_format=torch.channels_last)
    checkpoint.save(tmp_path / "m.safetensors", network, INFO)
    loaded, _ = checkpoint.load(tmp_path / "m.safetensors")
    x = torch.randn(1, 40, 128)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(x)["genre"], network.eval()(x)["genre"])


def test_saving_again_replaces_the_file(saved: Path, network: MultitaskNetwork) -> None:
    checkpoint.save(saved, network, replace(INFO, temperature=2.0))
    assert checkpoint.load(saved)[1].temperature == 2


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert "No such file" in error_of(tmp_path / "nowhere.safetensors")


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    assert "not a musicedge checkpoint" in error_of(path)


def test_checkpoint_of_the_format_before_is_read(network: MultitaskNetwork, tmp_path: Path) -> None:
    path = write(tmp_path / "m.safetensors", network, format_version=2, trained_on=[])
    assert checkpoint.load(path)[1] == replace(INFO, trained_on=())


@pytest.mark.parametrize("version", [0, 1, 4, "2", None])
def test_other_format_is_refused(
    version: object, network: MultitaskNetwork, tmp_path: Path
) -> None:
    path = write(tmp_path / "m.safetensors", network, format_version=version)
    assert "format" in error_of(path)


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, 0.999])
def test_truncated_file_is_refused(keep: float, saved: Path) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    error_of(saved)


@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b"\xff" * 64, b"PK\x03\x04" + b"\x00" * 64])
def test_other_bytes_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    error_of(path)


def test_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "exploded",))

    for name, writer in (("a", pickle.dump), ("b", lambda bomb, file: torch.save(bomb, file))):
        path = tmp_path / name
        with path.open("wb") as file:
            writer(Bomb(), file)
        error_of(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"heads": []},
        {"heads": None},
        {"heads": ["genre"]},
        {"heads": [{"name": "genre"}]},
        {"hidden_size": 9},
        {"hidden_size": "large"},
        {"hidden_size": -1},
        {"mood_size": 5},
        {"recipe": {"name": "mine", "architecture": "gru"}},
        {"recipe": {"name": "mine", "architecture": "lstm"}},
        {"heads": [{"name": "valence", "kind": "regression", "labels": [], "sources": []}]},
        {"heads": [{"name": "valence", "kind": "regression", "labels": [], "sources": ["rated"]}]},
        {"frontend": {"n_mels": 3}},
        {"frontend": None},
        {"frontend": 7},
        {"trained_on": 7},
        {"surprise": 1},
    ],
    ids=str,
)
def test_values_that_break_a_rule_are_refused(
    changes: dict[str, Any], network: MultitaskNetwork, tmp_path: Path
) -> None:
    error_of(write(tmp_path / "m.safetensors", network, **changes))


def test_metadata_that_is_no_json_is_refused(network: MultitaskNetwork, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file(network.state_dict(), path, {"musicedge.checkpoint": "{"})
    error_of(path)


def test_folder_is_refused(tmp_path: Path) -> None:
    error_of(tmp_path)


def test_checkpoint_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SafetensorError("I/O error: No space left\non device")

    monkeypatch.setattr(checkpoint, "save_file", refuse)
    heads = (HeadSpec("genre", "classification", ("one", "two")),)
    network = MultitaskNetwork(MobileNetV3(pooling=POOLING), heads, hidden_size=8, mood_size=4)
    info = checkpoint.CheckpointInfo(
        recipe={}, heads=heads, hidden_size=8, mood_size=4, frontend=FrontEndConfig()
    )
    with pytest.raises(checkpoint.CheckpointError, match="No space left on device; make room"):
        checkpoint.save(tmp_path / "model.safetensors", network, info)
    assert list(tmp_path.iterdir()) == []
