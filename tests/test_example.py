"""The example piece: the committed file is what its code makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PIECE = EXAMPLES / "corner-store-shuffle.mp3"
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not SOUNDFONT.is_file(),
    reason="fluidsynth or the FluidR3 soundfont is not installed",
)


def compose(*arguments: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / "compose.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=None if path is None else {"PATH": path},
    )


def logmel(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return FrontEnd(FrontEndConfig(sample_rate=rate, n_mels=64)).logmel(samples.mean(axis=1))


def test_piece_is_short_small_and_at_a_sensible_level() -> None:
    samples, rate = soundfile.read(PIECE, always_2d=True)
    assert 20 <= len(samples) / rate <= 28
    assert PIECE.stat().st_size < 500_000
    peak = 20 * np.log10(np.abs(samples).max())
    loudness = 10 * np.log10(np.mean(samples**2))
    assert -1.5 < peak < 0
    assert -18 < loudness < -12


@needs_fluidsynth
def test_committed_piece_is_what_the_score_gives(tmp_path: Path) -> None:
    again = tmp_path / "again.mp3"
    done = compose("-o", again)
    assert done.returncode == 0, done.stderr
    committed, rendered = logmel(PIECE), logmel(again)
    assert abs(len(committed) - len(rendered)) < 20  # synthesizers' versions differ in their tails
    count = min(len(committed), len(rendered))
    assert np.median(np.abs(committed[:count] - rendered[:count])) < 0.05


@needs_fluidsynth
def test_what_is_not_a_soundfont_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sf2"
    wrong.write_bytes(b"no soundfont at all")
    done = compose("--soundfont", wrong, "-o", tmp_path / "piece.mp3")
    assert done.returncode == 1
    assert done.stderr == f"compose: {wrong} is not a soundfont (.sf2 or .sf3)\n"


def test_missing_fluidsynth_is_named_in_one_line(tmp_path: Path) -> None:
    done = compose("-o", tmp_path / "piece.mp3", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "compose: fluidsynth is not installed; try: apt-get install fluidsynth\n"
    )
