"""Models scored on labelled music: what counts, and what an interruption leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner
from tests.runtime import tiny_model

import musicedge
from musicedge import bundle as bundles
from musicedge_benchmarks import extras, scoring, worth
from musicedge_benchmarks.cli import bench
from musicedge_benchmarks.contenders import Contender, contenders
from musicedge_benchmarks.extras import ExtraMissing
from musicedge_benchmarks.manifest import draw, read_manifest
from musicedge_benchmarks.worth import Worths, measure_worths

COUNT = 14


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the intervals be rough and quick."""
    monkeypatch.setattr(scoring, "_DRAWS", 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tracks whose genre is what the tiny model says of them, but for the first one's."""
    folder = tmp_path_factory.mktemp("music")
    model = musicedge.load(tiny_model.write(folder))
    rows = ["path,genre,valence,arousal,danceability,group,fold"]
    for number in range(COUNT):
        path = folder / f"{number}.wav"
        noise = tiny_model.noise(1.5, 0.3 + 0.04 * number, seed=number)
        soundfile.write(path, noise, 16_000)
        said = model.analyze(path)
        genre = said.genre[0].label if number else "polka"
        rows.append(f"{path.name},{genre},{said.valence},{1 - said.arousal},,g{number // 2},0")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def models(folder: Path) -> list[Contender]:
    other = folder / "other"
    other.mkdir()
    paths = (folder / "tiny.fp32.onnx", tiny_model.write(other, seed=3))
    return contenders([bundles.open(str(path)) for path in paths], ["cpu"])


def test_models_are_scored_on_what_they_can_know(folder: Path, models: list[Contender]) -> None:
    tracks = draw(read_manifest(folder / "labels.csv"))
    found = Worths("labels.csv", len(tracks))
    measure_worths(models, tracks, found)
    first, second = found.models
    assert (first.tracks, first.unknown_genre, first.without_music) == (COUNT, 1, 0)
    assert first.accuracy.value == first.macro_f1.value == 1
    assert first.accuracy.count == COUNT - 1
    assert first.spearman["valence"].value == pytest.approx(1)
    assert first.spearman["arousal"].value == pytest.approx(-1)
    assert "danceability" not in first.spearman
    assert second.accuracy.value < 1
    assert found.failures == []


def test_files_that_fail_are_named_and_count_for_no_model(
    folder: Path, models: list[Contender], tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    rows = ["path,genre", "broken.wav,jazz", "nowhere.wav,jazz", f"{folder / '3.wav'},rock"]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    found = Worths("labels.csv", 3)
    measure_worths(models, draw(read_manifest(tmp_path / "labels.csv")), found)
    assert [each.tracks for each in found.models] == [1, 1]
    assert sorted("broken" in line for line in found.failures) == [False, True]


def test_an_interruption_leaves_all_models_with_the_same_tracks(
    folder: Path, models: list[Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def interrupted(model: object, paths: list[str]) -> object:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return analyze_many(model, paths)

    analyze_many = worth.analyze_many
    monkeypatch.setattr(worth, "_TURN", 3)
    monkeypatch.setattr(worth, "default_jobs", lambda: 1)
    monkeypatch.setattr(worth, "analyze_many", interrupted)
    found = Worths("labels.csv", COUNT)
    with pytest.raises(KeyboardInterrupt):
        measure_worths(models, draw(read_manifest(folder / "labels.csv")), found)
    assert [each.tracks for each in found.models] == [3, 3]


def test_the_command_prints_the_scores_in_every_form(folder: Path) -> None:
    model, data = str(folder / "tiny.fp32.onnx"), str(folder / "labels.csv")
    arguments = ["-m", model, "--quick", "--only", "data", "--data", data, "--limit", "6"]
    done = CliRunner().invoke(bench, arguments, standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "scores on 6 tracks of labels.csv" in done.output
    assert "flatter" in done.output
    done = CliRunner().invoke(bench, [*arguments, "--json"], standalone_mode=False)
    found = json.loads(done.stdout)["worths"]
    assert found["tracks"] == found["models"][0]["tracks"] == 6
    assert found["models"][0]["accuracy"]["value"] == 1


def test_failures_are_told_by_the_status(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,genre\nnowhere.wav,jazz\n")
    arguments = ["--quick", "--only", "data", "--data", str(tmp_path / "labels.csv")]
    done = CliRunner().invoke(bench, arguments, standalone_mode=False)
    assert done.return_value == 1
    assert "nowhere.wav: it cannot be opened" in done.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--limit", "3"), "choose tracks of --data"),
        (("--fold", "0"), "choose tracks of --data"),
        (("--only", "data"), "name it with --data"),
    ],
)
def test_options_of_data_need_data(options: tuple[str, ...], reason: str) -> None:
    done = CliRunner().invoke(bench, options)
    assert done.exit_code == 2
    assert reason in " ".join(done.output.split())


def test_what_is_not_installed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    done = CliRunner().invoke(bench, ["--data", str(folder / "labels.csv")])
    assert isinstance(done.exception, ExtraMissing)
    assert "pip install 'musicedge[bench]'" in str(done.exception)
