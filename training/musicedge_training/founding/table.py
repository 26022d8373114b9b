"""The founding study's results as a Markdown table, a row an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicedge_training.datasets.track import MOODS

_COLUMNS = {
    "accuracy": "genre/accuracy",
    "macro-F1": "genre/macro-f1",
    **{mood: f"{mood}/spearman" for mood in MOODS},
}


def results_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the table: scores with 95 % intervals, moods as Spearman within their sources.

    Columns that no result has a score for are left out.
    """
    shown = {
        title: key
        for title, key in _COLUMNS.items()
        if any(key in result["scores"] for result in results)
    }
    titles = ["experiment", *shown, "epochs", "seconds"]
    lines = [f"| {' | '.join(titles)} |", "| --- " * len(titles) + "|"]
    for result in results:
        cells = [
            result["name"],
            *(_cell(result["scores"].get(key)) for key in shown.values()),
            f"{result['best_epoch']} of {len(result['validation_losses'])}",
            f"{result['seconds']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    low, high = score["interval95"]
    return f"{score['value']:.3f} ({low:.3f} to {high:.3f})"
