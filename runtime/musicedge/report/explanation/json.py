"""An explanation as a JSON object of schema 1 (docs/explanation.schema.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from musicedge.library import displayed

if TYPE_CHECKING:
    from musicedge.explanation import Explanation


def explanation_object(explanation: Explanation) -> dict[str, Any]:
    """Return the JSON object, whose path every encoding of Unicode can hold."""
    path = explanation.analysis.path
    return {**explanation.to_dict(), "path": None if path is None else displayed(path)}
