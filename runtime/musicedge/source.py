"""Where live sound comes from: what a microphone, and what takes its place, must be able to do."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from musicedge.frontend import Float32


class Chunk(NamedTuple):
    """Sound, fresh from its source.

    Attributes
    ----------
    samples
        np.ndarray [shape=(n,), dtype=float32], mono, full scale at +-1; n may be 0.
    captured
        When the last of them was captured, by `time.monotonic`.
    lost
        Samples that were lost just before them, because nobody fetched them in time or the source
        was away.
    """

    samples: Float32
    captured: float
    lost: int = 0


class Source(Protocol):
    """Where live sound comes from: a microphone, or what takes its place.

    Attributes
    ----------
    name
        What people call it.
    sample_rate
        Of its samples, in Hz.
    realtime
        Whether sound goes on coming while it is not read. Then only the newest counts.
    """

    name: str
    sample_rate: int
    realtime: bool = True

    def read(self, timeout: float) -> Chunk | None:
        """Return all that came since the last call, in one piece; None when there is no more.

        Where nothing came, it waits for up to `timeout` seconds; then the chunk may be empty.

        Raises
        ------
        MusicedgeError
            The source failed, and there is nothing to wait for.
        """
        ...

    def events(self) -> list[str]:
        """Return what people should know that happened since the last call, a line each."""
        ...

    def close(self) -> None:
        """Let go of the source; more than once does no harm."""
        ...
