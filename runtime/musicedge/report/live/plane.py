"""The mood plane: valence across, arousal up, and the way that the music has taken over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from rich.text import Text

from musicedge.analysis import mood_words

LEAST_WIDTH, LEAST_HEIGHT = 19, 7  # columns and lines, with the frame

Point = tuple[float, float]  # valence and arousal, in [0, 1]
_Cell = tuple[str, str]  # a character and its style

# Characters by their names here, in Unicode and in ASCII.
_NAMES = (
    "corners",
    "across",
    "down",
    "middle_across",
    "middle_down",
    "cross",
    "tees",
    "up",
    "here",
)
_UNICODE = dict(zip(_NAMES, ("╭╮╰╯", "─", "│", "┄", "┆", "┼", "┬┴├┤", "↑", "●"), strict=True))
_ASCII = dict(zip(_NAMES, ("++++", "-", "|", ".", ".", ".", "++++", "^", "@"), strict=True))

_BRAILLE = 0x2800  # the empty cell of Unicode's block "Braille Patterns"
_ACROSS, _DOWN = 2, 4  # dots of a Braille cell
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of each dot, line by line
_ASCII_TRAIL = "o"

_FRAME, _WORD = "dim", "dim italic"
_OLD, _RECENT, _HERE = "dim yellow", "yellow", "bold yellow"
_RECENT_SHARE = 0.4  # of the trail is drawn bright


def plane(
    trail: Sequence[Point], width: int, height: int, *, ascii_only: bool = False
) -> list[Text]:
    """Draw the plane, of an odd number of lines and columns so that it has a middle.

    Parameters
    ----------
    trail
        Valence and arousal, both in [0, 1], from the oldest to the present one; may be empty.
    width, height
        The columns and lines that there are; at least `LEAST_WIDTH` and `LEAST_HEIGHT`.
    ascii_only
        Whether the terminal can show ASCII only.

    References
    ----------
    Russell, "A circumplex model of affect", Journal of Personality and Social Psychology 39 (1980).
    """
    signs = _ASCII if ascii_only else _UNICODE
    columns, rows = (width - 1) // 2 * 2 - 1, (height - 1) // 2 * 2 - 1
    cells = _empty(columns, rows, signs)
    _draw_trail(cells, trail, ascii_only)
    if trail:
        column, row = _dot(trail[-1], columns, rows)
        cells[row][column] = (signs["here"], _HERE)
    upper_left, upper_right, lower_left, lower_right = tuple(signs["corners"])
    upper, lower, left, right = tuple(signs["tees"])
    top = _edge(f" arousal {signs['up']} ", columns, signs["across"], upper)
    bottom = _edge(" valence > " if ascii_only else " valence → ", columns, signs["across"], lower)
    lines = [[(upper_left + top + upper_right, _FRAME)]]
    for index, cells_of_row in enumerate(cells):
        ends = (left, right) if index == rows // 2 else (signs["down"], signs["down"])
        lines.append([(ends[0], _FRAME), *_runs(cells_of_row), (ends[1], _FRAME)])
    lines.append([(lower_left + bottom + lower_right, _FRAME)])
    return [Text.assemble(*line, no_wrap=True, overflow="crop") for line in lines]


def _empty(columns: int, rows: int, signs: dict[str, str]) -> list[list[_Cell]]:
    """Return the cells without a trail: both middles, and in the corners what they mean."""
    cells = [[(" ", "")] * columns for _ in range(rows)]
    cells[rows // 2] = [(signs["middle_across"], _FRAME)] * columns
    for row in cells:
        row[columns // 2] = (signs["middle_down"], _FRAME)
    cells[rows // 2][columns // 2] = (signs["cross"], _FRAME)
    for valence, arousal in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        word = mood_words(valence, arousal).partition(",")[0]
        begin = columns - 1 - len(word) if valence else 1
        row = cells[0 if arousal else rows - 1]
        row[begin : begin + len(word)] = [(letter, _WORD) for letter in word]
    return cells


def _runs(cells: Sequence[_Cell]) -> Iterator[_Cell]:
    """Join neighbours of the same style, so that the terminal gets fewer of its codes."""
    for style, run in groupby(cells, key=itemgetter(1)):
        yield "".join(sign for sign, _ in run), style


def _edge(caption: str, columns: int, across: str, tee: str) -> str:
    """Return a horizontal edge without its corners, and in it what its direction means."""
    half = columns // 2
    line = across * half + tee + across * (columns - half - 1)
    return caption + line[len(caption) :]


def _draw_trail(cells: list[list[_Cell]], trail: Sequence[Point], ascii_only: bool) -> None:
    across, down = (1, 1) if ascii_only else (_ACROSS, _DOWN)
    width, height = len(cells[0]) * across, len(cells) * down
    dots = [_dot(point, width, height) for point in trail]
    bright = len(dots) * (1 - _RECENT_SHARE)
    bits: dict[tuple[int, int], int] = {}
    for age, (begin, end) in enumerate(pairwise(dots)):
        for x, y in _between(begin, end):
            row, column = y // down, x // across
            bits[row, column] = bits.get((row, column), 0) | _BITS[y % down][x % across]
            sign = _ASCII_TRAIL if ascii_only else chr(_BRAILLE + bits[row, column])
            cells[row][column] = (sign, _RECENT if age >= bright else _OLD)


def _dot(point: Point, width: int, height: int) -> tuple[int, int]:
    """Return the column and line, from the upper left, of a point on a grid."""
    valence, arousal = (min(max(value, 0.0), 1.0) for value in point)
    return min(int(valence * width), width - 1), min(int((1 - arousal) * height), height - 1)


def _between(begin: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Return the dots of a straight line, both ends included."""
    steps = max(abs(end[0] - begin[0]), abs(end[1] - begin[1]), 1)
    for step in range(steps + 1):
        x, y = (a + (b - a) * step / steps for a, b in zip(begin, end, strict=True))
        yield round(x), round(y)
