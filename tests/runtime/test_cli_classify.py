"""`musicedge classify`: its forms, its destinations, its status, and how it is interrupted."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.runtime import tiny_model
from tests.runtime.command import (
    bind_permissions,
    environment,
    on_terminal,
    run,
    start,
    write_audio,
)
from tests.runtime.tiny_model import QUIET

from musicedge.cli import main
from musicedge.model import Model, load

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "analysis.schema.json").read_text("utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and terminals")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file, device="cpu", threads=1)


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three pieces, the last without music, as the working directory."""
    folder = tmp_path / "music"
    for index, name in enumerate(("a.wav", "b/Björk, “live”.flac")):
        write_audio(folder / name, 2.0 + index, seed=index)
    write_audio(folder / "c.wav", 2.0, QUIET)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def classify(model_file: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command in this process; returns its status, output and diagnostics."""

    def call(*args: str | Path) -> tuple[int, str, str]:
        status = main(["classify", "-m", str(model_file), *map(str, args)])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def many(folder: Path, count: int, seconds: float = 20.0) -> Path:
    """A folder of many files, by links to one, that take the tiny model a while."""
    original = write_audio(folder / "original.bin.wav", seconds)
    music = folder / "many"
    music.mkdir()
    for index in range(count):
        os.link(original, music / f"{index:05}.wav")
    return music


def test_json_is_a_list_that_validates_and_equals_what_python_gives(
    classify: Any, music: Path, model: Model
) -> None:
    status, out, err = classify("--json", ".")
    objects = json.loads(out)
    assert (status, err) == (0, "")
    paths = ["a.wav", str(Path("b/Björk, “live”.flac")), "c.wav"]
    assert [each["path"] for each in objects] == paths
    for each in objects:
        VALIDATOR.validate(each)
        assert each == json.loads(json.dumps(model.analyze(each["path"]).to_dict()))
    assert objects[2]["genre"] == []
    assert objects[2]["valence"] is None


def test_jsonl_is_an_object_a_line_and_holds_the_timeline_when_asked(
    classify: Any, music: Path, model: Model
) -> None:
    status, out, _ = classify("--jsonl", "--timeline", "a.wav", "c.wav")
    objects = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [len(each["segments"]) for each in objects] == [3, 3]
    for each in objects:
        VALIDATOR.validate(each)
        assert each == json.loads(json.dumps(model.analyze(each["path"]).to_dict(timeline=True)))


@pytest.mark.parametrize("option", ["--html", "-o"])
def test_a_page_holds_what_the_json_form_holds(option: str, classify: Any, music: Path) -> None:
    status, out, err = classify(option, "page.html", "a.wav", "missing.mp3", "b")
    assert (status, out) == (1, "")
    about, *rows = page_data(Path("page.html").read_bytes().decode("utf-8"))
    _, out, _ = classify("--json", "--timeline", "a.wav", "missing.mp3", "b")
    objects = json.loads(out)
    assert err == f"musicedge: {rows[1]['error']}\n"
    for row, each in ((rows[0], objects[0]), (rows[2], objects[2])):
        assert row["folder"] + row["name"] == each["path"]
        assert [row[key] for key in ("duration", "valence", "arousal", "danceability")] == [
            each[key] for key in ("duration", "valence", "arousal", "danceability")
        ]
        assert dict(zip(about["labels"], row["genre"], strict=True)) == {
            entry["label"]: entry["score"] for entry in each["genre"]
        }
        assert row["start"] == [segment["start"] for segment in each["segments"]]


def page_data(page: str) -> list[dict[str, Any]]:
    """Return what is embedded in a page."""
    return json.loads(page.partition('id="data">')[2].partition("</script>")[0])


def test_a_failure_is_an_object_in_its_place_and_a_line_on_standard_error(
    classify: Any, music: Path
) -> None:
    status, out, err = classify("--json", "a.wav", "missing.mp3", "c.wav")
    objects = json.loads(out)
    for each in objects:
        VALIDATOR.validate(each)
    assert status == 1
    assert [each["path"] for each in objects] == ["a.wav", "missing.mp3", "c.wav"]
    assert objects[1]["error"]["type"] == "AudioNotFound"
    assert err == f"musicedge: {objects[1]['error']['message']}\n"


@pytest.mark.parametrize("change", ["extra", "missing", "range", "type", "version"])
def test_the_schema_refuses_what_is_not_promised(change: str, classify: Any, music: Path) -> None:
    _, out, _ = classify("--jsonl", "--timeline", "a.wav")
    value = json.loads(out)
    if change == "extra":
        value["segments"][0]["mood"] = "happy"
    elif change == "missing":
        del value["notes"]
    elif change == "range":
        value["genre"][0]["score"] = 1.5
    elif change == "type":
        value["error"] = {"type": "AudioError", "message": "both forms at once"}
    else:
        value["schema"] = 2
    assert not VALIDATOR.is_valid(value)


def test_the_example_in_the_documentation_validates() -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert examples
    for example in examples:
        VALIDATOR.validate(example)


def test_csv_has_a_header_and_a_row_a_file(classify: Any, music: Path, model: Model) -> None:
    status, out, _ = classify("--csv", ".", "missing,\nreally.wav")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert status == 1
    assert out.count("\r\n") == 5  # RFC 4180: header and four rows
    result = model.analyze("a.wav")
    assert rows[0]["genre"] == result.genre[0].label
    for genre in result.genre:
        assert float(rows[0][f"genre.{genre.label}"]) == pytest.approx(genre.score, abs=1e-4)
    assert rows[1]["path"] == str(Path("b/Björk, “live”.flac"))
    assert (rows[2]["genre"], rows[2]["valence"]) == ("", "")
    assert rows[3]["path"] == "missing,\nreally.wav"
    assert rows[3]["error"].startswith("AudioNotFound: ")


def test_csv_with_timeline_has_a_row_a_segment(classify: Any, music: Path, model: Model) -> None:
    _, out, _ = classify("--csv", "--timeline", "a.wav", "c.wav")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    segments = [*model.analyze("a.wav").segments, *model.analyze("c.wav").segments]
    assert [float(row["start"]) for row in rows] == [segment.start for segment in segments]
    assert [float(row["end"]) for row in rows] == [segment.end for segment in segments]
    assert [row["path"] for row in rows] == ["a.wav"] * 3 + ["c.wav"] * 3


def test_text_ranks_genres_and_names_the_mood(classify: Any, music: Path, model: Model) -> None:
    status, out, err = classify("a.wav", "c.wav")
    result = model.analyze("a.wav")
    assert (status, err) == (0, "")
    first, second = out.split("\n\n")
    lines = first.splitlines()
    assert lines[0] == "a.wav (0:02.0, tiny fp32)"
    assert [line.split()[0] for line in lines[2:7]] == [each.label for each in result.genre]
    assert lines[10].split(maxsplit=1)[0] == "mood"
    assert second.splitlines()[1].startswith("  no music")


def test_top_says_how_many_genres_text_shows(classify: Any, music: Path) -> None:
    _, all_of_them, _ = classify("--top", "100", "a.wav")
    _, two, _ = classify("--top", "2", "a.wav")
    assert len(all_of_them.splitlines()) - len(two.splitlines()) == 3


def test_text_with_timeline_has_a_line_a_segment(classify: Any, music: Path) -> None:
    _, without, _ = classify("a.wav")
    _, with_it, _ = classify("--timeline", "a.wav")
    lines = with_it.splitlines()[len(without.splitlines()) :]
    assert [line.split()[0] for line in lines] == [
        "0:00.0-0:01.0",
        "0:00.5-0:01.5",
        "0:01.0-0:02.0",
    ]


def test_offset_and_duration_reach_the_model(classify: Any, music: Path, model: Model) -> None:
    _, out, _ = classify("--jsonl", "--offset", "0.5", "--duration", "1", "a.wav")
    expected = model.analyze("a.wav", offset=0.5, duration=1.0).to_dict()
    assert json.loads(out) == json.loads(json.dumps(expected))


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_the_order_of_the_arguments(
    jobs: int, classify: Any, tmp_path: Path
) -> None:
    files = [write_audio(tmp_path / f"{n}.wav", 9 - n, seed=n) for n in (5, 1, 8, 2, 7, 3)]
    _, out, _ = classify("--jsonl", "--jobs", jobs, *files)
    paths = [json.loads(line)["path"] for line in out.splitlines()]
    assert paths == [str(path) for path in files]


def test_standard_input_is_named_by_a_dash(music: Path, model_file: Path) -> None:
    audio = (music / "a.wav").read_bytes()
    done = run("classify", "-m", model_file, "--json", "-", "a.wav", input=audio)
    piped, named = json.loads(done.stdout)
    VALIDATOR.validate(piped)
    assert (done.returncode, done.stderr) == (0, b"")
    assert piped == {**named, "path": "-"}


def test_standard_input_that_is_no_audio_is_a_failure(music: Path, model_file: Path) -> None:
    done = run("classify", "-m", model_file, "-", "a.wav", input=b"no audio at all")
    assert done.returncode == 1
    assert done.stderr.startswith(b"musicedge: standard input: not audio")
    assert done.stdout.startswith(b"a.wav")


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "Missing argument"),
        (["--json", "--csv", "a.wav"], "--json and --csv exclude each other"),
        (["--json", "--top", "3", "a.wav"], "--top is for text"),
        (["--top", "0", "a.wav"], "--top"),
        (["--jobs", "0", "a.wav"], "--jobs"),
        (["--offset", "nan", "a.wav"], "nan is not a number of seconds"),
        (["--duration", "inf", "a.wav"], "inf is not a number of seconds"),
        (["--duration", "0", "a.wav"], "--duration"),
        (["--device", "tpu", "a.wav"], "tpu"),
        (["-", "-"], "stands twice"),
        (["-o", "b.flac", "a.wav"], "-o b.flac would overwrite audio"),
        (["--html", "b.flac", "a.wav"], "--html b.flac would overwrite audio"),
        (["--html", "page.html", "-o", "other.html", "a.wav"], "--html and -o both name a file"),
        (["--html", "page.html", "--csv", "a.wav"], "--csv and --html exclude each other"),
        (["--no-such-option", "a.wav"], "No such option"),
    ],
)
def test_wrong_usage_ends_with_2_before_any_work(
    args: list[str], reason: str, classify: Any, music: Path
) -> None:
    status, out, err = classify(*args)
    assert (status, out) == (2, "")
    assert reason in err
    assert "Try 'musicedge classify -" in err


@pytest.mark.skipif(os.name != "posix", reason="streams are closed as on POSIX")
def test_many_files_need_no_standard_error(music: Path, model_file: Path) -> None:
    done = run(
        *("classify", "--csv", "-m", model_file, "a.wav", "a.wav"),
        preexec_fn=lambda: os.close(2),
    )
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 3)


def test_results_do_not_go_over_an_input(music: Path, classify: Any) -> None:
    before = Path("a.wav").read_bytes()
    Path("song").write_bytes(before)  # no suffix says that it is sound
    status, _, err = classify("song", "-o", "./song")
    assert (status, "-o ./song would overwrite audio" in err) == (2, True)
    assert Path("song").read_bytes() == before


def test_a_model_that_is_none_is_one_line_and_1(music: Path, classify: Any) -> None:
    for name in ("nosuchmodel", "a.wav"):
        status, out, err = classify("-m", name, "a.wav")
        assert (status, out) == (1, "")
        assert err.startswith(f"musicedge: {name}: ")
        assert err.count("\n") == 1


def test_cuda_where_there_is_none_is_one_line_and_1(classify: Any, music: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    status, out, err = classify("--device", "cuda", "a.wav")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "onnxruntime-gpu" in err


def test_a_bug_in_one_file_is_a_line_and_a_traceback_only_when_asked(
    classify: Any, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze = Model.analyze

    def broken(self: Model, source: Any, **options: Any) -> Any:
        if source == "a.wav":
            raise ZeroDivisionError("division by zero")
        return analyze(self, source, **options)

    monkeypatch.setattr(Model, "analyze", broken)
    monkeypatch.delenv("MUSICEDGE_DEBUG", raising=False)
    status, out, err = classify("--json", "a.wav", "c.wav")
    assert status == 1
    assert [VALIDATOR.is_valid(each) for each in json.loads(out)] == [True, True]
    assert err == (
        "musicedge: a.wav: unexpected ZeroDivisionError: division by zero; "
        "this is a bug in musicedge, please report it\n"
    )
    monkeypatch.setenv("MUSICEDGE_DEBUG", "1")
    _, _, err = classify("--json", "a.wav", "c.wav")
    assert "Traceback (most recent call last)" in err


@pytest.mark.parametrize("name", ["out.json", "out.jsonl", "OUT.CSV", "out.txt"])
def test_the_suffix_of_the_output_chooses_the_form(name: str, classify: Any, music: Path) -> None:
    assert classify("-o", name, "a.wav") == (0, "", "")
    text = Path(name).read_text("utf-8")
    form = Path(name).suffix.lower()
    if form == ".json":
        assert json.loads(text)[0]["path"] == "a.wav"
    elif form == ".jsonl":
        assert json.loads(text)["path"] == "a.wav"
    elif form == ".csv":
        assert text.startswith("path,")
    else:
        assert text.startswith("a.wav (")
    assert classify("--jsonl", "-o", name, "c.wav")[0] == 0  # a flag outweighs the suffix
    assert json.loads(Path(name).read_text("utf-8"))["path"] == "c.wav"


def test_an_output_is_replaced_as_a_whole_and_keeps_its_permissions(
    classify: Any, music: Path
) -> None:
    target = Path("out.json")
    target.write_text("before")
    target.chmod(0o604)
    link = Path("link.json")
    link.symlink_to(target)
    with target.open() as before:
        assert classify("-o", link, "a.wav")[0] == 0
        assert before.read() == "before"  # another file took its place
    assert link.is_symlink()
    assert json.loads(target.read_text("utf-8"))
    assert target.stat().st_mode & 0o777 == 0o604
    assert sorted(path.name for path in Path().iterdir()) == [
        *("a.wav", "b", "c.wav", "link.json", "out.json")
    ]


def test_an_output_that_cannot_be_written_is_told_before_the_work(
    classify: Any, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the work began")

    monkeypatch.setattr(Model, "analyze", never)
    for target in ("missing/out.json", "b", "missing/out.csv"):
        status, out, err = classify("-o", target, "a.wav")
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"musicedge: {target}: results cannot be written there (")


@ON_POSIX
def test_an_output_without_permission_is_left_alone(music: Path, model_file: Path) -> None:
    target = music / "out.json"
    target.write_text("before")
    target.chmod(0o400)
    arguments = ("classify", "-m", model_file, "-o", target, "a.wav")
    done = run(*arguments, preexec_fn=bind_permissions())
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert target.read_text() == "before"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["--json", "--top=1"])
def test_a_full_disk_is_one_line_and_1(form: str, music: Path, model_file: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("classify", "-m", model_file, form, "a.wav", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(b"musicedge: standard output: results cannot be written there (No space")
    assert err.count(b"\n") == 1


@ON_POSIX
@pytest.mark.parametrize("form", ["--json", "--top=1"])
def test_a_pipe_that_closes_ends_it_quietly(form: str, model_file: Path, tmp_path: Path) -> None:
    music = many(tmp_path, 300)
    process = start("classify", "-m", model_file, form, music)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""


@ON_POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_what_was_done_is_kept_when_interrupted(
    name: str, model_file: Path, tmp_path: Path
) -> None:
    music = many(tmp_path, 1000)
    process = start("classify", "-m", model_file, "--json", "--jobs", "2", music)
    assert process.stdout is not None
    assert process.stderr is not None
    begun = process.stdout.readline() + process.stdout.readline()
    process.send_signal(getattr(signal, name))
    objects = json.loads(begun + process.stdout.read())
    assert (process.wait(10), process.stderr.read()) == (130, b"")
    assert 1 <= len(objects) < 1000
    numbers = [int(Path(each["path"]).stem) for each in objects]
    assert numbers == sorted(numbers)
    for each in objects:
        VALIDATOR.validate(each)


@ON_POSIX
@pytest.mark.parametrize("target", ["out.json", "out.csv", "out.html"])
def test_an_output_file_is_kept_when_interrupted(
    target: str, model_file: Path, tmp_path: Path
) -> None:
    music = many(tmp_path, 1000)
    path = tmp_path / target
    process = start("classify", "-m", model_file, "-o", path, "--jobs", "1", music)
    deadline = time.monotonic() + 20
    while not any(each.stat().st_size for each in tmp_path.glob("*out*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, b"", b"")
    text = path.read_bytes().decode("utf-8")
    if target == "out.json":
        assert json.loads(text)
    elif target == "out.html":
        rows = page_data(text)[1:]
        assert 1 <= len(rows) < 1000
        assert rows[0]["name"] == "00000.wav"
        assert text.endswith("</html>\n")
    else:
        assert text.endswith("\r\n")
    assert [each.name for each in tmp_path.glob("*out*")] == [target]


@ON_POSIX
@pytest.mark.parametrize("signals", [1, 2])
def test_an_interruption_does_not_wait_for_standard_input(
    signals: int, music: Path, model_file: Path
) -> None:
    process = start("classify", "-m", model_file, "--jsonl", "a.wav", "-", stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["path"] == "a.wav"
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert process.stdout.read() == b""


@ON_POSIX
@pytest.mark.parametrize("columns", [100, 40])
def test_a_panel_fits_the_terminal(columns: int, music: Path, model_file: Path) -> None:
    text = on_terminal(columns, "classify", "-m", model_file, "--timeline", "a.wav")
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", text)  # a colour
    lines = CONTROL.sub("", text).splitlines()
    assert {len(line) for line in lines} == {min(columns, 80)}
    assert lines[0].startswith("╭─ a.wav ─")
    assert lines[-1].endswith("tiny fp32 ─╯")


@ON_POSIX
def test_a_terminal_without_colour_or_unicode_gets_neither(music: Path, model_file: Path) -> None:
    env = environment(NO_COLOR="1", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    Path("a.wav").rename("é.wav")
    text = on_terminal(80, "classify", "-m", model_file, "é.wav", env=env)
    assert text.isascii()
    assert "\\xe9.wav" in text
    assert "###" in text
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)


@ON_POSIX
def test_a_name_cannot_steer_the_terminal(classify: Any, music: Path, model_file: Path) -> None:
    evil = "\x1b[2J\x07evil\n.wav"
    Path("a.wav").rename(evil)
    args = (evil, f"{evil}.gone")
    for text in (on_terminal(80, "classify", "-m", model_file, *args), *classify(*args)[1:]):
        assert "\x1b[2J" not in text
        assert "\x07" not in text
        assert "\\x1b[2J\\x07evil\\n.wav" in text


@ON_POSIX
def test_progress_is_for_terminals_and_leaves_a_summary(
    classify: Any, music: Path, model_file: Path
) -> None:
    text = on_terminal(80, "classify", "-m", model_file, ".")
    assert re.search(r"3 files; 0\.1 minutes of audio in .* x real time\)", text)
    _, out, err = classify(".")
    assert err == ""
    assert "files" not in out


def test_help_shows_how_and_loads_nothing_heavy() -> None:
    heavy = {"numpy", "onnxruntime", "soundfile", "soxr", "av", "rich", "importlib.metadata"}
    code = (
        "import sys; from musicedge.cli import main; "
        "pages = [['--help'], ['-h'], ['classify', '--help'], ['models', '-h']]; "
        "statuses = {main(page) for page in pages}; "
        f"print(statuses, sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(), check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, b"{0} []")
    assert done.stdout.count(b"Usage: musicedge ") == 4


def test_a_path_without_a_command_is_told_how(
    music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("two words.wav").touch()
    assert main(["two words.wav"]) == 2
    assert "musicedge classify 'two words.wav'" in capfd.readouterr().err


def test_an_unknown_command_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["clasify"]) == 2
    assert "No such command 'clasify'" in capfd.readouterr().err


def test_version_names_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"musicedge \S+\n", capfd.readouterr().out)
