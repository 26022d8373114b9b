"""Running medians, as fast as sorting networks on whole arrays make them."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

WIDTH = 31
"""Rows of a median; librosa's default for the separation of percussion."""

_HALF = WIDTH // 2
_TILE = 8  # neighbouring medians that share the sorting of what they have in common
_COLUMNS = 48  # at once: what is being sorted then stays in a cache

Float32 = NDArray[np.float32]
Sorted = list[Float32]  # arrays of one shape, at each place in ascending order


def running_median(rows: Float32) -> Float32:
    """Return the median of the 31 rows around each, column by column, mirrored at the ends.

    Equal to ``scipy.ndimage.median_filter(rows, (31, 1), mode="reflect")``.

    Eight neighbouring windows have 24 rows in common. Of those, only the 9th to 16th are asked for,
    found from a sorted 16 and a sorted 8; with a sorted 4 more, four windows have 28 in common, of
    which the 13th to 16th are asked for; among these, each window's other three rows are put. What
    is sorted are whole arrays at once, by networks of minima and maxima; sorted pieces are shared
    by all windows that hold them (Adams, "Fast median filters using separable sorting networks",
    SIGGRAPH 2021, does it in two dimensions).

    Parameters
    ----------
    rows : np.ndarray [shape=(t, n)]
        Finite.

    Returns
    -------
    np.ndarray [shape=(t, n)]
    """
    count, columns = rows.shape
    tiles = -(-count // _TILE)
    before_and_after = _mirrored(count, _TILE * (tiles + 5))
    medians = np.empty_like(rows)
    for start in range(0, columns, _COLUMNS):
        part = np.ascontiguousarray(rows[:, start : start + _COLUMNS])[before_and_after]
        medians[:, start : start + _COLUMNS] = _medians(part, tiles)[:count]
    return medians


def _mirrored(count: int, total: int) -> NDArray[np.int64]:
    """Return which of `count` rows stand at -15 and on, mirrored as often as it takes."""
    at = np.arange(-_HALF, total - _HALF) % (2 * count)
    return np.minimum(at, 2 * count - 1 - at)


def _medians(rows: Float32, tiles: int) -> Float32:
    """Return the medians of windows beginning at each of the first 8 `tiles` rows."""
    of_phase = [np.ascontiguousarray(rows[phase::_TILE]) for phase in range(_TILE)]

    def at(row: int, count: int = tiles) -> Float32:
        """Return the row so many after each tile's first, for the first `count` tiles."""
        tile, phase = divmod(row, _TILE)
        return of_phase[phase][tile : tile + count]

    def four(row: int) -> Sorted:
        """Return four rows from `row` on, sorted, for the tiles and the three after them."""
        a, b, c, d = (at(row + i, tiles + 3) for i in range(4))
        return _merge(_merge([a], [b]), _merge([c], [d]))

    def after(run: Sorted, by: int, count: int = tiles) -> Sorted:
        return [each[by : by + count] for each in run]

    third, seventh = four(3), four(7)
    eight = _merge(after(seventh, 0, tiles + 2), after(third, 1, tiles + 2))
    sixteen = _merge(after(eight, 0), after(eight, 1))
    last = after(eight, 2)
    shared = [_rank(sixteen, last, rank) for rank in range(9, 17)]

    medians = np.empty((tiles, _TILE, rows.shape[1]), rows.dtype)
    for begin, run in ((0, after(third, 0)), (4, after(seventh, 3))):
        middle = [_among(shared[rank - 13 : rank - 8], run) for rank in (13, 14, 15, 16)]
        left = _merge([at(begin + 1)], [at(begin + 2)])
        right = _merge([at(begin + 31)], [at(begin + 32)])
        others = (
            _merge([at(begin)], left),
            _merge(left, [at(begin + 31)]),
            _merge([at(begin + 2)], right),
            _merge(right, [at(begin + 33)]),
        )
        for window, three in enumerate(others, begin):
            medians[:, window] = _among(middle, three)
    return medians.reshape(-1, rows.shape[1])


def _merge(a: Sorted, b: Sorted) -> Sorted:
    """Return two sorted runs as one, by Batcher's odd-even merging network.

    References
    ----------
    Knuth, The Art of Computer Programming, volume 3, section 5.3.4.
    """
    if not a or not b:
        return a or b
    if len(a) == len(b) == 1:
        return [np.minimum(a[0], b[0]), np.maximum(a[0], b[0])]
    odd, even = _merge(a[::2], b[::2]), _merge(a[1::2], b[1::2])
    merged = odd[:1]
    for x, y in zip(odd[1:], even, strict=False):
        merged += [np.minimum(x, y), np.maximum(x, y)]
    return merged + odd[1 + len(even) :] + even[len(odd) - 1 :]


def _rank(a: Sorted, b: Sorted, rank: int) -> Float32:
    """Return the `rank`-th smallest, from 1, of two sorted runs.

    Of all ways to take so many from the beginnings of both, it is the one whose last is smallest.
    """
    ways = []
    for of_a in range(max(0, rank - len(b)), min(rank, len(a)) + 1):
        lasts = [*a[:of_a][-1:], *b[: rank - of_a][-1:]]
        ways.append(reduce(np.maximum, lasts))
    return reduce(np.minimum, ways)


def _among(run: Sorted, more: Sorted) -> Float32:
    """Return what takes the place of `run`'s last once the values of `more`, one fewer, join it.

    What comes before `run` in sorted order may be left out.
    """
    above = map(np.maximum, run[-2::-1], more)
    return reduce(np.minimum, above, run[-1])
