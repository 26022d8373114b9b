"""The log-mel cache: computed once, never stale, never half written."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.training.tiny_corpus import RATE

from musicedge.errors import AudioError
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge_training.representations import LogMelCache, load_samples, run_jobs, write_npy
from musicedge_training.representations.logmel import LogMel

CONFIG = FrontEndConfig()


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, RATE // 2).astype(np.float32)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def test_frames_are_those_of_the_front_end(sound: Path, tmp_path: Path) -> None:
    frames = LogMelCache(tmp_path / "cache", CONFIG).get(sound)
    expected = FrontEnd(CONFIG).logmel(load_samples(sound, RATE))
    assert frames.dtype == np.float16
    np.testing.assert_array_equal(frames, expected.astype(np.float16))


def test_second_time_nothing_is_computed(sound: Path, tmp_path: Path) -> None:
    cache = LogMelCache(tmp_path / "cache", CONFIG)
    frames = np.array(cache.get(sound))
    entry = cache.entry(sound)
    os.utime(entry, (1, 1))
    again = LogMelCache(tmp_path / "cache", CONFIG)
    np.testing.assert_array_equal(again.get(sound), frames)
    assert entry.stat().st_mtime == 1
    assert list((tmp_path / "cache").iterdir()) == [entry]


def test_copy_of_a_file_shares_its_entry(sound: Path, tmp_path: Path) -> None:
    cache = LogMelCache(tmp_path / "cache", CONFIG)
    assert cache.entry(shutil.copy(sound, tmp_path / "copy.wav")) == cache.entry(sound)


def test_other_constants_have_another_entry(sound: Path, tmp_path: Path) -> None:
    entries = {
        LogMelCache(tmp_path / "cache", config).entry(sound)
        for config in (CONFIG, replace(CONFIG, n_mels=64), replace(CONFIG, preemphasis=0.0))
    }
    assert len(entries) == 3


def test_other_bytes_have_another_entry(sound: Path, tmp_path: Path) -> None:
    cache = LogMelCache(tmp_path / "cache", CONFIG)
    before, frames = cache.entry(sound), np.array(cache.get(sound))
    soundfile.write(sound, np.full(RATE // 2, 0.1, np.float32), RATE, subtype="FLOAT")
    assert cache.entry(sound) != before
    assert not np.array_equal(cache.get(sound), frames)


def test_file_that_cannot_be_decoded_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"no audio at all")
    cache = LogMelCache(tmp_path / "cache", CONFIG)
    with pytest.raises(AudioError, match=r"broken\.wav"):
        cache.get(path)
    assert list((tmp_path / "cache").iterdir()) == []


def test_array_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npy(path, np.array([object()]))
    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    write_npy(path, np.arange(3))
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npy(path, np.array([object()]))
    np.testing.assert_array_equal(np.load(path), np.arange(3))
    assert list(tmp_path.iterdir()) == [path]


def test_filling_computes_every_entry(sound: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, np.zeros(RATE // 4, np.float32), RATE)
    cache = LogMelCache(tmp_path / "cache", CONFIG)
    cache.fill([sound, other], jobs=1)
    assert sorted((tmp_path / "cache").iterdir()) == sorted(map(cache.entry, (sound, other)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_processes_begin_when_all_is_prepared(
    jobs: int, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[bool] = []
    cache = LogMelCache(tmp_path / "cache", CONFIG)
    entry = cache.entry(sound)
    monkeypatch.setattr(LogMel, "prepare", lambda _: prepared.append(not entry.exists()))
    cache.fill([sound], jobs=jobs)
    assert prepared == [True] * (jobs - 1)


def test_jobs_answer_in_order() -> None:
    paths = [Path(str(number)) for number in range(20)]
    names = list(run_jobs(os.fspath, paths, jobs=2, title="names"))
    assert names == [str(number) for number in range(20)]
