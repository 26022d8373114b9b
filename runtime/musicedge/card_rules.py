"""The rules that values of a card are held to: each refuses with the value and what it must be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

MAX_NAME = 64
MAX_PROSE = 4096
"""Characters of a name, and of a text."""

_MAX_NESTING = 8


def check_keys(what: str, values: Mapping[str, Any], cls: type[Any]) -> None:
    known = {field.name for field in fields(cls)}
    for key in values:
        check_one_of(f"a key of the {what}", key, tuple(known))
    if missing := known - set(values):
        raise ValueError(f"the {what} lacks {', '.join(sorted(missing))}")


def check_one_of(what: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        from difflib import get_close_matches

        near = get_close_matches(str(value), known, 1)
        hint = f"perhaps {near[0]!r}" if near else f"known are {', '.join(sorted(known))}"
        raise ValueError(f"{what} is {value!r}, which is not known: {hint}")


def check_text(what: str, value: Any, most: int, *, least: int = 0) -> None:
    """Refuse what is no text, too long, or could steer a terminal."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is {value!r}: must be a text")
    if not least <= len(value) <= most:
        raise ValueError(f"{what} has {len(value)} characters: must be {least} to {most}")
    if not value.isprintable():
        raise ValueError(f"{what} is {value[:MAX_NAME]!r}: must be one line of printable text")


def check_number(what: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{what} is {value!r}: must be a number from {low:g} to {high:g}")


def check_whole(what: str, value: Any, most: int, *, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{what} is {value!r}: must be a whole number from {least} to {most}")


def list_of(what: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{what} is {value!r}: must be a list")
    return value


def object_of(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} stands where an object must be")
    return value


def check_json(what: str, value: Any) -> None:
    """Refuse what JSON could not carry, or a terminal should not show."""
    pending = [(object_of(value), 0)]
    while pending:
        part, depth = pending.pop()
        if depth > _MAX_NESTING:
            raise ValueError(f"{what} is nested deeper than {_MAX_NESTING}")
        if isinstance(part, dict):
            for key in part:
                check_text(f"a key of {what}", key, MAX_PROSE)
            pending.extend((item, depth + 1) for item in part.values())
        elif isinstance(part, list):
            pending.extend((item, depth + 1) for item in part)
        elif isinstance(part, str):
            check_text(f"a text of {what}", part, MAX_PROSE)
        elif isinstance(part, float) and not math.isfinite(part):
            raise ValueError(f"{what} holds {part!r}: must be finite")
        elif part is not None and not isinstance(part, bool | int | float):
            raise ValueError(f"{what} holds {part!r}: must be JSON")


def refuse_constant(text: str) -> Any:
    raise ValueError(f"it holds {text}, which is no JSON number")
