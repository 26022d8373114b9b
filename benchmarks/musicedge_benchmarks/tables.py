"""The comparison of models as a table: for a terminal, as Markdown, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from musicedge_benchmarks.comparison import Row
from musicedge_benchmarks.memory import MEGABYTE

_HEAD = (
    *("model", "threads", "batch", "ms a window (50/95/99 %)", "ratio", "x real time"),
    *("opens in", "peak memory", "file", "parameters", "multiply-adds", "accuracy"),
)
_COLUMNS = (
    *("model", "threads", "batch", "window_ms_p50", "window_ms_p95", "window_ms_p99"),
    *("ratio", "ratio_low", "ratio_high", "times_real_time", "opening_s", "peak_bytes"),
    *("file_bytes", "parameters", "macs", "accuracy"),
)


def as_text(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the table's lines, its columns lined up."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        name, *rest = zip(line, widths, strict=True)
        yield "  ".join([name[0].ljust(name[1]), *(cell.rjust(width) for cell, width in rest)])


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table in GitHub's Markdown, with a line break at its end."""
    lines = [_HEAD, ("---", *["---:"] * (len(_HEAD) - 1)), *map(_cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table with bare numbers: milliseconds, seconds and bytes, as the names say."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        window, ratio = row.window, row.to_first
        writer.writerow(
            [
                *(row.model, row.threads, row.batch, window.p50, window.p95, window.p99),
                *(ratio.median, ratio.low, ratio.high, row.times_real_time),
                *(row.opening.median, row.peak, row.bytes, row.parameters, row.macs),
                row.accuracy,
            ]
        )
    return text.getvalue()


def _cells(row: Row) -> tuple[str, ...]:
    window, ratio = row.window, row.to_first
    return (
        row.model,
        str(row.threads),
        str(row.batch),
        f"{window.p50:.2f} / {window.p95:.2f} / {window.p99:.2f}",
        f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]",
        f"{row.times_real_time:,.0f}",
        f"{row.opening.median * 1e3:.0f} ms",
        f"{row.peak / MEGABYTE:.0f} MB",
        f"{row.bytes / MEGABYTE:.2f} MB",
        f"{row.parameters / 1e6:.2f} M",
        f"{row.macs / 1e6:.0f} M",
        "" if row.accuracy is None else f"{row.accuracy:.3f}",
    )
