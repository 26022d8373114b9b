"""An explanation as text for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from musicedge.library import named
from musicedge.report.explanation.words import sentences, title

if TYPE_CHECKING:
    from musicedge.explanation import Explanation

_INDENT = "  "


def explanation_text(explanation: Explanation, width: int | None = None) -> str:
    """Return an explanation as indented lines.

    Parameters
    ----------
    explanation
        What was found.
    width
        Columns of the terminal; None leaves each sentence on one line, as a pipe wants it.
    """
    model = explanation.analysis.model
    path = named(explanation.analysis.path or "")
    lines = [f"{path}: {title(explanation)}, {model.name} {model.variant}"]
    for sentence in sentences(explanation):
        lines += _wrapped(sentence, width)
    return "\n".join(lines) + "\n"


def _wrapped(sentence: str, width: int | None) -> list[str]:
    if width is None:
        return [_INDENT + sentence]
    return textwrap.wrap(
        sentence, max(width, 20), initial_indent=_INDENT, subsequent_indent=2 * _INDENT
    )
