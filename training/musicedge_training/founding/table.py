"""The founding study's results and findings as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicedge_training.datasets.track import MOODS
from musicedge_training.founding.findings import Finding

_COLUMNS = {
    "accuracy": "genre/accuracy",
    "macro-F1": "genre/macro-f1",
    **{mood: f"{mood}/spearman" for mood in MOODS},
}


def results_table(results: Sequence[Mapping[str, Any]], largest_class: float) -> str:
    """Return the table: scores with 95 % intervals, moods as Spearman within their sources.

    Columns that no result has a score for are left out. Losses are those of the validation part,
    after the first epoch and after the best one.

    Parameters
    ----------
    results
        As `musicedge_training.founding.grid.Grid` gives them.
    largest_class
        The accuracy of always naming the largest class, a row of its own beside genres.
    """
    shown = {
        title: key
        for title, key in _COLUMNS.items()
        if any(key in result["scores"] for result in results)
    }
    titles = ["experiment", *shown, "first loss", "best loss", "epochs", "seconds"]
    lines = [f"| {' | '.join(titles)} |", "| --- " * len(titles) + "|"]
    if "accuracy" in shown:
        empty = [""] * (len(titles) - 2)
        cells = ["always the largest class", f"{largest_class:.3f}", *empty]
        lines.append(f"| {' | '.join(cells)} |")
    for result in results:
        losses = result["validation_losses"]
        cells = [
            result["name"],
            *(_cell(result["scores"].get(key)) for key in shown.values()),
            f"{losses[0]:.3f}",
            f"{min(losses):.3f}",
            f"{result['best_epoch']} of {len(losses)}",
            f"{result['seconds']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def findings_table(findings: Sequence[Finding]) -> str:
    """Return the table of what was concluded once and what this data says of it."""
    rows = [
        f"| {each.claim.statement} | {each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f}) "
        f"| {each.verdict} |"
        for each in findings
    ]
    return "\n".join(["| finding | difference | here |", "| --- | --- | --- |", *rows])


def _cell(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    low, high = score["interval95"]
    return f"{score['value']:.3f} ({low:.3f} to {high:.3f})"
