"""Values compare, hash and show themselves as plain frozen dataclasses do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from musicedge.values import Value


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Song(Value):
    name: str
    seconds: float = 1.0


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Note(Value):
    name: str
    seconds: float = 1.0


@pytest.mark.parametrize("kind", [Song, Note])
def test_values_are_those_of_a_frozen_dataclass(kind: type) -> None:
    @dataclass(frozen=True)
    class Plain:
        name: str
        seconds: float = 1.0

    one, same, other = kind(name="a"), kind(name="a", seconds=1), kind(name="b")
    assert one == same
    assert len({one, same, other}) == 2
    assert hash(one) == hash(Plain("a"))
    assert repr(one) == repr(Plain("a")).replace(Plain.__qualname__, kind.__qualname__)
    assert replace(other, name="a") == one
    with pytest.raises(FrozenInstanceError):
        one.name = "b"


def test_equal_values_of_different_kinds_differ() -> None:
    assert Song(name="a") != Note("a")
    assert Song(name="a") != ("a", 1.0)


def test_what_cannot_be_hashed_is_no_value_of_a_set() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Note(["a"]))
