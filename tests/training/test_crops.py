"""The bank of crops: equal requests give equal crops, shapes, and resuming a build."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.training.tiny_corpus import RATE

from musicedge.errors import OutputError
from musicedge.frontend import FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.windows import fill_window
from musicedge_training.augmentation.catalogue import STANDARD, crop_transforms
from musicedge_training.augmentation.steps import Mixup
from musicedge_training.augmentation.waveform import Gain
from musicedge_training.crops import CropBank, CropRequest, make_crop, synthetic_tracks
from musicedge_training.datasets import corpus, synthetic
from musicedge_training.datasets.track import Track
from musicedge_training.representations import LogMelCache, load_samples

CONFIG = FrontEndConfig()
FRAMES = 1000
USUAL = {name: crop_transforms(transforms) for name, transforms in STANDARD.items()}


@pytest.fixture(scope="module")
def rooms(data: Path) -> tuple[Path, ...]:
    return tuple(corpus.room_paths(data))


@pytest.fixture(scope="module")
def few(tracks: list[Track]) -> list[Track]:
    """Two pieces of music, one of speech, one of noise, and two synthetic sounds."""
    return [*tracks[:2], *(t for t in tracks[:8] if not t.is_music), *synthetic_tracks(2)]


def request_for(track: Track, rooms: tuple[Path, ...], seed: int = 0) -> CropRequest:
    companions = () if track.is_music else (track.path,)
    return CropRequest(track, companions, seed, rooms, CONFIG, None, USUAL["waveform"])


@pytest.mark.parametrize("row", range(6))
def test_equal_requests_give_equal_crops(
    row: int, few: list[Track], rooms: tuple[Path, ...]
) -> None:
    first, second = (make_crop(request_for(few[row], rooms)) for _ in range(2))
    for crop in (first, second):
        assert crop.clean.shape == crop.roughened.shape == (FRAMES, CONFIG.n_mels)
        assert crop.clean.dtype == crop.roughened.dtype == np.float16
    np.testing.assert_array_equal(first.clean, second.clean)
    np.testing.assert_array_equal(first.roughened, second.roughened)


def test_other_seed_gives_another_crop(few: list[Track], rooms: tuple[Path, ...]) -> None:
    first, second = (make_crop(request_for(few[0], rooms, seed)) for seed in (0, 1))
    assert not np.array_equal(first.roughened, second.roughened)


def test_clean_crop_of_a_short_piece_is_the_piece_repeated(
    few: list[Track], rooms: tuple[Path, ...]
) -> None:
    samples = load_samples(few[0].path, RATE)
    whole = fill_window(FrontEnd(CONFIG).logmel(samples), FRAMES).astype(np.float16)
    crops = [make_crop(request_for(few[0], rooms, seed)).clean for seed in range(4)]
    assert any(np.array_equal(crop, whole) for crop in crops)


def test_crop_of_a_long_piece_is_a_piece_of_it(
    few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    t = np.arange(14 * RATE) / RATE
    soundfile.write(tmp_path / "long.flac", 0.3 * np.sin(2 * np.pi * (100 + 200 * t) * t), RATE)
    long = replace(few[0], path=tmp_path / "long.flac")
    whole = FrontEnd(CONFIG).logmel(load_samples(long.path, RATE))
    starts = set()
    for seed in range(6):
        clean = make_crop(request_for(long, rooms, seed)).clean[20:60].astype(np.float32)
        gaps = [np.abs(whole[i : i + 40] - clean).mean() for i in range(0, len(whole) - 40)]
        assert min(gaps) < 0.1
        starts.add(int(np.argmin(gaps)))
    assert len(starts) > 1


def test_bank_holds_every_track_in_every_variant(
    few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    bank = CropBank(tmp_path, few, rooms, CONFIG)
    bank.build(2, jobs=1)
    variants = [bank.open(variant) for variant in range(2)]
    for clean, rough in variants:
        assert clean.shape == rough.shape == (len(few), FRAMES, CONFIG.n_mels)
        assert np.isfinite(clean).all()
        assert np.isfinite(rough).all()
        varied = np.ptp(clean.astype(np.float32), axis=(1, 2)) > 0
        assert varied.sum() >= len(few) - 1  # one of the synthetic sounds may be silence
    assert not np.array_equal(variants[0][1], variants[1][1])

    # An interrupted build: the second variant lacks its last file, the first one is kept.
    rough = np.array(variants[1][1])
    del variants
    (bank.folder / "001-rough.npy").unlink()
    kept = bank.folder / "000-clean.npy"
    os.utime(kept, (1, 1))
    again = CropBank(tmp_path, few, rooms, CONFIG)
    assert again.folder == bank.folder
    again.build(2, jobs=1)
    np.testing.assert_array_equal(again.open(1)[1], rough)
    assert kept.stat().st_mtime == 1
    assert not list(bank.folder.glob("*.part"))


def test_banks_of_other_tracks_or_constants_lie_apart(
    few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    folders = {
        CropBank(tmp_path, few, rooms, CONFIG).folder,
        CropBank(tmp_path, few[1:], rooms, CONFIG).folder,
        CropBank(tmp_path, few, rooms, replace(CONFIG, n_mels=64)).folder,
    }
    assert len(folders) == 3


def test_variant_that_was_not_built_cannot_be_opened(
    few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        CropBank(tmp_path, few, rooms, CONFIG).open(0)


def test_sounds_are_filled_up_with_their_own_kind_of_the_same_fold(
    tracks: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    by_path = {track.path: track for track in tracks}
    for request in CropBank(tmp_path, tracks, rooms, CONFIG)._requests(0):
        assert not (request.track.is_music and request.companions)
        for path in request.companions:
            companion = by_path[path]
            assert (companion.kind, companion.fold) == (request.track.kind, request.track.fold)


def test_noise_is_filled_up_with_noise_of_its_own_kind(
    tracks: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    noise = [replace(track, fold=0) for track in tracks if track.kind == "noise"]
    by_path = {track.path: track for track in noise}
    for request in CropBank(tmp_path, noise, rooms, CONFIG)._requests(0):
        kinds = {by_path[path].noise_kind for path in request.companions}
        assert kinds == {request.track.noise_kind}


def test_synthetic_tracks_are_always_trained_and_cover_every_sound() -> None:
    tracks = synthetic_tracks(13)
    assert len({track.id for track in tracks}) == len({track.group for track in tracks}) == 13
    assert {track.collection for track in tracks} == set(synthetic.TRAINED)
    assert all(track.fold == -1 and not track.is_music and not track.genres for track in tracks)


@pytest.mark.parametrize("row", range(6))
def test_crops_of_the_logmel_are_like_those_of_the_sound(
    row: int, few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    logmel = LogMelCache(tmp_path, CONFIG)
    wear = USUAL["spectrogram"]
    request = replace(request_for(few[row], rooms), logmel=logmel, transforms=wear)
    first, second = make_crop(request), make_crop(request)
    np.testing.assert_array_equal(first.roughened, second.roughened)
    assert first.clean.shape == first.roughened.shape == (FRAMES, CONFIG.n_mels)
    assert not np.array_equal(first.clean, first.roughened)
    if few[row].is_music:
        whole = logmel.get(few[row].path)
        assert any(np.array_equal(first.clean[0], frame) for frame in whole)


def test_bank_of_the_logmel_is_another_bank(few: list[Track], tmp_path: Path) -> None:
    logmel = LogMelCache(tmp_path / "logmel", CONFIG)
    sound = CropBank(tmp_path, few, [], CONFIG)
    spectra = CropBank(tmp_path, few, [], CONFIG, logmel)
    assert sound.folder != spectra.folder
    spectra.build(1, jobs=1)
    clean, rough = spectra.open(0)
    assert clean.shape == rough.shape == (len(few), FRAMES, CONFIG.n_mels)


@pytest.mark.parametrize("name", STANDARD)
def test_standard_wear_and_what_is_done_at_a_step_make_no_other_bank(
    name: str, few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    logmel = LogMelCache(tmp_path / "logmel", CONFIG) if name == "spectrogram" else None
    wears = (None, STANDARD[name], (*STANDARD[name], Mixup()))
    banks = [CropBank(tmp_path, few, rooms, CONFIG, logmel, wear) for wear in wears]
    assert len({bank.folder for bank in banks}) == 1


def test_rooms_make_another_bank_where_they_are_heard(
    few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    logmel = LogMelCache(tmp_path / "logmel", CONFIG)
    some = (rooms, rooms[:1], ())
    heard = {CropBank(tmp_path, few, each, CONFIG).folder for each in some}
    unheard = {CropBank(tmp_path, few, each, CONFIG, logmel).folder for each in some}
    assert (len(heard), len(unheard)) == (3, 1)


def test_banks_of_other_wear_lie_apart_and_hold_what_was_asked_for(
    few: list[Track], rooms: tuple[Path, ...], tmp_path: Path
) -> None:
    logmel = LogMelCache(tmp_path / "logmel", CONFIG)
    plain = CropBank(tmp_path, few, rooms, CONFIG, logmel, ())
    quiet, louder = (
        CropBank(tmp_path, few, rooms, CONFIG, None, (Gain(decibels=(db, db)),)) for db in (-6, 6)
    )
    usual = [CropBank(tmp_path, few, rooms, CONFIG, each) for each in (None, logmel)]
    assert len({bank.folder for bank in (plain, quiet, louder, *usual)}) == 5
    for bank in (plain, quiet):
        bank.build(1, jobs=1)
    np.testing.assert_array_equal(*plain.open(0))
    clean, rough = (np.array(crops, np.float32) for crops in quiet.open(0))
    loud = clean[:2] > np.quantile(clean[:2], 0.9)  # far above the offset in the logarithm
    moved = (rough - clean)[:2][loud] * CONFIG.scale
    assert np.median(moved) == pytest.approx(-0.6 * np.log(10), abs=0.02)


def test_dataset_without_rooms_is_said_to_be_roughened_without(
    few: list[Track], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    CropBank(tmp_path, few[:1], [], CONFIG).build(1, jobs=1)
    assert "made without rooms" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room cannot be asked for here")
def test_full_disk_is_said_to_be_full_before_a_crop_is_made(
    few: list[Track], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    bank = CropBank(tmp_path, few, [], CONFIG, LogMelCache(tmp_path / "logmel", CONFIG))
    with pytest.raises(OutputError, match=r"No space left on device.*--cache"):
        bank.build(1, jobs=1)
    assert list(bank.folder.iterdir()) == []
