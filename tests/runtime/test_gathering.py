"""What is kept of each window: a few numbers; segments are made when they are asked for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.runtime.tiny_model import CARD, GENRES

from musicedge.analysis import Segment
from musicedge.gathering import Gathering, Segments
from musicedge.road import Judged
from musicedge.windows import FrameWindow

COUNT = 7
RATE = CARD.frontend.frame_rate


@pytest.fixture
def gathering() -> Gathering:
    """Seven windows, half a second apart, taken as a batch of three and one of four."""
    rng, gathering = np.random.default_rng(0), Gathering(CARD)
    for batch in (range(3), range(3, COUNT)):
        judged = [
            Judged(FrameWindow(50 * at, 50 * at + 100, np.zeros((1, 1), np.float32)), at == 5)
            for at in batch
        ]
        outputs = {
            head.name: rng.uniform(
                0.6, 1, (len(batch), *([len(GENRES)] if head.name == "genre" else []))
            ).astype(np.float32)
            for head in CARD.heads
        }
        gathering.add(judged, outputs)
    return gathering


def test_windows_are_kept_in_order_with_what_was_said_of_them(gathering: Gathering):
    assert len(gathering) == COUNT
    assert gathering.first_end == 100
    expected = [[50 * at / RATE, (50 * at + 100) / RATE] for at in range(COUNT)]
    np.testing.assert_allclose(gathering.spans(), expected)
    readings = gathering.readings()
    assert readings.holds_music.tolist() == [True] * 5 + [False, True]
    assert len(readings.of_piece()["genre"]) == len(GENRES)


def test_segments_are_a_sequence_of_what_is_said_of_each_window(gathering: Gathering):
    readings, spans = gathering.readings(), gathering.spans()
    segments = Segments(readings, spans)
    plain = tuple(readings.of_window(at, *spans[at].tolist()) for at in range(COUNT))
    assert len(segments) == COUNT
    assert all(isinstance(each, Segment) for each in segments)
    assert segments == plain
    assert hash(segments) == hash(plain)
    assert repr(segments) == repr(plain)
    assert (segments[2], segments[-1], segments[1:6:2]) == (plain[2], plain[-1], plain[1:6:2])
    assert list(reversed(segments)) == list(reversed(plain))
    assert plain[3] in segments
    assert segments != plain[:-1]
    assert pickle.loads(pickle.dumps(segments)) == plain
    with pytest.raises(IndexError):
        segments[COUNT]


def test_nothing_was_gathered_of_no_windows():
    assert not Gathering(CARD)
