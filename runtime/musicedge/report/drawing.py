"""Lines of a terminal in columns of fixed width: labels, bars, values, each cut to its room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from musicedge.report.text import Row, bar

GAP = "  "  # between label, bar and value
LEAST_BAR = 4  # columns: a shorter bar says nothing

FIRST_GENRE, GENRE = "bold cyan", "cyan"
MOOD_STYLES = {"valence": "yellow", "arousal": "red", "danceability": "magenta"}


@dataclass(frozen=True)
class RowWidths:
    """The widths in columns of a row's parts; `bar` is below `LEAST_BAR` where there is no room."""

    label: int
    bar: int
    value: int

    @classmethod
    def fitting(cls, rows: Sequence[Row], width: int) -> RowWidths:
        """Return the widths with which the rows fill lines of `width` columns."""
        value = max((len(row.value) for row in rows), default=0)
        label = max((cell_len(row.label) for row in rows), default=0)
        label = min(label, max(width - value - len(GAP), 1))
        return cls(label, width - label - value - 2 * len(GAP), value)


class Pen:
    """Draws parts of lines.

    Parameters
    ----------
    ascii_only
        Whether the terminal can show ASCII only.
    """

    def __init__(self, *, ascii_only: bool) -> None:
        self.ascii_only = ascii_only

    def row(self, row: Row, widths: RowWidths, style: str, strong: str = "") -> Text:
        """Return a row as a line; `strong` is the style of its label and value."""
        cells = [self.cell(row.label, widths.label, strong)]
        if widths.bar >= LEAST_BAR:
            length = bar(row.fraction, widths.bar, ascii_only=self.ascii_only)
            cells.append(self.cell(length, widths.bar, style))
        return joined(GAP, *cells, self.cell(row.value, widths.value, strong, right=True))

    def cell(self, text: str, width: int, style: str = "", *, right: bool = False) -> Text:
        """Return a text cut or filled to a width in columns."""
        text = self.cut(text, width)
        gap = " " * (width - cell_len(text))
        return Text(gap + text if right else text + gap, style)

    def cut(self, text: str, width: int, *, keep_end: bool = False) -> str:
        """Shorten a text to a width in columns; a path keeps its end, where the file's name is."""
        if cell_len(text) <= width:
            return text
        dots = ("..." if self.ascii_only else "…")[: max(width, 0)]
        room = max(width - len(dots), 0)
        if keep_end:
            return dots + set_cell_size(text[::-1], room)[::-1]
        return set_cell_size(text, room) + dots


def joined(gap: str, *cells: Text) -> Text:
    """Return the cells as one line that never wraps."""
    line = Text(gap, no_wrap=True, overflow="crop").join(cells)
    line.no_wrap, line.overflow = True, "crop"
    return line
