"""Other people's ways: fed the same clip, left out with one line, and doing what ours does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper
from tests.benchmarks.test_bench import TINY
from tests.runtime import tiny_model

from musicedge import audio
from musicedge import bundle as bundles
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.model import Model
from musicedge.session import Session
from musicedge_benchmarks import clips
from musicedge_benchmarks import suite as suites
from musicedge_benchmarks.cli import bench
from musicedge_benchmarks.peers import decoders, measure
from musicedge_benchmarks.peers.decoders import DECODERS
from musicedge_benchmarks.peers.frontends import FRONT_ENDS
from musicedge_benchmarks.peers.measure import OURS, Peers, measure_peers
from musicedge_benchmarks.peers.networks import NETWORKS
from musicedge_benchmarks.peers.peer import Material, NotGiven, Peer
from musicedge_benchmarks.peers.pipelines import SAME_NETWORK, librosa_windows
from musicedge_benchmarks.rounds import RoundsInterrupted
from musicedge_training import checkpoint
from musicedge_training.architectures.backbones import build_backbone
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork
from musicedge_training.checkpoint import CheckpointInfo

SECONDS = 10.0


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The example piece, or chords, and the shipped network."""
    path = tmp_path_factory.mktemp("peers") / "clip.mp3"
    clips.write_clip(path, clips.load_piece(), SECONDS)
    bundle = bundles.open("cnn.fp32")
    rate = bundle.card.frontend.sample_rate
    with audio.open(path, sample_rate=rate) as reader:
        samples = np.concatenate(list(reader))
    return Material(path, samples, bundle, Model(bundle, Session(bundle, "cpu", 1)))


def peer(peers: tuple[Peer, ...], name: str) -> Peer:
    return next(each for each in peers if each.name == name)


def test_every_way_is_timed_beside_ours_and_the_floors(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"librosa", "soundfile", "av"}
    monkeypatch.setattr(measure, "is_installed", lambda package: package in there)
    found = Peers(SECONDS)
    measure_peers(material, found, rounds=2)
    stages: dict[str, list[str]] = {}
    for each in found.times:
        stages.setdefault(each.stage, []).append(each.name)
        assert each.taken.count == 2
        assert each.taken.median > 0
    floors = [each.name for each in found.times if each.is_floor]
    assert len(floors) == 5
    assert stages["from file to result"][-4:] == floors[1:]
    assert [names[0] for names in stages.values()] == [OURS] * 3
    assert {"soundfile", "PyAV", "librosa.load"} < set(stages["decoding"])
    assert stages["log-mel"] == [OURS, "librosa", "NumPy rfft alone"]
    assert stages["from file to result"][1] == "onnxruntime, librosa"
    ours = [each for each in found.times if each.name == OURS]
    assert {each.ours_over.median for each in ours} == {1}
    assert found.macs_per_second is not None
    left_out = {line.partition(" is left out: ")[0] for line in found.remarks}
    assert {"torchaudio", "kaldi-native-fbank", "Essentia's MusicExtractor"} <= left_out
    assert all("\n" not in line for line in found.remarks)


def test_a_peer_that_fails_costs_its_own_line(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Material) -> object:
        raise RuntimeError("several\nlines")

    def lie(_: Material) -> Callable[[], str]:
        return lambda: "polka"

    peers = (Peer("broken", (), "", fail), Peer("other", (), "", lie))
    monkeypatch.setattr(
        measure, "_STAGES", {"decoding": (), "log-mel": (), "from file to result": peers}
    )
    found = Peers(SECONDS)
    measure_peers(material, found, rounds=1)
    broken, other = found.remarks
    assert broken == "broken is left out: several lines"
    assert other.startswith("other says polka of the clip, and we ")
    assert "broken" not in {each.name for each in found.times}
    assert "other" in {each.name for each in found.times}


def test_rounds_before_an_interruption_are_kept(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(tasks: dict, rounds: int, **rest: object) -> dict:
        raise RoundsInterrupted({name: [0.5] for name in tasks})

    monkeypatch.setattr(measure, "is_installed", lambda package: False)
    monkeypatch.setattr(measure, "interleave", stopped)
    found = Peers(SECONDS)
    with pytest.raises(KeyboardInterrupt):
        measure_peers(material, found, rounds=3)
    assert found.times
    assert found.times[0].taken.median == 0.5


@pytest.mark.parametrize("name", [each.name for each in DECODERS])
def test_decoders_give_the_same_sound(name: str, material: Material) -> None:
    if name.startswith("ffmpeg") and decoders.shutil.which("ffmpeg") is None:
        with pytest.raises(NotGiven, match="no program ffmpeg"):
            peer(DECODERS, name).prepare(material)
        return
    samples = peer(DECODERS, name).prepare(material)()
    with audio.open(material.clip, sample_rate=clips.RATE) as reader:
        ours = np.concatenate(list(reader))
    # What decoders cut away of an MP3's beginning and end differs: its delay is looked for.
    middle = slice(clips.RATE, 2 * clips.RATE)
    best = max(
        np.corrcoef(ours[middle], samples[middle.start + lag : middle.stop + lag])[0, 1]
        for lag in (0, 1105, -1105, 529, -529, 576, -576, 1152, -1152)
    )
    assert best > 0.99


@pytest.mark.parametrize("name", ["librosa", "kaldi-native-fbank", "torchaudio"])
def test_front_ends_give_as_many_bands(name: str, material: Material) -> None:
    chosen = peer(FRONT_ENDS, name)
    for package in chosen.packages:
        pytest.importorskip(package, exc_type=Exception)
    features = np.asarray(chosen.prepare(material)())
    frames = FrontEnd(material.model.card.frontend).frame_count(len(material.samples))
    assert sorted(features.shape)[0] == material.model.card.frontend.n_mels
    assert abs(max(features.shape) - frames) <= 2


def test_features_of_librosa_are_near_those_the_network_was_trained_on(material: Material) -> None:
    card = material.model.card
    windows = librosa_windows(material.clip, card)
    assert windows.shape == (1, card.window_frames, card.frontend.n_mels)
    ours = material.model.front_end.logmel(material.samples)[: card.window_frames]
    assert np.corrcoef(windows[0].ravel(), ours.ravel())[0, 1] > 0.95


def test_a_short_clip_is_repeated(material: Material) -> None:
    card = replace(material.model.card, window_frames=1500)
    windows = librosa_windows(material.clip, card)
    assert windows.shape == (1, 1500, card.frontend.n_mels)
    assert np.isfinite(windows).all()


def test_onnxruntime_with_librosa_says_the_same_genre(material: Material) -> None:
    said = peer(SAME_NETWORK, "onnxruntime, librosa").prepare(material)()
    assert said == material.model.analyze(material.clip).genre[0].label


def test_a_checkpoint_is_run_by_torch(material: Material, tmp_path: Path) -> None:
    eager = peer(SAME_NETWORK, "torch eager, librosa")
    with pytest.raises(NotGiven, match="--checkpoint"):
        eager.prepare(material)
    path = tmp_path / "random.safetensors"
    genre = material.model.card.head("genre")
    assert genre is not None
    heads = (HeadSpec("genre", "classification", genre.labels),)
    network = MultitaskNetwork(build_backbone("cnn"), heads, hidden_size=8, mood_size=4)
    info = CheckpointInfo(
        recipe={"architecture": "cnn"},
        heads=heads,
        hidden_size=8,
        mood_size=4,
        frontend=material.model.card.frontend,
    )
    checkpoint.save(path, network, info)
    assert eager.prepare(replace(material, checkpoint=path))() in genre.labels
    other = replace(info, frontend=FrontEndConfig(n_mels=64))
    checkpoint.save(path, network, other)
    with pytest.raises(NotGiven, match="its front-end is not that of cnn"):
        eager.prepare(replace(material, checkpoint=path))


def test_networks_of_others_need_their_files(material: Material, tmp_path: Path) -> None:
    musicnn = peer(NETWORKS, "musicnn, onnxruntime")
    with pytest.raises(NotGiven, match="--peer musicnn=FILE"):
        musicnn.prepare(material)
    path = tmp_path / "musicnn.onnx"
    shape = ["batch", 187, 96]
    onnx.save(_mean_over_patches(shape), path)
    scores = musicnn.prepare(replace(material, files={"musicnn": path}))()
    assert scores.shape == (96,)
    assert 0 < scores.mean() < 10  # log10(1 + 10,000 mel)
    onnx.save(_mean_over_patches(["batch", 100, 96]), path)
    with pytest.raises(NotGiven, match="its input is"):
        musicnn.prepare(replace(material, files={"musicnn": path}))


def test_the_command_prints_tables_and_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "QUICK", TINY)
    monkeypatch.setattr(measure, "is_installed", lambda package: package == "soundfile")
    model = str(tiny_model.write(tmp_path))
    arguments = ["-m", model, "--quick", "--only", "peers"]
    done = CliRunner().invoke(bench, arguments, standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "decoding: 2 s of MP3" in done.output
    assert "floor: the three together" in done.output
    assert "note: librosa is left out: pip install librosa" in done.output
    done = CliRunner().invoke(bench, [*arguments, "--markdown"], standalone_mode=False)
    assert "| floor: NumPy rfft alone |" in done.stdout
    done = CliRunner().invoke(bench, [*arguments, "--json"], standalone_mode=False)
    assert json.loads(done.stdout)["peers"]["times"][0]["name"] == OURS


def _mean_over_patches(shape: list) -> onnx.ModelProto:
    node = helper.make_node("ReduceMean", ["in"], ["out"], axes=[1], keepdims=0)
    given = helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)
    told = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", shape[2]])
    return helper.make_model(
        helper.make_graph([node], "musicnn", [given], [told]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
