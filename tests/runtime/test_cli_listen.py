"""`musicedge listen`: its forms and destinations, its read-out, and every way to end it."""

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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile
from tests.runtime import pulse, tiny_model
from tests.runtime.command import RATE, environment, on_terminal, run, start, write_audio
from tests.runtime.tiny_model import LOUD, QUIET, noise

import musicedge
from musicedge.cli import main
from musicedge.model import Model, load

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "reading.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and terminals")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
NO_CLOCK = ("compute_ms", "monotonic", "wall", "latency_ms")  # fields that differ between two runs


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file, device="cpu", threads=1)


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three seconds of what the tiny model takes for music and two of what it does not."""
    monkeypatch.chdir(tmp_path)
    path = Path("song.wav")
    soundfile.write(path, np.concatenate([noise(3.0, LOUD), noise(2.0, QUIET)]), RATE, "FLOAT")
    return path


@pytest.fixture
def listen(model_file: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command in this process; returns its status, output and diagnostics."""

    def call(*args: str | Path) -> tuple[int, str, str]:
        status = main(["listen", "-m", str(model_file), *map(str, args)])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def timeless(value: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in NO_CLOCK}


def test_jsonl_gives_the_readings_of_a_stream_of_the_same_samples(
    listen: Any, song: Path, model: Model
) -> None:
    status, out, err = listen("--from-file", song, "--speed", "max", "--jsonl")
    objects = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    stream = musicedge.Stream(model, RATE)
    samples, _ = soundfile.read(song, dtype="float32")
    expected = [*stream.push(samples), *stream.finish()]
    assert [timeless(each) for each in objects] == [
        timeless(json.loads(json.dumps(each.to_dict()))) for each in expected
    ]
    assert [each["is_music"] for each in objects[:2]] == [True, True]
    assert objects[-1]["genre"] == []


def test_each_line_validates_and_carries_the_time(listen: Any, song: Path) -> None:
    begun = time.monotonic(), time.time()
    _, out, _ = listen("--from-file", song, "--speed", "max", "--jsonl")
    ended = time.monotonic(), time.time()
    objects = [json.loads(line) for line in out.splitlines()]
    for each in objects:
        VALIDATOR.validate(each)
        assert begun[0] <= each["monotonic"] <= ended[0]
        assert begun[1] - 1 <= each["wall"] <= ended[1] + 1
    times = [each["monotonic"] for each in objects]
    assert times == sorted(times)


def test_every_and_smooth_and_duration_reach_the_stream(
    listen: Any, song: Path, model: Model
) -> None:
    args = ("--every", "0.25", "--smooth", "0", "--duration", "2")
    _, out, _ = listen("--from-file", song, "--speed", "max", "--jsonl", *args)
    objects = [json.loads(line) for line in out.splitlines()]
    assert [each["end"] for each in objects] == pytest.approx([1.0, 1.25, 1.5, 1.75, 2.0])
    for each in objects:
        assert each["raw"] == {name: each[name] for name in each["raw"]}


def test_a_file_is_replayed_as_fast_as_it_sounds(listen: Any, tmp_path: Path) -> None:
    song = write_audio(tmp_path / "song.wav", 1.6)
    begun = time.monotonic()
    status, out, _ = listen("--from-file", song, "--jsonl")
    took = time.monotonic() - begun
    assert status == 0
    assert took > 1.5
    assert json.loads(out.splitlines()[0])["latency_ms"] >= 0


def test_csv_has_a_header_and_a_row_a_reading(listen: Any, song: Path) -> None:
    _, lines, _ = listen("--from-file", song, "--speed", "max", "--jsonl")
    _, out, err = listen("--from-file", song, "--speed", "max", "--csv")
    assert err == ""
    objects = [json.loads(line) for line in lines.splitlines()]
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert [float(row["end"]) for row in rows] == [each["end"] for each in objects]
    assert [row["genre"] for row in rows] == [
        each["genre"][0]["label"] if each["genre"] else "" for each in objects
    ]
    assert {row["is_music"] for row in rows} == {"true", "false"}


def test_text_is_a_line_a_reading_and_a_summary(listen: Any, song: Path) -> None:
    status, out, err = listen("--from-file", song, "--speed", "max", "--top", "2")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "song.wav (tiny fp32, every 0.5 s)"
    assert re.match(r" +0:01\.0 +-\d+ dB  \w+ +\d+ %  \w+ +\d+ %  valence 0\.\d\d", lines[1])
    assert re.fullmatch(r" +0:05\.0 +-\d+ dB  no music", lines[9])
    assert lines[10] == "song.wav (0:05.0, tiny fp32)"
    assert re.match(r"  music in \d\d % of the time; genres by how long", lines[11])
    assert "latency" not in out  # of a file at full speed it means nothing


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--speed", "2"], "--speed is for files"),
        (["--from-file", "song.wav", "--input", "3"], "--from-file and --input exclude each other"),
        (["--from-file", "song.wav", "--loopback"], "--from-file and --loopback exclude"),
        (["--from-file", "song.wav", "--no-reconnect"], "--from-file and --no-reconnect exclude"),
        (["--from-file", "song.wav", "--speed", "fast"], "'fast' is neither a number above 0"),
        (["--from-file", "song.wav", "--speed", "0"], "'0' is neither"),
        (["--from-file", "song.wav", "--speed", "nan"], "'nan' is neither"),
        (["--from-file", "song.wav", "--speed", "inf"], "'inf' is neither"),
        (["--every", "0.01"], "--every"),
        (["--every", "nan"], "nan is not a number of seconds"),
        (["--smooth", "-1"], "--smooth"),
        (["--duration", "0"], "--duration"),
        (["--duration", "inf"], "inf is not a number of seconds"),
        (["--threads", "0"], "--threads"),
        (["--jsonl", "--csv"], "--jsonl and --csv exclude each other"),
        (["--jsonl", "--top", "3"], "--top is for text"),
        (["-o", "out.json"], "readings have no end"),
        (["-o", "song.wav"], "would overwrite audio"),
        (["--record", "song.wav"], "is there already"),
        (["--record", "song.mp3"], "it will be a WAV file"),
        (["song.wav"], "unexpected extra argument"),
        (["--json"], "No such option"),
    ],
)
def test_wrong_usage_ends_with_2_before_any_work(
    args: list[str], reason: str, listen: Any, song: Path
) -> None:
    before = song.read_bytes()
    status, out, err = listen(*args)
    assert (status, out) == (2, "")
    assert reason in err
    assert "Try 'musicedge listen -" in err
    assert song.read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["song.wav"]


def test_results_do_not_go_over_the_sound_that_is_heard(listen: Any, song: Path) -> None:
    Path("song").write_bytes(before := song.read_bytes())  # no suffix says that it is sound
    status, _, err = listen("--from-file", "song", "-o", "./song")
    assert (status, "-o ./song would overwrite audio" in err) == (2, True)
    assert Path("song").read_bytes() == before


def test_what_cannot_be_used_is_one_line_and_1(listen: Any, song: Path) -> None:
    Path("notes.txt").write_text("no audio at all")
    for args in (
        ["--from-file", "missing.mp3"],
        ["--from-file", "notes.txt"],
        ["--from-file", "."],
        ["--from-file", "song.wav", "-m", "nosuchmodel"],
        ["--from-file", "song.wav", "-o", "missing/out.jsonl"],
        ["--from-file", "song.wav", "--record", "missing/heard.wav"],
    ):
        status, out, err = listen(*args)
        assert (status, out, err.count("\n")) == (1, "", 1), args
        assert err.startswith(f"musicedge: {args[3] if len(args) > 2 else args[1]}: ")


def test_an_interruption_that_an_import_turns_into_an_error_is_no_bug(
    listen: Any, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:  # as pybind11 does with onnxruntime's module
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr("musicedge.session.Session", interrupted)
    assert listen("--from-file", song) == (130, "", "")


@ON_POSIX
def test_a_closed_standard_stream_is_no_bug(song: Path, model_file: Path) -> None:
    args = ("listen", "-m", model_file, "--from-file", song, "--speed", "max", "--jsonl")
    done = run(*args, preexec_fn=lambda: os.close(2))
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 9)
    done = run(*args, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"standard output is closed" in done.stderr
    done = run(*args, "-o", "out.jsonl", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(Path("out.jsonl").read_bytes().splitlines()) == 9


@pytest.mark.parametrize("name", ["out.jsonl", "OUT.CSV", "out.log"])
def test_the_suffix_of_the_output_chooses_the_form(name: str, listen: Any, song: Path) -> None:
    assert listen("--from-file", song, "--speed", "max", "-o", name) == (0, "", "")
    text = Path(name).read_text("utf-8")
    expected = {".jsonl": '{"schema"', ".csv": "wall,", ".log": "song.wav ("}
    assert text.startswith(expected[Path(name).suffix.lower()])


def test_a_recording_holds_what_was_heard(listen: Any, song: Path) -> None:
    args = ("--from-file", song, "--speed", "max", "--duration", "2.5", "--record", "heard.wav")
    status, out, _ = listen(*args)
    assert status == 0
    assert out.endswith("  recorded in heard.wav\n")
    heard, rate = soundfile.read("heard.wav", dtype="float32")
    played, _ = soundfile.read(song, dtype="float32")
    assert (rate, len(heard)) == (RATE, round(2.5 * RATE))
    np.testing.assert_allclose(heard, played[: len(heard)], atol=2**-23)


def test_a_recording_without_sound_is_not_left_behind(listen: Any, song: Path) -> None:
    args = ("--from-file", song, "--record", "heard.wav", "-o", "missing/out.jsonl")
    assert listen(*args)[0] == 1
    assert not Path("heard.wav").exists()


def test_the_output_grows_while_it_listens(song: Path, model_file: Path) -> None:
    process = start("listen", "-m", model_file, "--from-file", song, "-o", "out.jsonl")
    pulse.wait_for(lambda: Path("out.jsonl").exists() and Path("out.jsonl").read_text())
    VALIDATOR.validate(json.loads(Path("out.jsonl").read_text().splitlines()[0]))
    assert process.poll() is None
    process.kill()
    process.communicate()


@ON_POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_replay_that_is_cut_short_ends_with_130_and_keeps_what_was_heard(
    name: str, song: Path, model_file: Path
) -> None:
    process = start(
        "listen", "-m", model_file, "--from-file", song, "--jsonl", "--record", "heard.wav"
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(getattr(signal, name))
    rest, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, b"")
    objects = [json.loads(line) for line in (first + rest).splitlines()]
    for each in objects:
        VALIDATOR.validate(each)
    assert soundfile.info("heard.wav").duration == pytest.approx(objects[-1]["end"], abs=0.2)


@ON_POSIX
@pytest.mark.parametrize("form", ["--jsonl", "--csv", "--top=1"])
def test_a_pipe_that_closes_ends_it_quietly(form: str, song: Path, model_file: Path) -> None:
    process = start("listen", "-m", model_file, "--from-file", song, form, "--every", "0.1")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""


def frames(text: str) -> list[list[str]]:
    """The pictures that a terminal showed, as lines without their styles."""
    shown = text.partition("\x1b[?1049h")[2].partition("\x1b[?1049l")[0]
    plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame) for frame in shown.split("\x1b[H")]
    return [[line.rstrip() for line in frame.splitlines()] for frame in plain if frame]


@ON_POSIX
@pytest.mark.parametrize("columns", [120, 80, 60, 40])
def test_a_terminal_shows_a_picture_and_keeps_the_summary(
    columns: int, song: Path, model_file: Path
) -> None:
    args = ("--from-file", song, "--speed", "10")
    text = on_terminal(columns, "listen", "-m", model_file, *args)
    pictures = frames(text)
    assert "listening" in "\n".join(pictures[0])
    assert "no music" in "\n".join(pictures[-1])
    for picture in pictures:
        lines = [line for line in picture if line]
        assert {len(line) for line in lines} == {min(columns, 100)}
        assert lines[0].startswith("╭─ song.wav ─")
        assert lines[-1].endswith(" tiny fp32 on CPU, every 0.5 s ─╯")
        assert len(lines) == len([line for line in pictures[0] if line])
        assert ("arousal ↑" in "\n".join(lines)) == (columns >= 60)
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", text)  # a colour
    summary = text.rpartition("\x1b[?1049l")[2]
    assert summary.startswith("song.wav (0:05.0, tiny fp32)\n  music in ")
    assert "latency" in summary


@ON_POSIX
def test_a_terminal_without_colour_or_unicode_gets_neither(song: Path, model_file: Path) -> None:
    env = environment(NO_COLOR="1", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    args = ("--from-file", song, "--speed", "max")
    text = on_terminal(80, "listen", "-m", model_file, *args, env=env)
    assert text.isascii()
    assert "###" in text
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)


@ON_POSIX
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(song: Path, model_file: Path) -> None:
    args = ("--from-file", song, "--speed", "max")
    text = on_terminal(80, "listen", "-m", model_file, *args, env=environment(TERM="dumb"))
    assert "\x1b" not in text
    assert text.startswith("song.wav (tiny fp32, every 0.5 s)\n   0:01.0 ")


@ON_POSIX
def test_a_name_cannot_steer_the_terminal(song: Path, model_file: Path) -> None:
    evil = song.rename("\x1b[2J\x07evil\n.wav")
    text = on_terminal(80, "listen", "-m", model_file, "--from-file", evil, "--speed", "max")
    assert "\x1b[2J" not in text
    assert "\x07" not in text


class Session:
    """The command on a terminal that can be typed at."""

    def __init__(self, *args: str | Path, columns: int = 80, **settings: Any) -> None:
        import pty

        self._leader, follower = pty.openpty()
        self.resize(columns)
        self.text = ""
        streams = {"stdin": follower, "stdout": follower, "stderr": follower}
        self.process = start("listen", *args, **streams, **settings)
        os.close(follower)

    def resize(self, columns: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def wait_for(self, pattern: str, seconds: float = 20.0) -> None:
        """Read until it has been shown; what was read before does not count."""
        import select

        self.text, end = "", time.monotonic() + seconds
        while not re.search(pattern, STYLE.sub("", self.text)):
            assert time.monotonic() < end, self.text
            if select.select([self._leader], [], [], 0.1)[0]:
                self.text += os.read(self._leader, 1 << 16).decode("utf-8", "replace")

    def hang_up(self) -> None:
        os.close(self._leader)


@ON_POSIX
def test_a_picture_follows_the_width_of_the_terminal(song: Path, model_file: Path) -> None:
    session = Session("-m", model_file, "--from-file", song)
    session.wait_for("╭─ song.wav ─{60,}╮")
    session.resize(50)
    session.wait_for("╭─ song.wav ─{30,40}╮")
    session.process.send_signal(signal.SIGINT)
    session.wait_for(r"\x1b\[\?1049l[^\x1b]*song\.wav \(0:0")
    assert session.process.wait(10) == 130


@ON_POSIX
def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(song: Path, model_file: Path) -> None:
    session = Session("-m", model_file, "--from-file", song)
    session.wait_for("rock")
    session.process.send_signal(signal.SIGTSTP)
    session.wait_for(r"\x1b\[\?25h.*\x1b\[\?1049l")
    time.sleep(0.1)
    session.process.send_signal(signal.SIGCONT)
    if "\x1b[?1049h" not in session.text:  # a process group without a shell is never stopped
        session.wait_for(r"\x1b\[\?1049h")
    session.process.send_signal(signal.SIGINT)
    assert session.process.wait(10) == 130


@ON_POSIX
def test_a_terminal_that_goes_away_ends_it(song: Path, model_file: Path) -> None:
    session = Session("-m", model_file, "--from-file", song, "--record", "heard.wav")
    session.wait_for("rock")
    session.process.send_signal(signal.SIGHUP)
    session.hang_up()
    assert session.process.wait(10) == 130
    assert soundfile.info("heard.wav").duration >= 1.0


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pulse.Pulse]:
    """A room whose microphone hears what is played there."""
    if reason := pulse.why_absent():
        pytest.skip(reason)
    with pulse.running(tmp_path_factory.mktemp("pulse")) as server:
        server.play(noise(30.0, LOUD, sample_rate=pulse.RATE), pulse.RATE)
        yield server


@ON_POSIX
def test_ctrl_c_is_how_listening_ends(room: pulse.Pulse, model_file: Path, tmp_path: Path) -> None:
    session = Session("-m", model_file, env=environment(**room.environment), cwd=tmp_path)
    session.wait_for(r"0:02 ")
    session.process.send_signal(signal.SIGINT)
    session.wait_for(r"\(0:0\d\.\d, tiny fp32\)\r\n  music in .*(.|\n)* readings; compute")
    assert session.process.wait(10) == 0


@ON_POSIX
def test_an_input_that_went_away_takes_its_readings_off_the_picture(
    room: pulse.Pulse, model_file: Path, tmp_path: Path
) -> None:
    session = Session("-m", model_file, env=environment(**room.environment), cwd=tmp_path)
    session.wait_for("rock")
    room.unplug()
    session.wait_for("waiting")
    session.wait_for("waiting for sound")
    room.build_room()
    room.plug_in()
    room.play(noise(30.0, LOUD, sample_rate=pulse.RATE), pulse.RATE)
    session.wait_for("rock")
    session.process.send_signal(signal.SIGINT)
    assert session.process.wait(10) == 0


@pytest.mark.parametrize("args", [["--help"], ["listen", "--help"], ["devices", "--help"]])
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    heavy = {"numpy", "onnxruntime", "soundfile", "soxr", "av", "rich", "sounddevice"}
    code = (
        "import sys; from musicedge.cli import main; "
        f"print(main({args}), sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment())
    assert done.stderr.strip() == b"0 []"
    assert b"listen" in done.stdout or b"devices" in done.stdout


def test_listening_imports_nothing_that_it_does_not_use(song: Path, model_file: Path) -> None:
    code = (
        "import sys; from musicedge.cli import main; "
        f"main(['listen', '-m', {str(model_file)!r}, '--from-file', 'song.wav', '--speed', 'max',"
        " '--jsonl']); "
        "unused = {'av', 'rich', 'sounddevice', 'csv'}; "
        "print(sorted(unused & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment())
    assert done.stderr.strip() == b"[]"
    assert run("listen", "--from-file", "nothing.wav").returncode == 1
