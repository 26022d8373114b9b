"""Results as text for people: the budgets first, then what lies behind each."""

from __future__ import annotations

from collections.abc import Iterator

from musicedge_benchmarks.coldstart import ColdStart
from musicedge_benchmarks.endurance import Endurance
from musicedge_benchmarks.frontend_speed import FrontEndSpeed
from musicedge_benchmarks.growth import Growth
from musicedge_benchmarks.live import Live
from musicedge_benchmarks.memory import MEGABYTE, Memory
from musicedge_benchmarks.results import Budget, Results
from musicedge_benchmarks.rounds import Percentiles, Spread
from musicedge_benchmarks.tables import as_text, tables
from musicedge_benchmarks.throughput import Throughput


def text(results: Results, width: int | None = None) -> str:
    """Return the report, which ends with a line break.

    Parameters
    ----------
    results
        What was measured.
    width
        Characters in a line of the terminal; None for any.
    """
    lines = list(_head(results))
    details = list(_details(results, width))
    if (budgets := list(results.budgets())) or not details:
        lines += ["", *_budgets(budgets)]
    for detail in details:
        lines += ["", *detail]
    notes = [*results.notes, *(["interrupted: not all was measured"] * results.interrupted)]
    if notes:
        lines += ["", *(f"note: {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _head(results: Results) -> Iterator[str]:
    machine, model = results.machine, results.model
    yield (
        f"{model.name}.{model.variant} ({model.bytes:,} bytes, SHA-256 {model.sha256[:12]}...), "
        f"{machine.date}{', quick' if results.quick else ''}"
    )
    dots = "" if machine.dot_products else "; no integer dot products"
    governor = f"; governor {machine.governor}" if machine.governor else ""
    flags = f" ({', '.join(machine.flags)}{dots})" if machine.flags else ""
    yield f"{machine.processor}, {machine.cpus} CPUs{flags}; {machine.system}{governor}"
    packages = [f"{name} {found}" for name, found in machine.packages.items()]
    yield ", ".join([f"Python {machine.python}", *packages])
    busy = " and ".join(f"{load.busy:.0%}" for load in results.load)
    averages = [load.average for load in results.load if load.average is not None]
    average = f"; load average {averages[0]:.2f}" if averages else ""
    yield f"others used {busy} of the machine (before and after){average}"
    yield f"audio: {results.audio}"


def _budgets(budgets: list[Budget]) -> Iterator[str]:
    for budget in budgets:
        sense = "at most" if budget.at_most else "at least"
        measured = f"{_figure(budget.measured)} {budget.unit}"
        limit = f"{sense} {budget.limit:g} {budget.unit}"
        yield f"{budget.name:<28}{measured:<20}{limit:<26}{'holds' if budget.holds else 'MISSED'}"
    if not budgets:
        yield "nothing was measured"


def _details(results: Results, width: int | None) -> Iterator[list[str]]:
    for table in tables(results):
        yield list(as_text(table, width))
    if results.cold_start is not None:
        yield list(_cold_start(results.cold_start))
    if results.throughput is not None:
        yield list(_throughput(results.throughput))
    if results.front_end is not None:
        yield list(_front_end(results.front_end))
    if results.memory is not None:
        yield list(_memory(results.memory))
    if results.live is not None:
        yield list(_live(results.live))
    if results.growth is not None and results.growth.files:
        yield list(_growth(results.growth))
    if results.endurance is not None:
        yield list(_endurance(results.endurance))


def _cold_start(found: ColdStart) -> Iterator[str]:
    yield (
        f"cold start: classify --json on a WAV of {found.clip_seconds:g} s, fresh processes, "
        f"{found.classify.count} rounds (quartiles in brackets)"
    )
    yield _row("classify", found.classify, f"processor time {_ms(found.classify_cpu)}")
    yield _row(
        "floor", found.floor, f"processor time {_ms(found.floor_cpu)}; Python, numpy, onnxruntime"
    )
    yield _row("decoding", found.decoding, f"and {_ms(found.decoder_import)} to import soundfile")
    yield (
        f"  (classify - decoding and its import) / floor: {_times(found.ratio)}; "
        f"in processor time {_times(found.ratio_cpu)}"
    )


def _throughput(found: Throughput) -> Iterator[str]:
    yield (
        f"throughput: an MP3 of {found.clip_seconds:g} s, warm, one thread, "
        f"{found.whole.count} rounds"
    )
    yield _row("whole", found.whole, f"{_times(found.times_real_time)} real time")
    stages = {
        "decode + mix": found.decode,
        "resample": found.resample,
        "log-mel": found.logmel,
        "network": found.network,
    }
    for name, spread in stages.items():
        share = spread.median / found.whole.median
        alone = found.clip_seconds / spread.median if spread.median else float("inf")
        yield _row(name, spread, f"{share:.0%}; alone {alone:,.0f} x real time")
    yield f"  {'the rest':<14}{found.rest * 1e3:>8.1f} ms"


def _front_end(found: FrontEndSpeed) -> Iterator[str]:
    yield (
        f"log-mel: a clip of {found.clip_seconds:g} s, warm, one thread, {found.ours.count} rounds"
    )
    yield _row("ours", found.ours, f"{_times(found.to_fft)} the transforms")
    yield _row("rfft alone", found.fft, "NumPy, the same frames, cut and windowed already")
    if found.librosa is not None and found.to_librosa is not None:
        yield _row("librosa", found.librosa, f"ours takes {_times(found.to_librosa)} its time")


def _memory(found: Memory) -> Iterator[str]:
    length = f"{found.clip_seconds / 3600:g} h"
    if found.clip_seconds < 3600:
        length = f"{found.clip_seconds / 60:g} min"
    yield f"memory: classify on a WAV of {length}, 8 kHz, mono"
    yield (
        f"  peak {found.peak / MEGABYTE:.0f} MB resident, "
        f"{found.settled / MEGABYTE:.0f} MB in the first tenth; {found.wall:.1f} s, "
        f"{found.clip_seconds / found.wall:,.0f} x real time"
    )


def _live(found: Live) -> Iterator[str]:
    yield (
        f"live: a reading every {found.every:g} s, in real time (50th, 95th and 99th percentile; "
        f"{found.age.count} readings)"
    )
    yield f"  {'newest sound to reading':<34}{_percentiles(found.age)}"
    yield f"  {'any sound to its first reading':<34}{_percentiles(found.sound_to_reading)}"
    if found.switch_to_music is not None:
        count = f"{found.switch_to_music.count} of {found.switch_to_music.count + found.missed}"
        switch = _percentiles(found.switch_to_music)
        yield f"  {'music begins to music is said':<34}{switch}  ({count} times)"
    else:
        yield f"  music began {found.missed} times, and no reading said so within the window"
    first = found.first_reading
    yield (
        f"  {'process start to first reading':<34}{first.median:.2f} s "
        f"[{first.low:.2f}, {first.high:.2f}], {first.count} starts; a second of it is sound"
    )
    for each in found.compute:
        share = each.ms.p95 / (10 * found.every)
        yield (
            f"  {each.model:<14}{_percentiles(each.ms)} a reading, 95th {share:.1f} % of a step; "
            f"{each.load:.1f} % of a core"
        )
        yield (
            f"  {'  naive loop':<14}{_percentiles(each.naive_ms)}; "
            f"{_times(each.naive_ratio)} the stream's"
        )


def _growth(found: Growth) -> Iterator[str]:
    yield (
        f"growth: classify on WAV files of music, 8 kHz, mono, {found.files[0].wall.count} rounds"
    )
    for file in found.files:
        yield (
            f"  {file.hours:>5.2g} h  {file.wall.median:>7.1f} s  "
            f"processor time {file.cpu.median:>6.1f} s  "
            f"{file.hours * 3600 / file.wall.median:>7,.0f} x real time  "
            f"peak {file.peak / MEGABYTE:.0f} MB"
        )
    yield (
        f"  an hour costs {found.per_hour:.2f} x as much processor time in the second half of the "
        f"longest file as before"
    )
    yield f"  it takes {found.extra_memory / MEGABYTE:.1f} MB more than the shortest"


def _endurance(found: Endurance) -> Iterator[str]:
    yield f"endurance: {found.hours:g} h of listening in virtual time, {found.readings:,} readings"
    warm, end = found.warm / MEGABYTE, found.end / MEGABYTE
    yield (
        f"  {warm:.1f} MB resident when warm, {end:.1f} MB at the end, "
        f"{found.growth / MEGABYTE:.1f} MB of growth at most; {found.wall:.0f} s, "
        f"{3600 * found.hours / found.wall:,.0f} x real time"
    )


def _row(name: str, spread: Spread, remark: str) -> str:
    row = (
        f"  {name:<14}{spread.median * 1e3:>8.1f} ms  "
        f"[{spread.low * 1e3:.1f}, {spread.high * 1e3:.1f}]"
    )
    return f"{row:<48}{remark}".rstrip()


def _ms(spread: Spread) -> str:
    return f"{spread.median * 1e3:.0f} ms"


def _percentiles(found: Percentiles) -> str:
    return f"{found.p50:.1f} / {found.p95:.1f} / {found.p99:.1f} ms"


def _times(spread: Spread) -> str:
    low, high = _figure(spread.low), _figure(spread.high)
    return f"{_figure(spread.median)} x [{low}, {high}]"


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
