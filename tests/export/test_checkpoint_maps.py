"""Maps from gradients: true to their formulas, and of the network that the model file is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto
from tests.export.conftest import FRAMES, random_network
from tests.runtime import tiny_model

import musicedge
from musicedge.card import Card, Head
from musicedge.cli import main
from musicedge.errors import NothingToExplain
from musicedge.frontend_config import FrontEndConfig
from musicedge.model import Model, load
from musicedge.occlusion import Occluder
from musicedge.readings import target_names
from musicedge_export.cards import attach
from musicedge_export.graph import to_onnx
from musicedge_training import checkpoint
from musicedge_training.architectures.cnn import load_audio_tagger
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork
from musicedge_training.checkpoint import CheckpointError
from musicedge_training.datasets.track import GENRES
from musicedge_training.explain import CheckpointMap

Save = Callable[..., Path]
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CORPUS, WEIGHTS = SHARED / "corpus", SHARED / "weights"
OF = "jazz"
TAGS = {  # AudioSet's names of what our heads tell
    "genre": (
        *("Blues", "Classical music", "Country", "Disco", "Electronic music", "Hip hop music"),
        *("Jazz", "Heavy metal", "Pop music", "Reggae", "Rock music"),
    ),
    "music": ("Music",),
}


@pytest.fixture(scope="module")
def checkpoint_file(save: Save, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors")


@pytest.fixture(scope="module")
def model_file(
    fp32: ModelProto, checkpoint_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The checkpoint's graph, of a short window, as a model file."""
    return write_model(fp32, card_of(checkpoint_file), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file, device="cpu", threads=1)


@pytest.fixture(scope="module")
def occluder(model: Model, windows: list[np.ndarray]) -> Occluder:
    return Occluder(model, windows[0])


def card_of(path: Path, frames: int = FRAMES) -> Card:
    """Return a card for the graph of a checkpoint, of a window of that length."""
    _, info = checkpoint.load(path)
    heads = tuple(
        Head(
            name=spec.name,
            kind=spec.kind,
            labels=spec.labels,
            temperature=info.temperature if spec.labels else 1.0,
            threshold=info.music_threshold if spec.kind == "detection" else None,
        )
        for spec in info.heads
    )
    lengths = {"window_frames": frames, "hop_frames": frames}
    return replace(tiny_model.CARD, heads=heads, frontend=info.frontend, **lengths)


def write_model(graph: ModelProto, card: Card, folder: Path) -> Path:
    path = folder / "tiny.fp32.onnx"
    path.write_bytes(attach(graph, card).SerializeToString())
    return path


def odds(occluder: Occluder, shown: bool, of: str) -> float:
    """Return the log-odds of a value when all or nothing is shown, as the model file has them."""
    names = target_names(occluder._model.card)
    values = occluder.values([np.full(occluder.grid.shape, shown)])[0]
    value = values[names.index(of)]
    return float(np.log(value / (1 - value)))


@pytest.mark.parametrize("of", [OF, "valence"])
@pytest.mark.parametrize("frames", [FRAMES, FRAMES // 2])
def test_integrated_gradients_add_up_to_what_covering_everything_changes(
    frames: int,
    of: str,
    model: Model,
    checkpoint_file: Path,
    windows: list[np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("musicedge_training.explain._STEPS", 256)
    occluder = Occluder(model, windows[0][:frames])
    found = CheckpointMap(checkpoint_file, model.card).integrated_gradients(occluder, of)
    change = odds(occluder, True, of) - odds(occluder, False, of)
    assert found.shape == occluder.grid.shape
    assert found.sum() == pytest.approx(change, abs=0.02)


def test_grad_cam_is_its_layer_weighted_by_what_raising_a_channel_does(
    occluder: Occluder, checkpoint_file: Path, model: Model, network: MultitaskNetwork
) -> None:
    """The weights here are finite differences."""
    layer = network.backbone.features[-1]
    window = torch.from_numpy(occluder.frames).unsqueeze(0)
    genre = model.card.head("genre")
    assert genre is not None
    seen: list[torch.Tensor] = []

    def odds_with(channel: int, change: float) -> float:
        def add(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
            seen.append(output)
            raised = output.clone()
            raised[:, channel] += change
            return raised

        hook = layer.register_forward_hook(add)
        with torch.no_grad():
            scores = torch.softmax(network(window)["genre"].double() / genre.temperature, dim=1)
        hook.remove()
        return float(torch.logit(scores[0, genre.labels.index(OF)]))

    step = 1e-2
    odds_with(0, 0.0)
    activations = seen[0][0]
    slopes = [
        (odds_with(channel, step) - odds_with(channel, -step)) / (2 * step)
        for channel in range(len(activations))
    ]
    places = activations[0].numel()
    cam = np.tensordot(np.array(slopes) / places, activations.numpy(), axes=1)
    found = CheckpointMap(checkpoint_file, model.card).grad_cam(occluder, OF)
    size = (1, 1, *cam.shape)
    spread = torch.nn.functional.interpolate(
        torch.from_numpy(cam).reshape(size), (128, FRAMES), mode="bilinear"
    )[0, 0].T.numpy()
    rows = np.add.reduceat(spread, occluder.grid.frames[:-1], axis=0)
    expected = np.add.reduceat(rows, occluder.grid.bands[:-1], axis=1)
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.01 * abs(expected).max())


def test_a_checkpoint_of_another_model_is_refused(
    save: Save, tmp_path: Path, model: Model, occluder: Occluder, network: MultitaskNetwork
) -> None:
    other_constants = save(tmp_path / "a.safetensors", frontend=FrontEndConfig(fmin=20.0))
    with pytest.raises(CheckpointError, match="its front-end is not that of the model file"):
        CheckpointMap(other_constants, model.card)
    fewer = replace(model.card, heads=model.card.heads[:-1])
    with pytest.raises(CheckpointError, match="its heads are not those of the model file"):
        CheckpointMap(save(tmp_path / "b.safetensors"), fewer)
    stranger = random_network(5)
    with torch.no_grad():
        stranger.heads["genre"].bias[GENRES.index(OF)] += 5
    maker = CheckpointMap(save(tmp_path / "c.safetensors", stranger), model.card)
    with pytest.raises(CheckpointError, match="name the checkpoint that the model file was made"):
        maker(occluder, OF)
    with pytest.raises(CheckpointError, match="cannot be read"):
        CheckpointMap(tmp_path / "none.safetensors", model.card)


def test_another_backbone_gets_integrated_gradients(
    save: Save, tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = CheckpointMap(save(tmp_path / "a.safetensors"), model.card)
    assert maker.method == "Grad-CAM"
    monkeypatch.setattr("musicedge_training.explain.MobileNetV3", HeadSpec)
    other = CheckpointMap(save(tmp_path / "a.safetensors"), model.card)
    assert other.method == "integrated gradients"


def test_transformer_gets_attention_rollout(save: Save, tmp_path: Path) -> None:
    network = random_network(architecture="ast")
    path = save(tmp_path / "a.safetensors", network, recipe={"name": "tiny", "architecture": "ast"})
    graph = to_onnx(network, window_frames=1000, n_mels=128)
    model = load(write_model(graph, card_of(path, 1000), tmp_path))
    frames = np.random.default_rng(0).standard_normal((1000, 128)).astype(np.float32)
    occluder = Occluder(model, frames)
    maker = CheckpointMap(path, model.card)
    assert maker.method == "attention rollout"
    found = maker(occluder, OF)
    assert found.shape == occluder.grid.shape
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0
    np.testing.assert_array_equal(found, maker(occluder, OF))


def test_the_command_takes_the_map_of_the_checkpoint(
    model_file: Path, checkpoint_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "corner-store-shuffle.mp3"
    arguments = ["explain", "-m", str(model_file), "--of", "valence", "--json", str(example)]
    assert main([*arguments, "--checkpoint", str(checkpoint_file)]) in (0, 1)
    out, err = capfd.readouterr()
    if err:  # a random network may hear no music
        assert "no music" in err
        return
    value = json.loads(out)
    assert (value["method"], list(value["maps"])) == ("Grad-CAM", ["valence"])


def pretrained_network() -> MultitaskNetwork:
    """Return the AudioSet network, with its outputs for our genres and music as our heads."""
    with (WEIGHTS / "audioset_labels.csv").open(encoding="utf-8", newline="") as file:
        tags = [row["display_name"] for row in csv.DictReader(file)]
    tagger = load_audio_tagger(WEIGHTS / "mn04_as.safetensors")
    network = random_network()
    network.backbone.features.load_state_dict(tagger.features.state_dict())
    network.hidden[0].load_state_dict(tagger.classifier[2].state_dict())
    last = tagger.classifier[5]
    with torch.no_grad():
        for name, wanted in TAGS.items():
            rows = [tags.index(tag) for tag in wanted]
            network.heads[name].weight.zero_()
            network.heads[name].weight[:, : tagger.hidden_size] = last.weight[rows]
            network.heads[name].bias.copy_(last.bias[rows])
    return network.eval()


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="needs the pretrained weights and the corpus")
def test_gradient_maps_of_real_clips_beat_random_removal(
    save: Save, tmp_path: Path, tell: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The AudioSet network with our heads on it, before any training of ours."""
    path = save(tmp_path / "pretrained.safetensors", pretrained_network(), music_threshold=0.1)
    network, _ = checkpoint.load(path)
    graph = to_onnx(network, window_frames=1000, n_mels=128)
    model = load(write_model(graph, card_of(path, 1000), tmp_path), device="cpu")
    gradients = CheckpointMap(path, model.card)
    monkeypatch.setattr("musicedge_training.explain.MobileNetV3", HeadSpec)
    makers = {"Grad-CAM": gradients, "others": CheckpointMap(path, model.card), "occlusion": None}
    with (CORPUS / "tracks.csv").open(encoding="utf-8", newline="") as file:
        clips = {row["genre"]: row["path"] for row in csv.DictReader(file) if row["genre"]}
    some = [clips[genre] for genre in sorted(clips)[::2]]  # a clip takes seconds for each method
    for maker in makers.values():
        means, held = [], []
        for clip in some:
            try:
                found = musicedge.explain(model, CORPUS / clip, by=maker)
            except NothingToExplain:
                continue
            chance = float(found.curves.random_means.mean())
            means.append((found.curves.deletion_mean, chance, found.curves.insertion_mean))
            held.append(found.curves.holds)
        assert len(held) >= 4
        deletion, chance, insertion = np.mean(means, axis=0)
        tell(
            f"{found.method}: {sum(held)} of {len(held)} maps hold; on average "
            f"{deletion:.3f} by the map, {chance:.3f} by chance, "
            f"{insertion:.3f} in the reverse order"
        )
        assert deletion < chance < insertion
