"""What becomes of readings: their form, where they go, and what was heard in all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO

import click

from musicedge.cli.diagnostics import complain, is_on_terminal
from musicedge.errors import MusicedgeError

if TYPE_CHECKING:
    from musicedge.cli.interruption import Interruption
    from musicedge.live import Listener
    from musicedge.report.live import LiveReport, Setting
    from musicedge.report.live.summary import Heard

FORMS = ("jsonl", "csv")  # for programs; without one of them: text for people

_NO_SCREEN = ("dumb", "unknown")  # values of TERM for terminals whose cursor stays where it is


class Order(NamedTuple):
    """What was asked for.

    Attributes
    ----------
    form
        ``"text"`` for people, or one of `FORMS` for programs.
    output
        The file that gets the results; None or ``"-"`` for standard output.
    top
        Genres to show; None for as many as suit the form.
    record
        The WAV file that gets the sound.
    every
        Seconds between two readings.
    """

    form: str
    output: str | None
    top: int | None
    record: str | None
    every: float

    @property
    def for_programs(self) -> bool:
        """Whether the results are data."""
        return self.form != "text"


class Attendant:
    """Asked by the listener whether to stop; passes on what happened to the source meanwhile."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._listener: Listener | None = None
        self._report: LiveReport | None = None

    @contextmanager
    def attending(self, listener: Listener, report: LiveReport) -> Iterator[None]:
        """Pass on news while it is entered, and once more at the end."""
        self._listener, self._report = listener, report
        try:
            yield
            self()
        finally:  # the listener knows whom to ask: without this, neither would ever be freed
            self._listener = self._report = None

    def __call__(self) -> bool:
        if self._listener is not None and self._report is not None:
            from musicedge.audio import printable

            self._report.tick(self._listener.source.name)
            for news in self._listener.events():
                if not self._report.note(news):
                    complain(printable(news))
        return self._interruption.requested()


def write_readings(listener: Listener, order: Order, attendant: Attendant) -> None:
    """Write the readings as they come, and what was heard in all."""
    from musicedge.audio import printable
    from musicedge.cli.output import destination
    from musicedge.report.live.summary import Heard

    setting = _setting(listener, order)
    heard = Heard(setting)
    with destination(order.output, line_by_line=True, for_programs=order.for_programs) as stream:
        report = _report(order, stream, setting)
        if (order.for_programs or order.output) and is_on_terminal():
            click.echo(f"listening to {printable(setting.source)}; Ctrl-C ends it", err=True)
        try:
            with closing(report), attendant.attending(listener, report):
                report.begin()
                for reading in listener:
                    heard.add(reading)
                    report.write(reading)
        except MusicedgeError:
            _summarise(heard, order, stream)
            raise
        _summarise(heard, order, stream)


def _summarise(heard: Heard, order: Order, stream: TextIO) -> None:
    """Tell people what was heard: where the text goes, or beside the data on a terminal."""
    from musicedge.report.text import TOP, is_ascii

    if order.for_programs:
        if not is_on_terminal():
            return
        stream = sys.stderr
    lines = heard.lines(top=order.top or TOP, ascii_only=is_ascii(stream))
    stream.write("\n".join(lines) + "\n")
    stream.flush()


def _setting(listener: Listener, order: Order) -> Setting:
    from musicedge.analysis import MOODS
    from musicedge.report.live import Setting

    card = listener.model.card
    head = card.head("genre")
    return Setting(
        source=listener.source.name,
        model=f"{card.name} {listener.model.variant}",
        provider=listener.model.provider,
        genres=head.labels if head else (),
        moods=tuple(mood for mood in MOODS if card.head(mood)),
        window=card.window_seconds,
        every=order.every,
        realtime=listener.source.realtime,
        recording=order.record,
    )


def _report(order: Order, stream: TextIO, setting: Setting) -> LiveReport:
    if order.form == "jsonl":
        from musicedge.report.live.json import JsonReadings

        return JsonReadings(stream)
    if order.form == "csv":
        from musicedge.report.live.csv import CsvReadings

        return CsvReadings(stream, setting)
    top = {} if order.top is None else {"top": order.top}
    if stream.isatty() and os.environ.get("TERM", "") not in _NO_SCREEN:
        from musicedge.report.live.screen import LiveScreen

        return LiveScreen(stream, setting, **top)
    from musicedge.report.live.text import ReadingLines

    return ReadingLines(stream, setting, **top)
