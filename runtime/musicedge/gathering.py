"""What the network says of the windows of a piece, as it comes: a few numbers a window, no more."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from musicedge.analysis import Segment
from musicedge.batches import Outputs
from musicedge.card import Card
from musicedge.frontend import Float32
from musicedge.readings import Readings
from musicedge.road import Judged

Float64 = NDArray[np.float64]


class Gathering:
    """Outputs, places and silence of all windows so far, in memory that grows as a whole.

    Objects of each batch would lie between what decoding takes and gives back, and keep its pages.

    Parameters
    ----------
    card
        Which heads there are.
    """

    def __init__(self, card: Card) -> None:
        self._card = card
        self._outputs = {head.name: array("f") for head in card.heads}
        self._ends = array("q")  # start and end in frames, window by window
        self._silent = bytearray()

    def __len__(self) -> int:
        return len(self._silent)

    def add(self, batch: Iterable[Judged], outputs: Outputs) -> None:
        """Take windows, and the network's outputs for them."""
        for window, is_silent in batch:
            self._ends.extend((window.start, window.end))
            self._silent.append(is_silent)
        for head, values in outputs.items():
            self._outputs[head].frombytes(values.tobytes())

    @property
    def first_end(self) -> int:
        """Where the first window ends, in frames."""
        return self._ends[1]

    def readings(self) -> Readings:
        """Return what is said of all windows so far."""
        outputs: dict[str, Float32] = {}
        for head in self._card.heads:
            values = np.array(self._outputs[head.name], np.float32)
            is_classes = head.kind == "classification"
            outputs[head.name] = values.reshape(-1, len(head.labels)) if is_classes else values
        return Readings(self._card, outputs, np.array(self._silent, bool))

    def spans(self) -> Float64:
        """Return where the windows start and end, in seconds, np.ndarray [shape=(n, 2)]."""
        frames = np.array(self._ends, np.float64).reshape(-1, 2)
        return frames / self._card.frontend.frame_rate


class Segments(Sequence[Segment]):
    """The windows of a piece, each made a `Segment` of when it is asked for.

    Parameters
    ----------
    readings
        What is said of each.
    spans : np.ndarray [shape=(n, 2)]
        Where each starts and ends, in seconds.
    """

    def __init__(self, readings: Readings, spans: Float64) -> None:
        self._readings = readings
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> Segment: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Segment, ...]: ...

    def __getitem__(self, index: int | slice) -> Segment | tuple[Segment, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        index = range(len(self))[index]  # from the end, where it is negative
        start, end = self._spans[index].tolist()
        return self._readings.of_window(index, start, end)

    def __iter__(self) -> Iterator[Segment]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
