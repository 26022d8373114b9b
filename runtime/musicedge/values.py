"""Immutable values that cost little to define: a short command defines some at every start."""

from __future__ import annotations

from dataclasses import Field
from typing import Any, ClassVar


class Value:
    """A base of classes with ``@dataclass(frozen=True, eq=False, repr=False)``.

    It compares, hashes and shows them as dataclasses do. Those write and compile functions of their
    own for each class, which takes a millisecond each.
    """

    __slots__ = ()

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self._values() == Value._values(other)

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        shown = zip(self.__dataclass_fields__, self._values(), strict=True)
        return f"{type(self).__qualname__}({', '.join(f'{name}={v!r}' for name, v in shown)})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)
