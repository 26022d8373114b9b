"""Running medians, as fast as sorting networks on whole arrays make them."""

from __future__ import annotations

from functools import reduce
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

WIDTH = 31
"""Rows of a median; librosa's default for the separation of percussion."""

_HALF = WIDTH // 2
_TILE = 4  # neighbouring medians that share the sorting of what they have in common
_COLUMNS = 48  # at once: what is being sorted then stays in a cache

Float32 = NDArray[np.float32]
Sorted = list[Float32]  # arrays of one shape, at each place in ascending order


def running_median(rows: Float32) -> Float32:
    """Return the median of the 31 rows around each, column by column, mirrored at the ends.

    Equal to ``scipy.ndimage.median_filter(rows, (31, 1), mode="reflect")``.

    Four neighbouring windows have 28 rows in common. Of those, only the 13th to 16th are asked for,
    found from a sorted 16 and a sorted 12, and the windows' other three rows are put among them.
    What is sorted are whole arrays at once, by networks of minima and maxima; sorted pieces are
    shared by all windows that hold them (Adams, "Fast median filters using separable sorting
    networks", SIGGRAPH 2021, does it in two dimensions).

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
    before_and_after = _mirrored(count, _TILE * (tiles + 8))
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
    """Return the medians of windows beginning at each of the first 4 `tiles` rows."""
    of_phase = [np.ascontiguousarray(rows[phase::_TILE]) for phase in range(_TILE)]

    def at(row: int) -> Float32:
        """Return the row so many after each tile's first, for all tiles."""
        tile, phase = divmod(row, _TILE)
        return of_phase[phase][tile : tile + tiles]

    def shifted(run: Sorted, by: int, count: int) -> Sorted:
        return [each[by : by + count] for each in run]

    # Sorted runs begin at the fourth row of each tile; the shared 28 are 16, then 8, then 4.
    last = len(of_phase[0]) - 1
    begin = [of_phase[3][:-1], *(of_phase[phase][1:] for phase in range(3))]
    four = _merge(_merge(begin[:1], begin[1:2]), _merge(begin[2:3], begin[3:]))
    eight = _merge(shifted(four, 0, last - 1), shifted(four, 1, last - 1))
    sixteen = _merge(shifted(eight, 0, tiles), shifted(eight, 2, tiles))
    twelve = _merge(shifted(eight, 4, tiles), shifted(four, 6, tiles))
    middle = [_rank(sixteen, twelve, rank) for rank in (16, 15, 14, 13)]

    left, right = _merge([at(1)], [at(2)]), _merge([at(31)], [at(32)])
    others = [
        _merge([at(0)], left),
        _merge(left, [at(31)]),
        _merge([at(2)], right),
        _merge(right, [at(33)]),
    ]
    medians = np.empty((tiles, _TILE, rows.shape[1]), rows.dtype)
    for window, three in enumerate(others):
        above = starmap(np.maximum, zip(middle[1:], three, strict=True))
        medians[:, window] = reduce(np.minimum, above, middle[0])
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
