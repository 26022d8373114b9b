"""`musicedge devices`: the inputs that can be listened to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from musicedge.cli.diagnostics import complain
from musicedge.cli.output import standard_output

if TYPE_CHECKING:
    from musicedge.inputs import InputDevice

_HEADINGS = ("", "name", "through", "channels", "own rate", "other rates", "")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def devices(as_json: bool) -> None:
    """List the inputs that `musicedge listen --input` takes, by index or by a part of the name.

    Each with the sound system that it is reached through, its channels and the sample rates that it
    accepts. Loopback marks what carries the sound that this computer itself plays.
    """
    from musicedge import inputs

    found = inputs.devices()
    if as_json:
        with standard_output(for_programs=True) as stream:
            json.dump([each.to_dict() for each in found], stream, ensure_ascii=False, indent=2)
            stream.write("\n")
        return
    if not found:
        complain(inputs.nothing_there())
        return
    _print_table(found)


def _row(device: InputDevice) -> tuple[str, ...]:
    marks = [("default", device.is_default), ("loopback", device.is_loopback)]
    others = ", ".join(f"{rate / 1000:g}" for rate in device.rates if rate != device.default_rate)
    return (
        str(device.index),
        device.name,
        device.host_api,
        str(device.channels),
        f"{device.default_rate / 1000:g} kHz",
        f"{others} kHz" if others else "",
        ", ".join(name for name, is_so in marks if is_so),
    )


def _print_table(found: list[InputDevice]) -> None:
    from musicedge.audio import printable

    rows = [_HEADINGS, *(tuple(map(printable, _row(each))) for each in found)]
    lines = _aligned(rows)
    with standard_output(for_programs=False) as stream:
        if not stream.isatty():  # a pipe has no width: each device is one line, for grep and cut
            stream.writelines(f"{line}\n" for line in lines)
            return
        from rich.console import Console
        from rich.padding import Padding
        from rich.text import Text

        console = Console(file=stream, highlight=False)
        if max(map(len, lines)) <= console.width:
            console.print(Text(lines[0], style="dim"), *map(Text, lines[1:]), sep="\n")
            return
        for index, name, *rest in rows[1:]:  # lines for a device, instead of a line for each
            console.print(Text(f"{index}  {name}", style="bold"))
            for label, value in zip(_HEADINGS[2:], rest, strict=True):
                if value:
                    line = Text.assemble((f"{label} " if label else "", "dim"), value)
                    console.print(Padding(line, (0, 0, 0, 3)))


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
