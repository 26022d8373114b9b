"""`musicedge bench` on a tiny model: every part runs, and the figures agree with one another."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.runtime import tiny_model

from musicedge import DeviceUnavailable, installed
from musicedge import bundle as bundles
from musicedge.session import BATCH
from musicedge_benchmarks import comparison, pinning, tables
from musicedge_benchmarks import suite as suites
from musicedge_benchmarks.bar import RunBar
from musicedge_benchmarks.cli import LONG_PARTS, PARTS, bench
from musicedge_benchmarks.contenders import contenders
from musicedge_benchmarks.endtoend import EndToEnd
from musicedge_benchmarks.extents import Extent
from musicedge_benchmarks.growth import FileGrowth, Growth
from musicedge_benchmarks.report import text
from musicedge_benchmarks.results import Budget, Results
from musicedge_benchmarks.rounds import RoundsInterrupted, Spread, interleave
from musicedge_benchmarks.scoring import Score
from musicedge_benchmarks.suite import Suite
from musicedge_benchmarks.worth import Worth, Worths

TINY = Extent(
    short_clip=2.0,
    cold_rounds=1,
    mp3=3.0,
    mp3_rounds=2,
    frontend_rounds=2,
    beside_librosa=True,
    long_wav=20.0,
    switches=1,
    live_steps=3,
    live_seconds=0.6,
    live_starts=1,
    live_all=True,
    endurance=60.0,
    model_rounds=3,
    model_batches=(1, BATCH),
    model_mp3=3.0,
    model_mp3_rounds=2,
    model_starts=1,
    model_listening=0.6,
    peer_rounds=1,
    growth_hours=20 / 3600,
    growth_rounds=1,
)


@pytest.fixture(autouse=True)
def pins_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command's changes to the environment end with the test."""
    for variable in pinning.VARIABLES:
        monkeypatch.setenv(variable, "1")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("bench")
    suite = Suite(folder, [str(tiny_model.write(folder))], quick=True, extent=TINY)
    suite.run([part for part in PARTS + LONG_PARTS if part not in ("data", "peers")])
    return suite.results


def test_all_parts_are_measured(results: Results):
    names = [budget.name for budget in results.budgets()]
    assert names == [
        "cold start, over the floor",
        "throughput",
        "log-mel, over librosa",
        "peak memory",
        "live: first reading",
        "live: compute, 95 %",
        "live: load",
        "live: growth of memory",
    ]
    assert all(budget.measured > 0 for budget in list(results.budgets())[:-1])
    assert len(results.load) == 2
    assert not results.interrupted


def test_the_cold_ratio_leaves_decoding_out(results: Results):
    cold = results.cold_start
    assert cold is not None
    for spread in (cold.classify, cold.floor, cold.decoder_import, cold.decoding):
        assert spread.median > 0
    rest = cold.classify.median - cold.decoder_import.median - cold.decoding.median
    assert cold.ratio.median == pytest.approx(rest / cold.floor.median)  # of one round
    assert cold.classify.count == TINY.cold_rounds


def test_the_whole_takes_longer_than_its_stages_alone(results: Results):
    speed = results.throughput
    assert speed is not None
    assert speed.times_real_time.low <= 3.0 / speed.whole.median <= speed.times_real_time.high
    for stage in (speed.decode, speed.logmel, speed.network):
        assert stage.median > 0
    assert speed.resample.median >= 0
    stages = (speed.decode, speed.resample, speed.logmel, speed.network)
    assert speed.rest == pytest.approx(speed.whole.median - sum(each.median for each in stages))


def test_memory_is_that_of_a_whole_process(results: Results):
    assert results.memory is not None
    assert 20e6 < results.memory.peak < 2e9
    assert results.memory.settled <= results.memory.peak


def test_a_reading_is_younger_than_the_sound_that_waited_for_it(results: Results):
    live = results.live
    assert live is not None
    assert 0 < live.age.p50 < live.sound_to_reading.p50
    assert live.sound_to_reading.p50 - live.age.p50 == pytest.approx(500 * live.every, abs=20)
    assert live.first_reading.median > 1  # a second of it is sound
    assert live.missed + (live.switch_to_music.count if live.switch_to_music else 0) == 1


def test_models_are_compared_with_each_number_of_windows(results: Results):
    shipped = [f"{model.name}.{model.variant}" for model in installed()]
    names = ["tiny.fp32", *shipped]
    rows = results.models
    assert [(row.model, row.threads, row.batch) for row in rows] == [
        (name, 1, batch) for batch in (1, 4) for name in names
    ]
    for row in rows:
        assert row.window.count == row.to_first.count == TINY.model_rounds
        assert row.opening.count == math.ceil(TINY.model_rounds / 2)
        assert 0 < row.window.p50 <= row.window.p99 < 5000
        assert 20e6 < row.peak < 2e9
    first = rows[0]
    assert first.to_first.median == 1
    assert first.times_real_time == pytest.approx(1e3 * 0.5 / first.window.p50)
    assert (first.parameters, first.macs) == (153, 144)
    assert rows[1].macs > 1e8
    assert first.accuracy is None
    assert all(0.7 < row.accuracy < 0.85 for row in rows[1 : len(names)])


def test_every_model_is_measured_from_file_to_result(results: Results):
    found = results.end_to_end
    names = [row.model for row in results.models if row.batch == 1]
    assert len(set(names)) == len(names)
    for each in (found.files, found.cold, found.live):
        assert [measured.model for measured in each] == names
        assert {measured.provider for measured in each} == {"CPU"}
    for file in found.files:
        assert file.whole.count == file.network.count == TINY.model_mp3_rounds
        assert file.times_real_time.low <= 3.0 / file.whole.median <= file.times_real_time.high
    assert found.files[0].to_first.median == 1
    assert found.files[1].decode == found.files[2].decode  # measured once, for all
    assert all(cold.classify.count == TINY.model_starts for cold in found.cold)
    assert all(0 < live.percent < 200 for live in found.live)


def test_the_comparison_is_the_same_in_every_form(results: Results):
    all_tables = list(tables.tables(results))
    assert len(all_tables) == 3
    for table in all_tables:
        title, *lines = tables.as_text(table)
        assert title == table.title
        assert len({len(line) for line in lines}) == 1
        assert len(lines) == 1 + len(table.lines)
    sections = tables.as_markdown(results).split("\n\n")
    for table, section in zip(all_tables, sections[1::2], strict=True):
        markdown = section.strip().splitlines()
        assert len(markdown) == len(table.lines) + 2
        assert {line.count("|") for line in markdown} == {len(table.head) + 1}
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(results))))
    files = {file.model: file for file in results.end_to_end.files}
    for row, cells, model in zip(rows, all_tables[0].lines, results.models, strict=True):
        assert row["model"] == model.model == cells[0]
        assert float(row["window_ms_p50"]) == model.window.p50
        assert float(row["ratio"]) == model.to_first.median
        assert int(row["peak_bytes"]) == model.peak
        assert float(row["network_s"]) == files[model.model].network.median
        assert float(row["live_percent"]) > 0
        assert cells[4].startswith(f"{model.window.p50:.2f} / ")


def test_a_table_that_is_too_wide_is_turned(results: Results):
    table = list(tables.tables(results))[-1]
    table = replace(table, lines=table.lines[:3])  # turned, every line takes a column
    title, head, *_ = tables.as_text(table)
    assert list(tables.as_text(table, len(head))) == list(tables.as_text(table))
    turned = list(tables.as_text(table, len(head) - 1))
    assert turned[0] == title
    assert [line.split("  ")[1] for line in turned[1:]] == list(table.head)
    assert max(map(len, turned[1:])) < len(head)


def test_what_was_not_measured_is_empty(results: Results):
    rest = replace(results, end_to_end=EndToEnd(files=results.end_to_end.files))
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(rest))))
    assert {row["cold_start_s"] for row in rows} == {""}
    last = list(tables.tables(rest))[-1]
    assert {cells[-1] for cells in last.lines} == {"-"}
    assert len(list(tables.tables(replace(rest, end_to_end=EndToEnd())))) == 2


def test_scores_stand_in_the_lines_of_their_model(results: Results):
    score = Score(0.5, 0.4, 0.6, 100)
    worth = Worth(
        "tiny.fp32", "CPU", 100, 2, 3, score, score, {"arousal": Score(0.1, None, None, 9)}
    )
    scored = replace(results, worths=Worths("labels.csv", 200, [worth]))
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(scored))))
    assert [row["data_accuracy_high"] for row in rows if row["model"] == "tiny.fp32"] == ["0.6"] * 2
    assert {row["data_accuracy"] for row in rows if row["model"] != "tiny.fp32"} == {""}
    assert (rows[0]["data_arousal"], rows[0]["data_arousal_low"]) == ("0.1", "")
    table = list(tables.tables(scored))[-1]
    assert "scores on 100 of 200 tracks of labels.csv" in table.title
    assert "flatter" in table.title
    assert table.lines[0][2:] == (
        *("0.500 [0.400, 0.600]", "0.500 [0.400, 0.600]", "-", "0.100", "-"),
        *("2", "3"),
    )


def test_models_that_are_called_the_same_are_told_apart(tmp_path: Path):
    first = tiny_model.write(tmp_path)
    (tmp_path / "other").mkdir()
    second = tiny_model.write(tmp_path / "other", seed=1)
    opened = [bundles.open(str(path)) for path in (first, second, first)]
    found = contenders(opened, ("cpu", "auto"))
    assert [each.name for each in found] == ["tiny.fp32", "tiny.fp32 (tiny.fp32.onnx)"]
    assert {each.provider for each in found} == {"CPU"}


def test_a_device_that_is_not_there_is_said_first(tmp_path: Path):
    done = CliRunner().invoke(bench, ["--device", "cuda", "--quick"])
    assert isinstance(done.exception, DeviceUnavailable)


def test_rounds_before_an_interruption_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stopped(tasks: dict, rounds: int, **rest: object) -> dict:
        if rounds == 3:  # the windows, and not the openings
            raise RoundsInterrupted({name: [7.0] for name in tasks})
        return interleave(tasks, rounds)

    monkeypatch.setattr(suites, "_OPENINGS", 1)
    monkeypatch.setattr(comparison, "interleave", stopped)
    suite = Suite(tmp_path, [str(tiny_model.write(tmp_path))], extent=TINY)
    with pytest.raises(KeyboardInterrupt):
        suite.run(["models"])
    assert [row.times for row in suite.results.models] == [[7.0]] * len(suite.results.models)
    assert suite.results.models


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--json", "--csv"), "--json and --csv exclude each other"),
        (("--csv", "--only", "memory"), "--only models"),
        (("--plot", "a.png", "--only", "memory"), "--only models"),
        (("--checkpoint", "pyproject.toml"), "add --only peers"),
        (("--peer", "vggish=a.onnx"), "'vggish=a.onnx' must be one of yamnet=FILE, musicnn=FILE"),
        (("--peer", "yamnet=nowhere.tflite"), "'nowhere.tflite': there is no such file"),
        (("--threads", "0"), "'0' must be numbers from 1 to 256"),
        (("--threads", "1,two"), "'1,two' must be numbers"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...], reason: str):
    done = CliRunner().invoke(bench, options)
    assert done.exit_code == 2
    assert reason in " ".join(done.output.split())


def test_every_shipped_model_is_measured_while_listening(results: Results):
    assert results.live is not None
    shipped = [f"{model.name}.{model.variant}" for model in installed()]
    assert [each.model for each in results.live.compute] == ["tiny.fp32", *shipped]
    for each in results.live.compute:
        assert each.ms.count == each.naive_ms.count == each.naive_ratio.count == TINY.live_steps
        assert 0 < each.ms.p50 < 500
        assert 0 < each.load < 200


def test_memory_is_looked_at_for_as_long_as_is_listened(results: Results):
    endurance = results.endurance
    assert endurance is not None
    assert endurance.readings == 119  # the first after a second, then two a second
    assert 0 <= endurance.growth < 50e6
    assert endurance.warm <= endurance.peak


def test_files_of_several_lengths_are_followed(results: Results):
    assert results.growth is not None
    files = results.growth.files
    assert [round(3600 * file.hours) for file in files] == [2, 5, 10, 20]
    for file in files:
        assert file.wall.median > 0
        assert file.cpu.median > 0
        assert 0 < max(resident for _, resident in file.looks) <= file.peak < 2e9
        assert 0 <= file.looks[0][0] <= file.looks[-1][0] <= file.hours
    assert results.endurance is not None
    heard, _, taken = zip(*results.endurance.looks, strict=True)
    assert list(heard) == sorted(heard)
    assert list(taken) == sorted(taken)


def test_a_straight_line_costs_the_same_hour_by_hour():
    def growth(*walls: float) -> Growth:
        hours = (1.0, 2.5, 5.0, 10.0)
        pairs = zip(hours, walls, strict=True)
        return Growth([FileGrowth(h, *[Spread(w, w, w, 1)] * 2, int(w), []) for h, w in pairs])

    assert growth(1 + 3, 1 + 7.5, 1 + 15, 1 + 30).per_hour == pytest.approx(1)
    assert growth(1, 6.25, 25, 100).per_hour == pytest.approx(2.5)
    assert growth(1, 2, 3, 7).extra_memory == 6


def test_notes_say_what_was_not_the_real_thing(results: Results):
    assert any("the budget is for 10 h" in note for note in results.notes)
    assert any("the budget is for 24 h" in note for note in results.notes)


def test_the_report_holds_every_budget(results: Results):
    report = text(results)
    assert report.endswith("\n")
    for part in (
        "models:",
        "cold start:",
        "throughput:",
        "log-mel:",
        "memory:",
        "rfft alone",
        "librosa",
        "naive",
        "from file to result:",
        "growth:",
    ):
        assert part in report
    for budget in results.budgets():
        line = next(line for line in report.splitlines() if line.startswith(budget.name))
        assert line.endswith("holds" if budget.holds else "MISSED")


def test_json_holds_the_same_figures(results: Results):
    found = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert found["format"] == 1
    assert found["machine"]["cpus"] >= 1
    assert {"numpy", "onnxruntime"} <= set(found["machine"]["packages"])
    assert [each["name"] for each in found["budgets"]] == [b.name for b in results.budgets()]
    assert found["throughput"]["whole"]["count"] == TINY.mp3_rounds


def test_the_share_that_is_done_only_grows(tmp_path: Path):
    told: list[tuple[str, float]] = []

    def tell(text: str, share: float) -> None:
        told.append((text, share))

    model = str(tiny_model.write(tmp_path))
    suite = Suite(tmp_path, [model], quick=True, extent=TINY, progress=tell)
    suite.run(["log-mel", "throughput", "endurance"])
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert {text.partition(":")[0] for text, _ in told[1:]} == {
        "throughput",
        "log-mel",
        "endurance",
    }


def test_the_bar_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]):
    with RunBar() as bar:
        bar.tell("something", 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_budget_is_a_most_or_a_least():
    most = Budget("a", 1.5, "x", 1.5)
    assert most.holds
    assert not replace(most, measured=1.51).holds
    least = Budget("b", 400, "x", 400, at_most=False)
    assert least.holds
    assert not replace(least, measured=399).holds


def test_the_clips_are_thrown_away_and_the_command_prints_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(suites, "QUICK", TINY)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "clips"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "clips").mkdir()
    model = str(tiny_model.write(tmp_path))
    done = CliRunner().invoke(bench, ["-m", model, "--quick", "--only", "log-mel"])
    assert done.exit_code == 0, done.output
    assert "log-mel, over" in done.output
    assert "cold start" not in done.output
    assert list((tmp_path / "clips").iterdir()) == []


def test_what_was_measured_before_an_interruption_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(suites, "QUICK", TINY)
    monkeypatch.setattr(suites, "measure_memory", interrupt)
    model = str(tiny_model.write(tmp_path))
    arguments = ["-m", model, "--quick", "--json", "--only", "log-mel", "--only", "memory"]
    done = CliRunner().invoke(bench, arguments, standalone_mode=False)
    assert done.return_value == 130
    found = json.loads(done.stdout)
    assert found["interrupted"] is True
    assert found["front_end"] is not None
    assert found["memory"] is None
