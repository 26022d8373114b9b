"""What one benchmark run found, and which of the project's budgets it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from musicedge_benchmarks import coldstart, endurance, frontend_speed, live, memory, throughput
from musicedge_benchmarks.coldstart import ColdStart
from musicedge_benchmarks.comparison import Row
from musicedge_benchmarks.endtoend import EndToEnd
from musicedge_benchmarks.endurance import Endurance
from musicedge_benchmarks.frontend_speed import FrontEndSpeed
from musicedge_benchmarks.growth import Growth
from musicedge_benchmarks.live import Live
from musicedge_benchmarks.machine import Load, Machine
from musicedge_benchmarks.memory import MEGABYTE, Memory
from musicedge_benchmarks.peers.measure import Peers
from musicedge_benchmarks.throughput import Throughput
from musicedge_benchmarks.worth import Worths

FORMAT = 1


@dataclass(frozen=True)
class Budget:
    """A figure beside what it may be.

    Attributes
    ----------
    name, measured, unit
        The figure.
    limit
        What it may be.
    at_most
        Whether the limit is the most that is allowed; else it is the least.
    """

    name: str
    measured: float
    unit: str
    limit: float
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the figure keeps to the limit."""
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit


@dataclass(frozen=True)
class ModelMeasured:
    """Which model was measured."""

    name: str
    variant: str
    sha256: str
    bytes: int


@dataclass
class Results:
    """All that was measured; what is None was not, or not yet.

    Attributes
    ----------
    machine, model
        On what, and which.
    audio
        What the clips were made of.
    quick
        Whether it was the short run.
    load
        How busy others kept the machine, before and, once it has ended, after.
    notes
        What a reader should know.
    interrupted
        Whether it was stopped before its end.
    """

    machine: Machine
    model: ModelMeasured
    audio: str
    quick: bool
    load: list[Load]
    notes: list[str] = field(default_factory=list)
    cold_start: ColdStart | None = None
    throughput: Throughput | None = None
    front_end: FrontEndSpeed | None = None
    memory: Memory | None = None
    live: Live | None = None
    endurance: Endurance | None = None
    models: list[Row] = field(default_factory=list)
    end_to_end: EndToEnd = field(default_factory=EndToEnd)
    worths: Worths | None = None
    peers: Peers | None = None
    growth: Growth | None = None
    interrupted: bool = False

    def budgets(self) -> Iterator[Budget]:
        """Yield the budgets whose figures are there."""
        if self.cold_start is not None:
            yield Budget(
                "cold start, over the floor", self.cold_start.ratio.median, "x", coldstart.LIMIT
            )
        if self.throughput is not None:
            speed = self.throughput.times_real_time.median
            yield Budget("throughput", speed, "x real time", throughput.LIMIT, at_most=False)
        if self.front_end is not None and self.front_end.to_librosa is not None:
            ratio = self.front_end.to_librosa.median
            yield Budget("log-mel, over librosa", ratio, "x", frontend_speed.LIMIT)
        if self.memory is not None:
            yield Budget("peak memory", self.memory.peak / MEGABYTE, "MB", memory.LIMIT)
        if self.live is not None:
            first, compute = self.live.first_reading.median, self.live.compute[0]
            share = compute.ms.p95 / (10 * self.live.every)
            yield Budget("live: first reading", first, "s", live.FIRST_LIMIT)
            yield Budget("live: compute, 95 %", share, "% of a step", live.COMPUTE_LIMIT)
            yield Budget("live: load", compute.load, "% of a core", live.LOAD_LIMIT)
        if self.endurance is not None:
            growth = self.endurance.growth / MEGABYTE
            yield Budget("live: growth of memory", growth, "MB", endurance.LIMIT)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as a JSON-ready object."""
        budgets = [{**asdict(budget), "holds": budget.holds} for budget in self.budgets()]
        return {"format": FORMAT, **asdict(self), "budgets": budgets}
