"""`musicedge devices` as a process: what it lists, and what it says where it cannot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runtime import pulse as harness
from tests.runtime.command import environment, on_terminal, run
from tests.runtime.pulse import MICROPHONE, MICROPHONE_NAME, MONITOR, Pulse

needs_pulse = pytest.mark.skipif(bool(harness.why_absent()), reason=harness.why_absent())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    with harness.running(tmp_path_factory.mktemp("pulse"), room=False) as pulse:
        pulse.add_output()
        yield pulse


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a computer without a sound server."""
    if Path("/dev/snd").exists():
        pytest.skip("this computer has sound hardware")
    return environment(**Pulse(tmp_path / "none").environment)


@needs_pulse
def test_each_input_is_a_line(server: Pulse):
    done = run("devices", env=environment(**server.environment))
    assert (done.returncode, done.stderr) == (0, b"")
    heading, *lines = done.stdout.decode().splitlines()
    assert heading.split() == ["name", "through", "channels", "own", "rate", "other", "rates"]
    assert [line.split()[0] for line in lines] == [str(index) for index in range(len(lines))]
    (default,) = (line for line in lines if line.endswith("default"))
    assert "ALSA" in default
    (loopback,) = (line for line in lines if line.endswith("loopback"))
    assert "PulseAudio  2         44.1 kHz" in loopback
    assert any(MICROPHONE_NAME in line for line in lines)


@needs_pulse
def test_json_is_a_list_of_all_that_is_known(server: Pulse):
    done = run("devices", "--json", env=environment(**server.environment))
    assert (done.returncode, done.stderr) == (0, b"")
    found = {each["source"] or each["name"]: each for each in json.loads(done.stdout)}
    microphone = found[MICROPHONE]
    assert {8_000, 44_100, 48_000} <= set(microphone.pop("rates"))
    assert microphone == {
        "index": microphone["index"],
        "name": MICROPHONE_NAME,
        "host_api": "PulseAudio",
        "channels": 2,
        "default_rate": harness.RATE,
        "is_default": False,
        "is_loopback": False,
        "source": MICROPHONE,
    }
    assert found[MONITOR]["is_loopback"]
    assert found["default"]["is_default"]


@needs_pulse
@pytest.mark.parametrize("columns", [40, 120])
def test_a_terminal_gets_a_table_that_fits(server: Pulse, columns: int):
    text = on_terminal(columns, "devices", env=environment(NO_COLOR="1", **server.environment))
    lines = re.sub(r"\x1b\[\d*m", "", text).splitlines()
    assert max(map(len, lines)) <= columns
    assert any(MICROPHONE_NAME in line for line in lines)
    assert any(line.strip().endswith("loopback") for line in lines)


@needs_pulse
def test_a_computer_without_inputs_is_told_what_to_do(nothing: dict[str, str]):
    done = run("devices", env=nothing)
    assert (done.returncode, done.stdout) == (0, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("musicedge: this computer has no input device; plug in a microphone")
    done = run("devices", "--json", env=nothing)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[]\n", b"")


@needs_pulse
@pytest.mark.parametrize("options", [[], ["--input", "usb"], ["--loopback"]])
def test_listening_without_inputs_is_one_line(nothing: dict[str, str], options: list[str]):
    done = run("listen", *options, env=nothing)
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert "pactl info" in line
    assert ("libasound2-plugins" in line) == ("--loopback" in options)


@needs_pulse
@pytest.mark.skipif(sys.platform != "linux", reason="the library is hidden as on Linux")
@pytest.mark.parametrize("command", ["devices", "listen"])
def test_a_library_that_does_not_load_is_named_with_its_packages(tmp_path: Path, command: str):
    (tmp_path / "libportaudio.so.2").touch()
    done = run(command, env=environment(LD_LIBRARY_PATH=str(tmp_path)))
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("musicedge: the library PortAudio, which takes the sound, does not load")
    for words in ("file too short", "apt-get install libportaudio2", "dnf install portaudio"):
        assert words in line


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("linux", "apt-get install libportaudio2 (Debian, Ubuntu, Raspberry Pi OS)"),
        ("darwin", "brew install portaudio"),
        ("win32", "pip install --force-reinstall sounddevice"),
        ("freebsd14", "install the package portaudio"),
    ],
)
def test_a_missing_library_is_named_with_each_platforms_package(platform: str, words: str):
    # sounddevice fails in these words where the library is nowhere.
    code = (
        "import builtins, sys\n"
        "from musicedge.errors import PortAudioMissing\n"
        "from musicedge import portaudio\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'sounddevice': raise OSError('PortAudio library not found')\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"sys.platform = {platform!r}\n"
        "try: portaudio.load()\n"
        "except PortAudioMissing as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert words in done.stdout
    assert "not found" not in done.stdout  # said already, in plain words
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", ["devices", "listen"])
def test_the_extra_is_named_where_it_is_missing(command: str):
    code = (
        "import sys; sys.modules['sounddevice'] = None\n"
        "from musicedge.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command], env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "musicedge: listening to a microphone needs the mic extra: pip install 'musicedge[mic]'\n"
    )


def test_help_needs_no_extra():
    code = (
        "import sys; sys.modules['sounddevice'] = None; sys.modules['numpy'] = None\n"
        "from musicedge.cli import main; sys.exit(main(['devices', '--help']))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True)
    assert done.returncode == 0
    assert b"--json" in done.stdout
