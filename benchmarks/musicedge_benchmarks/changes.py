"""What changed since an earlier run: times over what they were, and whether chance did it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicedge.errors import MusicedgeError

if TYPE_CHECKING:
    from musicedge_benchmarks.comparison import Row
    from musicedge_benchmarks.results import Results

_MAX_BYTES = 64 << 20
_DRAWS = 2000


class EarlierRunError(MusicedgeError):
    """A file is not what `musicedge bench --json` wrote."""


@dataclass(frozen=True)
class Change:
    """One row's time over that of the same row in an earlier run.

    Attributes
    ----------
    ratio, low, high
        Of the medians, with a 95 % bootstrap interval over the rounds of both runs.
    """

    model: str
    provider: str
    threads: int
    batch: int
    ratio: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """Whether it is faster or slower by more than the rounds of one run differ."""
        if self.high < 1:
            return "faster"
        return "slower" if self.low > 1 else "no clear change"


def load_earlier(path: Path) -> Mapping[str, Any]:
    """Read what an earlier run printed with ``--json``.

    Raises
    ------
    EarlierRunError
        The file cannot be read, or holds no comparison of models.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        values = json.loads(path.read_text("utf-8"))
        rows = {_key(row): [float(each) for each in row["times"]] for row in values["models"]}
        if not rows or not all(rows.values()):
            raise ValueError("it holds no comparison of models")
        return {"times": rows, "machine": str(values["machine"]["processor"])}
    except OSError as error:
        raise EarlierRunError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise EarlierRunError(
            f"{path}: not what `musicedge bench --only models --json` prints ({reason})"
        ) from None


def changes(rows: Sequence[Row], earlier: Mapping[str, Any]) -> list[Change]:
    """Compare rows with those of the same model and setting in an earlier run.

    Parameters
    ----------
    rows
        Of this run; those that the earlier one lacks are left out.
    earlier
        What `load_earlier` gives.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    found = []
    for row in rows:
        setting = (row.model, row.provider, row.threads, row.batch)
        before = earlier["times"].get(setting)
        if before is None:
            continue
        medians = [
            np.median(rng.choice(values, (_DRAWS, len(values))), axis=1)
            for values in (row.times, before)
        ]
        low, high = np.quantile(medians[0] / medians[1], (0.025, 0.975)).tolist()
        ratio = float(np.median(row.times) / np.median(before))
        found.append(Change(*setting, ratio, low, high))
    return found


def as_text(results: Results, earlier: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that say what changed."""
    yield "milliseconds a window, over the earlier run (95 % interval over the rounds of both)"
    found = changes(results.models, earlier)
    width = max((len(each.model) for each in found), default=0)
    for each in found:
        yield (
            f"  {each.model:<{width}}  {each.provider}, threads {each.threads}, "
            f"windows at once {each.batch}:  "
            f"{each.ratio:.2f} x [{each.low:.2f}, {each.high:.2f}]  {each.words}"
        )
    if not found:
        yield "  no model was measured in both, with the same threads"
    if earlier["machine"] != results.machine.processor:
        yield f"note: the earlier run was on another processor, {earlier['machine']}"
    yield "note: two runs meet a machine in two moods; a ratio within one run can be trusted more"


def _key(row: Mapping[str, Any]) -> tuple[str, str, int, int]:
    provider = row.get("provider", "CPU")  # the first runs told none
    return str(row["model"]), str(provider), int(row["threads"]), int(row["batch"])
