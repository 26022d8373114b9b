"""The comparison of models as tables: for a terminal, as Markdown, and as one flat CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from musicedge.analysis import MOODS
from musicedge_benchmarks.comparison import Row
from musicedge_benchmarks.endtoend import EndToEnd
from musicedge_benchmarks.memory import MEGABYTE
from musicedge_benchmarks.peers.measure import Peers
from musicedge_benchmarks.results import Results
from musicedge_benchmarks.rounds import Spread
from musicedge_benchmarks.scoring import Score
from musicedge_benchmarks.worth import Worth, Worths

_SCORES = ("accuracy", "macro_f1", *MOODS)

_COLUMNS = (
    *("model", "provider", "threads", "batch", "window_ms_p50", "window_ms_p95", "window_ms_p99"),
    *("ratio", "ratio_low", "ratio_high", "times_real_time", "opening_s", "peak_bytes"),
    *("file_bytes", "parameters", "macs", "accuracy"),
    *("files_times_real_time", "decode_s", "resample_s", "logmel_s", "network_s", "rest_s"),
    *("mp3_s", "cold_start_s", "cold_start_over_floor", "live_percent"),
    *(f"data_{name}{limit}" for name in _SCORES for limit in ("", "_low", "_high")),
)


class Measured(Protocol):
    """A figure of one model."""

    @property
    def model(self) -> str:
        """Name and variant."""

    @property
    def provider(self) -> str:
        """What it runs on."""


T = TypeVar("T", bound=Measured)


@dataclass(frozen=True)
class Table:
    """What one table shows.

    Attributes
    ----------
    title
        What was measured, in words.
    head
        The names of the columns; the first one's cells are words, the others' figures.
    lines
        The cells of each line.
    """

    title: str
    head: tuple[str, ...]
    lines: list[tuple[str, ...]]


def tables(results: Results) -> Iterator[Table]:
    """Yield the tables of what has been measured of the models."""
    if results.models:
        yield _windows(results.models)
        yield _files(results.models)
    if results.end_to_end.files:
        yield _end_to_end(results.end_to_end)
    if results.worths is not None and results.worths.models:
        yield _worths(results.worths)
    if results.peers is not None and results.peers.macs_per_second is not None:
        yield from _peers(results.peers, results.peers.macs_per_second)


def as_text(table: Table, width: int | None = None) -> Iterator[str]:
    """Yield a title and the table's lines, its columns lined up.

    Parameters
    ----------
    table
        What to show.
    width
        Characters in a line of the terminal: where the table is wider, its columns become lines if
        that is narrower. None for any.
    """
    yield table.title
    lines = _lined_up([table.head, *table.lines])
    if width is not None and len(lines[0]) > width:
        turned = _lined_up(list(zip(table.head, *table.lines, strict=True)))
        lines = min(lines, turned, key=lambda each: len(each[0]))
    yield from lines


def _lined_up(lines: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]


def as_markdown(results: Results) -> str:
    """Return the tables in GitHub's Markdown, with a line break at the end."""
    return "\n".join(_markdown(table) for table in tables(results))


def as_csv(results: Results) -> str:
    """Return one table with bare numbers: milliseconds, seconds and bytes, as the names say.

    What was measured of a model once stands in all its lines; what was not measured is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in results.models:
        window, ratio = row.window, row.to_first
        writer.writerow(
            [
                *(row.model, row.provider, row.threads, row.batch),
                *(window.p50, window.p95, window.p99),
                *(ratio.median, ratio.low, ratio.high, row.times_real_time),
                *(row.opening.median, row.peak, row.bytes, row.parameters, row.macs),
                row.accuracy,
                *_flat(results.end_to_end, row),
                *_flat_scores(results.worths, row),
            ]
        )
    return text.getvalue()


def _flat(found: EndToEnd, row: Row) -> Iterator[float | None]:
    """Yield the last columns of a row of the CSV."""
    file = _of(found.files, row)
    if file is None:
        yield from [None] * 7
    else:
        yield file.times_real_time.median
        for stage in (file.decode, file.resample, file.logmel, file.network):
            yield stage.median
        yield from (file.rest, file.clip_seconds)
    cold, live = _of(found.cold, row), _of(found.live, row)
    yield None if cold is None else cold.classify.median
    yield None if cold is None else cold.ratio.median
    yield None if live is None else live.percent


def _flat_scores(found: Worths | None, row: Row) -> Iterator[float | None]:
    worth = None if found is None else _of(found.models, row)
    for score in [None] * len(_SCORES) if worth is None else _scores(worth):
        yield from (None,) * 3 if score is None else (score.value, score.low, score.high)


def _scores(worth: Worth) -> list[Score | None]:
    """Return the scores in the order of `_SCORES`."""
    return [worth.accuracy, worth.macro_f1, *(worth.spearman.get(mood) for mood in MOODS)]


def _windows(rows: Sequence[Row]) -> Table:
    return Table(
        f"models: windows, so many at once, in turn, {rows[0].window.count} rounds; the "
        "ratio is to the first row",
        ("model", "on", "threads", "batch", "ms a window (50/95/99 %)", "ratio", "x real time"),
        [
            (
                row.model,
                row.provider,
                str(row.threads),
                str(row.batch),
                f"{row.window.p50:.2f} / {row.window.p95:.2f} / {row.window.p99:.2f}",
                _with_quartiles(row.to_first),
                f"{row.times_real_time:,.0f}",
            )
            for row in rows
        ],
    )


def _files(rows: Sequence[Row]) -> Table:
    once = {(row.model, row.provider): row for row in rows}
    return Table(
        "model files; the accuracy is what the card tells of held-out tracks",
        ("model", "on", "opens in", "peak memory", "file", "parameters", "MACs", "accuracy"),
        [
            (
                row.model,
                row.provider,
                f"{row.opening.median * 1e3:.0f} ms",
                f"{row.peak / MEGABYTE:.0f} MB",
                f"{row.bytes / MEGABYTE:.2f} MB",
                f"{row.parameters / 1e6:.2f} M",
                f"{row.macs / 1e6:.0f} M",
                "-" if row.accuracy is None else f"{row.accuracy:.3f}",
            )
            for row in once.values()
        ],
    )


def _end_to_end(found: EndToEnd) -> Table:
    first = found.files[0]
    lines = []
    for file in found.files:
        minute = 60e3 / file.clip_seconds
        cold, live = _of(found.cold, file), _of(found.live, file)
        stages = (file.decode, file.resample, file.logmel, file.network)
        lines.append(
            (
                file.model,
                file.provider,
                f"{file.times_real_time.median:,.0f}",
                _with_quartiles(file.to_first),
                *(f"{minute * stage.median:.1f}" for stage in stages),
                f"{minute * file.rest:.1f}",
                "-" if cold is None else f"{cold.classify.median * 1e3:.0f} ms",
                "-" if cold is None else f"{cold.ratio.median:.2f} x",
                "-" if live is None else f"{live.percent:.1f} %",
            )
        )
    return Table(
        f"from file to result: an MP3 of {first.clip_seconds:g} s, warm, one thread, "
        f"{first.whole.count} rounds; stages in ms a minute of music",
        (
            *("model", "on", "x real time", "ratio"),
            *("decode", "resample", "log-mel", "network", "rest"),
            *("cold start", "/ floor", "live load"),
        ),
        lines,
    )


def _worths(found: Worths) -> Table:
    first = found.models[0]
    of = "" if first.tracks == found.tracks else f" of {found.tracks}"
    return Table(
        f"scores on {first.tracks}{of} tracks of {found.source}, with 95 % intervals over groups; "
        "moods: Spearman within each source of labels.\nOn tracks that a model was trained on, "
        "they flatter it",
        (
            *("model", "on", "accuracy", "macro-F1", *MOODS),
            *("no music", "other genres"),
        ),
        [
            (
                *(worth.model, worth.provider, *map(_with_interval, _scores(worth))),
                *(str(worth.without_music), str(worth.unknown_genre)),
            )
            for worth in found.models
        ],
    )


def _peers(found: Peers, macs_per_second: Spread) -> Iterator[Table]:
    for stage in dict.fromkeys(each.stage for each in found.times):
        rate = ""
        if stage == "from file to result":
            rate = f"; GEMM rate {macs_per_second.median / 1e9:.1f} G MACs a second"
        yield Table(
            f"{stage}: {found.clip_seconds:g} s of MP3, one thread, in turn, "
            f"{macs_per_second.count} rounds{rate}",
            ("", "ms", "quartiles", "x real time", "our time over it"),
            [
                (
                    f"floor: {each.name}" if each.is_floor else each.name,
                    f"{1e3 * each.taken.median:.1f}",
                    f"{1e3 * each.taken.low:.1f} to {1e3 * each.taken.high:.1f}",
                    f"{found.clip_seconds / each.taken.median:,.0f}",
                    _with_quartiles(each.ours_over),
                )
                for each in found.times
                if each.stage == stage
            ],
        )


def _with_interval(score: Score | None) -> str:
    if score is None:
        return "-"
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def _of(measured: Sequence[T], row: Measured) -> T | None:
    """Return what was measured of the same model on the same provider."""
    same = (row.model, row.provider)
    return next((each for each in measured if (each.model, each.provider) == same), None)


def _with_quartiles(spread: Spread) -> str:
    return f"{spread.median:.2f} [{spread.low:.2f}, {spread.high:.2f}]"


def _markdown(table: Table) -> str:
    lines = [table.head, ("---", *["---:"] * (len(table.head) - 1)), *table.lines]
    cells = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{table.title[0].upper()}{table.title[1:]}:\n\n{cells}"
