"""The founding study through its command: each experiment once, resumed, scored; what is wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from musicedge.cli import main
from musicedge_training.datasets.track import GENRES, MOODS, MoodLabel, Track
from musicedge_training.evaluate import MIN_TRACKS
from musicedge_training.founding.clips import Clips, Targets, band_statistics, pieces
from musicedge_training.founding.experiments import EXPERIMENTS, TASKS, choose
from musicedge_training.founding.findings import CLAIMS, find
from musicedge_training.founding.scoring import Answers, score, within_sources
from musicedge_training.founding.settings import Settings, SettingsError, read_settings
from musicedge_training.labels import Labels
from musicedge_training.predict import Predictions

QUICK = ("--set", "epochs=2", "--set", "batch_size=8", "--set", "seconds=1", "--set", "hidden=8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, few_rounds: None) -> Iterator[Path]:
    """A folder whose cache all tests of the command share."""
    threads = torch.get_num_threads()
    yield tmp_path_factory.mktemp("founding")
    torch.set_num_threads(threads)


def run(home: Path, data: Path, *args: str, output: str = "runs") -> int:
    """Run the command with few epochs."""
    places = ("--data", data, "--cache", home / "cache", "-o", home / output)
    return main(["founding", *map(str, places), *QUICK, *args])


def test_every_experiment_is_done_once_and_an_interrupted_run_goes_on(
    home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    only = "^(lstm-beat-fused|cnn-mel)-(genre|moods|moods-from-genre|arousal)$"
    assert run(home, data, "--only", only) == 0
    first = capfd.readouterr()
    table, findings = first.out.split("\n\n")
    header, _, chance, *lines = table.splitlines()
    assert chance.startswith("| always the largest class | 0.333 |")
    assert header == (
        "| experiment | accuracy | macro-F1 | valence | arousal | danceability "
        "| first loss | best loss | epochs | seconds |"
    )
    names = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert len(names) == len(set(names)) == 8
    assert {path.stem for path in (home / "runs").glob("*.json")} == set(names)
    assert "done, 8 of 8" in first.err
    assert findings.count("| three moods at once beat each alone: cnn, arousal |") == 1

    lost = home / "runs" / "cnn-mel-arousal.json"
    lost.unlink()
    again = {lost.with_suffix(suffix) for suffix in (".safetensors", ".npz")}
    kept = set((home / "runs").iterdir()) - again
    for path in kept:
        os.utime(path, (1, 1))
    assert run(home, data, "--only", only) == 0
    assert {path.stat().st_mtime for path in kept} == {1}
    second = capfd.readouterr().out.split("\n\n")[0].splitlines()[3:]
    # The same seed gives the same network; only the time that it took is another.
    assert [line.rsplit(" | ", 1)[0] for line in second] == [
        line.rsplit(" | ", 1)[0] for line in lines
    ]


def test_json_says_what_was_trained_how_and_how_well(
    home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, data, "--only", "^cnn-mel-(genre|valence)$", "--json") == 0
    genre, valence = json.loads(capfd.readouterr().out)["results"]
    assert genre["name"] == "cnn-mel-genre"
    assert genre["settings"]["epochs"] == 2
    assert genre["tracks"] == {"training": 18, "validation": 6, "test": 6}
    assert genre["skipped"] == 0
    assert len(genre["validation_losses"]) == 2
    assert genre["scores"]["genre/accuracy"]["n"] == 6
    assert set(valence["scores"]) == {"valence/spearman"}  # each source has too few tracks here
    assert len(valence["scores"]["valence/spearman"]["interval95"]) == 2


def test_show_prints_what_is_done_and_trains_nothing(
    home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, data, "--only", "^cnn-mel-genre$", output="shown") == 0
    first = capfd.readouterr().out
    assert run(home, data, "--show", "--set", "seconds=3", output="shown") == 0
    assert capfd.readouterr().out == first
    assert run(home, data, "--show", output="empty") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "empty: no experiment is done there" in line


def test_transfer_trains_the_network_of_genres_first(
    home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, data, "--only", "^lstm-mel-moods-from-genre$", output="transfer") == 0
    weights = {path.stem: load_file(path) for path in (home / "transfer").glob("*.safetensors")}
    assert set(weights) == {"lstm-mel-genre", "lstm-mel-moods-from-genre"}
    # Both epochs were frozen ones, so that the backbone is that of the genres.
    genre, moods = weights["lstm-mel-genre"], weights["lstm-mel-moods-from-genre"]
    assert {name for name in genre if not name.startswith("heads.")} == {
        name for name in moods if not name.startswith("heads.")
    }
    for name in genre.keys() & moods.keys():
        torch.testing.assert_close(genre[name], moods[name])


def test_transferred_backbone_learns_once_it_is_unfrozen(
    home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    only = ("--only", "^cnn-beat-mel-moods-from-genre$", "--set", "frozen_epochs=1")
    assert run(home, data, *only, "--set", "epochs=4", output="unfrozen") == 0
    genre, moods = (
        load_file(home / "unfrozen" / f"cnn-beat-mel-{task}.safetensors")
        for task in ("genre", "moods-from-genre")
    )
    result = json.loads((home / "unfrozen" / "cnn-beat-mel-moods-from-genre.json").read_text())
    moved = not torch.equal(genre["backbone.blocks.0.weight"], moods["backbone.blocks.0.weight"])
    assert moved == (result["best_epoch"] > 1)


def test_bad_file_is_left_out_of_training(
    data: Path, tmp_path: Path, few_rounds: None, capfd: pytest.CaptureFixture[str]
) -> None:
    corpus = shutil.copytree(data, tmp_path / "corpus")
    (corpus / "audio" / "gtzan" / "rock.3.flac").write_bytes(b"no audio at all")
    assert run(tmp_path, corpus, "--only", "^cnn-mel-genre$", "--json") == 0
    output = capfd.readouterr()
    (result,) = json.loads(output.out)["results"]
    assert result["skipped"] == 1
    assert result["tracks"]["training"] == 17
    assert "rock.3.flac" in output.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--only", "transformer"], 1, ("transformer", "lstm-mel-genre", "--list")),
        (["--only", "("], 1, ("regular expression",)),
        (["--set", "epoch=3"], 1, ("epoch", "did you mean epochs?")),
        (["--set", "colour=3"], 1, ("colour", "seconds")),
        (["--set", "epochs=0"], 1, ("epochs=0", "greater than or equal to 1")),
        (["--set", "layers=many"], 1, ("layers=many", "integer")),
        (["--set", "epochs"], 2, ("--set epochs=VALUE",)),
        ([], 2, ("--data",)),
        (["--data", "nowhere"], 1, ("nowhere", "no such file or folder")),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str],
    status: int,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["founding", *arguments]) == status
    output = capfd.readouterr()
    assert output.out == ""
    assert all(word in output.err for word in words)
    if status == 1:
        assert len(output.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_results_of_other_settings_are_not_taken_for_these(
    home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, data, "--only", "^cnn-mel-genre$", output="other") == 0
    capfd.readouterr()
    only = ("--only", "^cnn-mel-genre$", "--set", "seconds=2")
    assert run(home, data, *only, output="other") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "cnn-mel-genre.json" in line
    assert "seconds 1.0" in line
    assert "2.0" in line


@pytest.mark.parametrize("suffix", ["json", "npz", "safetensors"])
def test_result_that_cannot_be_read_is_named(
    suffix: str, home: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(home, data, "--only", "^cnn-mel-genre$", output=suffix) == 0
    (home / suffix / f"cnn-mel-genre.{suffix}").write_bytes(b"{")
    capfd.readouterr()
    assert run(home, data, "--only", "^cnn-mel-(genre|moods-from-genre)$", output=suffix) == 1
    line = capfd.readouterr().err.splitlines()[-1]
    assert f"cnn-mel-genre.{suffix}: no result can be read there" in line


def test_result_that_cannot_be_kept_is_said_in_one_line(
    home: Path, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    output = str(tmp_path / "file" / "runs")
    assert run(home, data, "--only", "^cnn-mel-genre$", output=output) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "cnn-mel-genre.json: the result cannot be kept there" in line
    assert "-o" in line


def test_part_of_the_split_without_labels_is_named(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    corpus = shutil.copytree(data, tmp_path / "corpus")
    table = (corpus / "tracks.csv").read_text().replace("echonest", "").splitlines()
    place = table[0].split(",").index("danceability")
    rows = [line.split(",") for line in table]
    for row in rows[1:]:
        row[place] = ""
    (corpus / "tracks.csv").write_text("\n".join(map(",".join, rows)) + "\n")
    assert run(tmp_path, corpus, "--only", "^cnn-mel-danceability$") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "danceability" in line
    assert "--only" in line


def test_list_names_all_experiments_or_those_chosen(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["founding", "--list"]) == 0
    names = capfd.readouterr().out.splitlines()
    assert names == [each.name for each in EXPERIMENTS]
    assert len(names) == 2 * 5 * len(TASKS) == 70
    assert main(["founding", "--list", "--only", "^cnn.*arousal"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 5


def test_experiment_that_others_begin_from_comes_first() -> None:
    assert [each.name for each in choose("cnn-mel-moods-from-genre")] == [
        "cnn-mel-genre",
        "cnn-mel-moods-from-genre",
    ]


def test_settings_are_read_from_text() -> None:
    settings = read_settings({"seconds": "5", "layers": "1"})
    assert settings == Settings(seconds=5.0, layers=1)
    assert settings.rows(beats=False) == 215
    assert settings.rows(beats=True) == 129
    with pytest.raises(SettingsError, match="it should be"):
        read_settings({"layers": "3"})


def test_moods_are_standardised_within_their_source() -> None:
    def track(value: float, source: str) -> Track:
        moods = {"arousal": MoodLabel(value, source)}
        return Track("t", Path("t"), "music", "c", "g", 0, (), moods)

    tracks = [track(v, "rated") for v in (0.2, 0.4, 0.6)] + [track(0.5, "alone")]
    targets = Targets.of(Labels.of(tracks), np.array([0, 1, 3]))
    torch.testing.assert_close(targets.moods[:3, 1], torch.tensor([-1.0, 1.0, 3.0]))
    assert targets.mood_known[:, 1].tolist() == [1, 1, 1, 0]


def test_pieces_are_random_while_training_and_the_middle_else() -> None:
    frames = np.arange(40, dtype=np.float16).reshape(20, 2)
    rows = np.array([0])
    (middle, row) = Clips([frames], slice(0, 1), rows, 4, random=False)[0]
    assert (middle[:, 0].tolist(), row) == ([16, 18, 20, 22], 0)
    torch.manual_seed(0)
    starts = {
        float(Clips([frames], slice(0, 1), rows, 4, random=True)[0][0][0]) for _ in range(200)
    }
    assert starts == set(range(0, 34, 2))
    assert len(Clips([frames], slice(0, 1), rows, 50, random=True)[0][0]) == 20


@pytest.mark.parametrize(
    ("length", "sizes"), [(4, [4] * 5), (6, [6] * 3), (7, [7, 7, 6]), (50, [20])]
)
def test_all_of_a_track_is_judged_but_for_a_short_rest(length: int, sizes: list[int]) -> None:
    frames = np.zeros((20, 2), np.float16)
    assert [len(piece) for piece in pieces(frames, slice(0, 2), length)] == sizes


def test_statistics_are_those_of_all_frames_together() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(3, 2, (n, 2)).astype(np.float16) for n in (5, 50, 9)]
    mean, deviation = band_statistics(arrays, np.array([0, 2]))
    both = np.concatenate([arrays[0], arrays[2]]).astype(np.float64)
    np.testing.assert_allclose(mean, both.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, both.std(axis=0), rtol=1e-5)


def test_scales_of_sources_do_not_count() -> None:
    truth = np.array([0.1, 0.2, 0.3, 0.7, 0.8])
    predicted = np.array([5.0, 6.0, 7.0, 1.0, 0.0])
    source = np.array([0, 0, 0, 1, 1])
    assert within_sources(truth, predicted, source) == pytest.approx((3 * 1 + 2 * -1) / 5)
    assert np.isnan(within_sources(truth[:1], predicted[:1], source[:1]))


def test_mood_whose_labels_are_all_equal_has_no_score() -> None:
    moods = {"arousal": MoodLabel(0.5, "rated")}
    tracks = [
        Track(f"{n}", Path(f"{n}"), "music", "c", f"{n}", 0, (), moods) for n in range(MIN_TRACKS)
    ]
    count = len(tracks)
    values = np.repeat(np.arange(count, dtype=np.float32)[:, None], len(MOODS), axis=1)
    predictions = Predictions(
        np.zeros((count, len(GENRES)), np.float32), np.arange(count), values, np.ones(count)
    )
    assert score(tracks, predictions, ["arousal"]) == {}


def listed(count: int) -> list[Track]:
    """Return tracks of blues and rock in turn, with rising moods, each by an artist of its own."""
    return [
        Track(
            f"c/{number}",
            Path("t"),
            "music",
            "c",
            f"artist {number}",
            0,
            (("blues", "rock")[number % 2],),
            {mood: MoodLabel(number / count, "rated") for mood in MOODS},
        )
        for number in range(count)
    ]


def answers(tracks: list[Track], right: float, mood: float) -> Answers:
    """Return answers of which a share is right, and moods that rise or fall with the labels."""
    genre = np.array([GENRES.index(str(track.genre)) for track in tracks])
    genre[round(right * len(genre)) :] = GENRES.index("jazz")
    level = mood * np.arange(len(tracks), dtype=np.float32)
    return Answers(
        np.array([track.id for track in tracks]), genre, np.repeat(level[:, None], 3, axis=1)
    )


def test_findings_say_what_holds_what_is_open_and_what_is_the_other_way_round(
    few_rounds: None, tmp_path: Path
) -> None:
    tracks = listed(60)
    good, bad = answers(tracks, 0.9, 1), answers(tracks, 0.3, -1)
    order = np.random.default_rng(0).permutation(60)
    shuffled = Answers(good.ids[order], good.genre[order], good.moods[order])
    shuffled.save(tmp_path / "answers.npz")
    found = find(
        [*tracks, *listed(61)[-1:]],  # one that no network was asked about
        {
            "cnn-mel-genre": Answers.load(tmp_path / "answers.npz"),
            "lstm-mel-genre": bad,
            "cnn-chroma-genre": good,
            "cnn-mel-moods": bad,
            "lstm-mel-moods": good,
        },
    )
    verdicts = {each.claim.statement: (round(each.difference, 3), each.verdict) for each in found}
    assert verdicts["the CNN beats the LSTM: mel, genre"] == (0.6, "holds")
    assert verdicts["the CNN beats the LSTM: mel, moods"] == (-2.0, "the opposite holds")
    against_chroma = "mel is the best representation: against chroma, cnn, genre"
    assert verdicts[against_chroma] == (0.0, "open")
    assert verdicts["arousal is easier than danceability: cnn"] == (0.0, "open")
    assert "tuned weights beat equal ones: cnn" not in verdicts


def test_claims_are_about_experiments_that_there_are() -> None:
    names = {each.name for each in EXPERIMENTS}
    sides = [side for claim in CLAIMS for side in (claim.higher, claim.lower)]
    assert {side.experiment for side in sides} <= names
    assert len({claim.statement for claim in CLAIMS}) == len(CLAIMS)
