"""Scores as Markdown tables: systems side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def results_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return one table: a row a score, a column a system.

    Fold scores are mean +- standard deviation over the folds; scores of a collection that was not
    trained on are a value with its 95 % interval.

    Parameters
    ----------
    results
        What `musicedge_training.study.run` returns, one for each system.
    """
    names = [str(result["system"]) for result in results]
    lines = [f"| score | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for key in dict.fromkeys(key for result in results for key in result["folds"]):
        cells = [_fold_cell(result["folds"].get(key)) for result in results]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    for collection in dict.fromkeys(key for result in results for key in result["collections"]):
        cells = [
            _interval_cell(result["collections"].get(collection, {}).get("genre/accuracy"))
            for result in results
        ]
        lines.append(f"| genre/accuracy, trained without {collection} | {' | '.join(cells)} |")
    for key in dict.fromkeys(key for result in results for key in result["music"]):
        cells = [
            f"{result['music'][key]:.4f}" if key in result["music"] else "" for result in results
        ]
        lines.append(f"| music/{key} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _fold_cell(score: Mapping[str, Any] | None) -> str:
    return "" if score is None else f"{score['fold_mean']:.3f} ± {score['fold_sd']:.3f}"


def _interval_cell(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    low, high = score["interval95"]
    return f"{score['value']:.3f} ({low:.3f} to {high:.3f})"
