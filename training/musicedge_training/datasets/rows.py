"""The tables that labels come in, read row by row: bounded in size, every error with its line."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from musicedge_training.datasets.dataset import DatasetError

MOST_BYTES = 64 * 2**20
"""The largest table that is read; half a million rows of labels are smaller."""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes
    ----------
    table
        The file.
    line
        The number of the row's last line, from 1.
    cells
        By column, without spaces around them; a cell that is missing is empty.
    """

    table: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def error(self, text: str) -> DatasetError:
        """Return the error that says `text` of this row."""
        first = next(iter(self.cells.values()), "")
        return DatasetError(f"{self.table}, line {self.line} ({first!r}): {text}")

    def number(self, column: str, low: float = 0, high: float = 1) -> float | None:
        """Return the number in a cell, None where the cell is empty.

        Raises
        ------
        DatasetError
            It is no number, or not in [low, high].
        """
        cell = self[column]
        if not cell:
            return None
        try:
            value = float(cell)
        except ValueError:
            raise self.error(f"{column} is {cell!r}: must be a number") from None
        if not low <= value <= high:
            raise self.error(f"{column} is {cell}: must be in [{low:g}, {high:g}]")
        return value

    def whole(self, column: str, low: int, high: int) -> int | None:
        """Return the whole number in a cell, None where the cell is empty.

        Raises
        ------
        DatasetError
            It is no whole number, or not one from `low` to `high`.
        """
        cell = self[column]
        if not cell:
            return None
        try:
            value = int(cell)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise self.error(f"{column} is {cell!r}: must be a whole number from {low} to {high}")
        return value


def read_rows(
    path: Path, columns: Sequence[str], *, optional: Sequence[str] = (), separator: str = ","
) -> Iterator[Row]:
    """Yield the rows of a table whose first line names the columns.

    Parameters
    ----------
    path
        UTF-8 text, with or without a byte order mark; empty lines are passed over.
    columns
        Those that must be there, in lower case; the table's own case does not matter.
    optional
        Those that may be there; where one is not, its cells are empty. Others are passed over,
        unless they look like one of these misspelt.
    separator
        What stands between cells.

    Raises
    ------
    DatasetError
        The file is missing, larger than `MOST_BYTES` or no table, a column is missing, misspelt or
        there twice, or a row has more cells than there are columns.
    """
    lines = read_cells(path, separator=separator)
    _, first = next(lines, (1, []))
    header = [name.lower() for name in first]
    _check_header(path, header, columns, optional, separator)
    absent = {column: "" for column in optional if column not in header}
    for line, cells in lines:
        padded = [*cells, *[""] * (len(header) - len(cells))]
        row = Row(path, line, {**dict(zip(header, padded, strict=False)), **absent})
        if any(cells[len(header) :]):
            raise row.error(
                f"{len(cells)} cells for {len(header)} columns; put a cell that holds"
                f" {separator!r} in double quotes"
            )
        yield row


def _check_header(
    path: Path,
    header: Sequence[str],
    columns: Sequence[str],
    optional: Sequence[str],
    separator: str,
) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        found = f"there are {', '.join(map(repr, header))}" if header else "the file is empty"
        if len(header) == 1:
            found = f"there is {header[0]!r} alone; columns are separated by {separator!r}"
        raise DatasetError(f"{path}: there is no column {missing[0]!r}; {found}")
    known = [*columns, *optional]
    twice = [column for column in known if header.count(column) > 1]
    if twice:
        raise DatasetError(f"{path}: the column {twice[0]!r} is there twice")
    for name in header:
        near = difflib.get_close_matches(name, [c for c in optional if c not in header], 1, 0.8)
        if name not in known and near:
            raise DatasetError(f"{path}: there is a column {name!r}; is {near[0]!r} meant?")


def read_cells(
    path: Path, *, separator: str = ",", most_bytes: int = MOST_BYTES
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line of a table and its cells, without spaces around them.

    Raises
    ------
    DatasetError
        The file is missing, larger than `most_bytes`, or no table in UTF-8.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise DatasetError(
                f"{path}: it is {size / 2**20:.0f} MiB, and a table of labels has at most"
                f" {most_bytes / 2**20:.0f}"
            )
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=separator)
            for cells in reader:
                if any(cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: it is no text in UTF-8; save it as CSV in UTF-8") from None
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read as a table: {error}") from error
