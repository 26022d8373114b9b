"""The JavaScript example: a model in another program says what musicedge says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.runtime import command

from musicedge import audio

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPT = EXAMPLES / "javascript" / "classify.mjs"
RATE = 32_000

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (SCRIPT.parent / "node_modules").is_dir(),
    reason="Node.js is not installed, or npm install was not run in examples/javascript",
)


def classify(model: Path, song: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", SCRIPT, model, song], capture_output=True, text=True)


def write_song(path: Path, seconds: float = 10, rate: int = RATE) -> Path:
    with audio.open(EXAMPLES / "corner-store-shuffle.mp3", sample_rate=rate) as reader:
        samples = np.concatenate(list(reader))[: int(seconds * rate)]
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network with the front-end inside, without its suffix."""
    folder = tmp_path_factory.mktemp("model")
    done = command.run("export", "cnn.fp32", "--input", "waveform", "-o", folder)
    assert done.returncode == 0, done.stderr.decode()
    return folder / "cnn.fp32.waveform"


def test_scores_are_those_of_musicedge(model: Path, tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.wav")
    done = classify(model, song)
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    (ours,) = json.loads(command.run("classify", song, "--json", "-m", "cnn.fp32").stdout)
    assert [each["label"] for each in theirs["genre"]] == [each["label"] for each in ours["genre"]]
    for one, other in zip(theirs["genre"], ours["genre"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)
    for name in ("music", "valence", "arousal", "danceability"):
        assert theirs[name] == pytest.approx(ours[name], abs=1e-3)


@pytest.mark.parametrize(
    ("song", "reason"), [({"rate": 44_100}, "32000 Hz"), ({"seconds": 9}, "shorter than a window")]
)
def test_song_in_another_form_is_refused(
    song: dict, reason: str, model: Path, tmp_path: Path
) -> None:
    done = classify(model, write_song(tmp_path / "song.wav", **song))
    assert done.returncode != 0
    assert reason in done.stderr
