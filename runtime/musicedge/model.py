"""A model to ask: sound in, `Analysis` out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicedge.analysis import MUSIC_SHARE, Analysis, ModelInfo
from musicedge.batches import Outputs, through
from musicedge.choice import find
from musicedge.decoding.sources import printable
from musicedge.errors import AudioEmpty, AudioValues
from musicedge.frontend import Float32, FrontEnd
from musicedge.gathering import Gathering, Segments
from musicedge.opening import Opening
from musicedge.pace import EVERY, FIRST, SMOOTH
from musicedge.road import Judged, Road
from musicedge.session import Session
from musicedge.windows import WindowCutter

if TYPE_CHECKING:
    from musicedge.audio import AudioReader
    from musicedge.bundle import Bundle
    from musicedge.card import Card
    from musicedge.readings import Readings
    from musicedge.stream import Reading


def load(
    name_or_path: str | os.PathLike[str] = "cnn",
    *,
    variant: str = "auto",
    device: str = "auto",
    threads: int | None = None,
) -> Model:
    """Load a model.

    Parameters
    ----------
    name_or_path
        A shipped model (``"cnn"``, ``"cnn.int8"``), or the path of a model file.
    variant
        ``"int8"``, ``"fp32"``, or ``"auto"`` for the one that runs fastest here, which is measured
        once and remembered (`musicedge.choice`).
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"`` for CUDA where it works and the CPU elsewhere.
    threads
        Threads for one window; None for one for each CPU that may be used, at most 4.

    Raises
    ------
    ModelNotFound, ModelInvalid, ModelTampered, ModelError
        There is no such model, it is none, a shipped one was changed, or it cannot be read.
    DeviceUnavailable
        CUDA was asked for and is not there.
    ValueError
        `threads` is below 1.

    Examples
    --------
    >>> model = load("cnn")  # doctest: +SKIP
    >>> model.analyze("song.mp3").genre[0].label  # doctest: +SKIP
    'rock'
    """
    bundle = find(name_or_path, variant, device, threads)
    return Model(bundle, Session(bundle, device, threads))


class Model:
    """A loaded model. `load` makes one; several threads may use it at once.

    Attributes
    ----------
    card
        What the model file says about itself.
    variant
        Such as ``"int8"``.
    sha256
        Of the model file, in hexadecimal.
    front_end
        What makes the network's input from samples.

    Parameters
    ----------
    bundle
        The verified model file.
    session
        Its graph, open or opening.
    at_once
        Runs of the network at once, while a file is decoded in another thread still; with 1, all
        is done in one thread.
    """

    def __init__(self, bundle: Bundle, session: Session | Opening, at_once: int = 1) -> None:
        self.card: Card = bundle.card
        self.variant = bundle.card.variant
        self.sha256 = bundle.sha256
        self.front_end = FrontEnd(bundle.card.frontend)
        self._session = session
        self._at_once = at_once

    @property
    def session(self) -> Session:
        """The network; waits where it is not open yet, and raises what keeps it from opening."""
        if isinstance(self._session, Opening):
            self._session = self._session.session()
        return self._session

    def wait(self) -> None:
        """Wait until the network is open; raise what keeps it from opening."""
        self.session  # noqa: B018 - what waits

    @property
    def provider(self) -> str:
        """The execution provider that is really used, such as ``"CPUExecutionProvider"``."""
        return self.session.provider

    @property
    def info(self) -> ModelInfo:
        """Which model this is, and where it runs, as results say it."""
        return ModelInfo(self.card.name, self.variant, self.sha256, self.provider)

    def analyze(
        self,
        source: str | os.PathLike[str] | bytes | BinaryIO | NDArray[np.floating[Any]],
        *,
        sample_rate: int | None = None,
        offset: float = 0.0,
        duration: float | None = None,
        name: str | None = None,
    ) -> Analysis:
        """Tell what a piece is.

        The whole source is read once, in blocks: memory does not grow with its length, but for a
        few numbers a window.

        Parameters
        ----------
        source : path, bytes, binary file object, or np.ndarray [shape=(n,) or (channels, n)]
            A file of any format that can be decoded; or samples as floats, full scale at +-1.
        sample_rate
            Of the samples, in Hz; for arrays only.
        offset, duration
            Which part to analyse, in seconds; all of it by default.
        name
            What results and errors call the source.

        Returns
        -------
        Analysis
            Times are in seconds from the beginning of the source, whatever the offset.

        Raises
        ------
        AudioError
            The source cannot be used; the subclass and the text say why.
        ModelInvalid
            The network fails, or gives what its card does not promise.

        Notes
        -----
        A window holds music when its probability reaches the threshold in the card and its samples
        are not digital silence (`musicedge.silence`), whose probability is 0 whatever the network
        says. The piece holds music when at least a tenth of its windows do; then its genre and
        moods are the means over those windows. A model without a ``music`` head takes all that is
        not silence for music, with probability 1.
        """
        # What a hostile model or an extreme sample overflows is checked where it can matter.
        with (
            np.errstate(all="ignore"),
            self._open(source, sample_rate, offset, duration, name) as reader,
        ):
            return self._summarise(reader, name or _path_of(source), offset)

    def stream(
        self,
        blocks: Iterable[ArrayLike],
        *,
        sample_rate: int,
        every: float = EVERY,
        first: float = FIRST,
        smooth: float = SMOOTH,
    ) -> Iterator[Reading]:
        """Tell what is playing while it plays: the readings of blocks of samples, as they come.

        Parameters
        ----------
        blocks
            Each np.ndarray [shape=(n,) or (channels, n)] of floats, full scale at +-1, of any
            length.
        sample_rate, every, first, smooth
            As for `musicedge.stream.Stream`, which does the work.

        Yields
        ------
        Reading
            Each as soon as its sound is there, and one at the end for what was left over.

        Raises
        ------
        AudioValues
            The rate is out of range, or a block holds what are no samples.
        ModelInvalid
            The network fails, or gives what its card does not promise.
        """
        from musicedge.stream import Stream

        stream = Stream(self, sample_rate, every=every, first=first, smooth=smooth)
        for block in blocks:
            yield from stream.push(block)
        yield from stream.finish()

    def _open(
        self,
        source: Any,
        sample_rate: int | None,
        offset: float,
        duration: float | None,
        name: str | None,
    ) -> AudioReader:
        from musicedge import audio

        rate = self.card.frontend.sample_rate
        if not hasattr(source, "__array__"):
            if sample_rate is not None:
                called = printable(name or _path_of(source) or "source")
                raise AudioValues(
                    f"{called}: sample_rate={sample_rate} was given, but a file names its own; "
                    "leave it out"
                )
            return audio.open(source, sample_rate=rate, offset=offset, duration=duration, name=name)
        called = printable(name or "array")
        if sample_rate is None:
            raise AudioValues(f"{called}: an array has no sample rate of its own; pass sample_rate")
        samples = np.asarray(source)
        if (offset or duration is not None) and samples.ndim and sample_rate > 0:
            samples = _part(samples, sample_rate, offset, duration, called)
        return audio.from_array(samples, sample_rate, sample_rate=rate, name=called)

    def _summarise(self, reader: AudioReader, path: str | None, offset: float) -> Analysis:
        """Run all windows of a source through the network, and put together what it says."""
        cutter = WindowCutter(self.card.window_frames, self.card.hop_frames)
        road = Road(self.front_end, cutter)
        gathering = Gathering(self.card)
        for batch, outputs in through(self._run, _windows(reader, road), self._at_once):
            gathering.add(batch, outputs)
        if not gathering:
            raise AudioEmpty(
                f"{reader.name}: {road.seconds:.3f} s of sound are too short to judge; "
                "give a longer part"
            )
        readings = gathering.readings()
        notes = self._notes(readings, gathering.first_end, road.seconds)
        spans = offset + np.minimum(gathering.spans(), road.seconds)
        return Analysis(
            path=path,
            duration=road.seconds,
            decoder=reader.decoder,
            model=self.info,
            music=float(readings.music.mean()),
            music_share=readings.music_share,
            **readings.of_piece(),
            notes=(*reader.notes, *notes),
            segments=Segments(readings, spans),
        )

    def _run(self, windows: list[Float32]) -> Outputs:
        return self.session.run(windows)  # which waits where it is not open yet

    def _notes(self, readings: Readings, first_end: int, seconds: float) -> Iterator[str]:
        if first_end < self.card.window_frames:
            window = self.card.window_seconds
            shorter = math.floor(10 * seconds) / 10  # never rounded up to the window's length
            yield (
                f"clip shorter than the window ({shorter:.1f} s of {window:.1f} s): "
                "repeated to fill it"
            )
        if readings.silent.all():
            yield "nothing but digital silence"
        elif 0 < readings.music_share < 1:
            percent = min(99, max(1, round(100 * readings.music_share)))
            few = readings.music_share < MUSIC_SHARE
            verdict = ": too few to name a genre or a mood" if few else ""
            yield f"music in {percent} % of the windows{verdict}"


def _windows(reader: AudioReader, road: Road) -> Iterator[Judged]:
    for block in reader:
        yield from road.push(block)
    yield from road.finish()


def _path_of(source: Any) -> str | None:
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else None


def _part(
    samples: NDArray[Any], sample_rate: int, offset: float, duration: float | None, name: str
) -> NDArray[Any]:
    """Return the part of samples, [shape=(n,) or (channels, n)], that offset and duration mean."""
    if not 0 <= offset < math.inf:
        raise AudioValues(f"{name}: the offset is {offset:g} s; give 0 or more seconds")
    if duration is not None and not 0 < duration < math.inf:
        raise AudioValues(f"{name}: the duration is {duration:g} s; give more than 0 seconds")
    start = round(offset * sample_rate)
    stop = None if duration is None else start + max(1, round(duration * sample_rate))
    if start and start >= samples.shape[-1]:
        seconds = samples.shape[-1] / sample_rate
        raise AudioEmpty(
            f"{name}: no samples from {offset:g} s on; it ends at {seconds:.3f} s, "
            "so give a smaller offset"
        )
    return samples[..., start:stop]
