"""`musicedge features`: what is in the sound of songs, as a picture, a page, arrays or figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.exceptions import Exit

from musicedge.cli import DONE, FAILED
from musicedge.cli.diagnostics import complain_of
from musicedge.cli.options import chosen_form, part_options, refuse_audio
from musicedge.cli.output import STDOUT, destination, standard_output
from musicedge.cli.startup import no_blas_threads, nothing_collected
from musicedge.errors import MusicedgeError, OutputError

if TYPE_CHECKING:
    from musicedge_training.features.panels import Kind
    from musicedge_training.features.songs import Song

FORMS = ("png", "svg", "html", "npz", "json")
_KINDS: tuple[Kind, ...] = ("mel", "chroma", "beat", "tempogram")
_SIDE_BY_SIDE = 4  # songs on one picture or page
_SUFFIX = ".features"


class _Order(NamedTuple):
    """What was asked for, as far as the output is concerned."""

    form: str
    output: str
    is_folder: bool
    kinds: Sequence[Kind]


@click.command(
    epilog="""\b
Examples:
  musicedge features song.mp3
  musicedge features rock.mp3 electronic.mp3 -o both.html
  musicedge features --kind chroma song.mp3 -o chroma.svg
  musicedge features Music/ -o pictures/
  musicedge features --npz song.mp3
  musicedge features --json Music/ | jq '.[].tempo'
"""
)
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(readable=False)
)
@click.option(
    "--kind",
    type=click.Choice([*_KINDS, "all"]),
    default="all",
    show_default=True,
    help="What to draw; beat is the others beat by beat.",
)
@click.option("--npz", is_flag=True, help="Write all arrays for numpy, with units and parameters.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON list, no picture.")
@click.option(
    "-o",
    "--output",
    type=click.Path(readable=False),
    metavar="DIR|FILE",
    show_default=f"the song's name with {_SUFFIX}.png, here",
    help="Write there; .png, .svg, .html, .npz and .json choose the form. A folder gets a file of "
    "each song.",
)
@part_options
def features(
    paths: tuple[str, ...],
    kind: str,
    npz: bool,
    as_json: bool,
    output: str | None,
    offset: float,
    duration: float | None,
) -> int:
    """Show what is in the sound of songs: log-mel, chroma, beats and tempogram.

    The log-mel is what the networks see. Several songs stand side by side, with the same colours
    for the same values. Standard output gets the figures: tempo, percussive share, spectral
    centroid, energy by band, pitch classes, and how much smaller a song is beat by beat.
    """
    from musicedge.library import STDIN, find_audio

    if STDIN in paths:
        raise click.UsageError("standard input has no name to call the picture by; name a file.")
    refuse_audio(output, *paths)
    found = list(find_audio(paths))
    order = _order(found, kind, npz, as_json, output)
    with nothing_collected(), no_blas_threads():
        from musicedge_training.features.songs import look_at

        if order.form in ("png", "svg"):
            import musicedge_training.pictures.features  # noqa: F401  (tells what is missing now)
    looks = _looks(look_at, found, offset, duration)
    if order.form == "json":
        return _write_json(looks, order)
    return _write_each(looks, order) if order.is_folder else _write_together(looks, order)


def _order(found: Sequence[str], kind: str, npz: bool, as_json: bool, output: str | None) -> _Order:
    """Return the form of what is written, and where."""
    flags = dict.fromkeys(FORMS, False) | {"npz": npz, "json": as_json}
    form = chosen_form(flags, output)
    is_folder = _is_folder(output) or (output is None and form == "npz")
    if form == "text":
        if output not in (None, STDOUT) and not is_folder:
            forms = ", .".join(FORMS)
            raise click.UsageError(f"-o {output} chooses no form; name a .{forms} or a folder.")
        form = "html" if output == STDOUT else "png"
    if form == "json" and is_folder:
        raise click.UsageError("--json is one list of all songs; name a file, or leave -o out.")
    if form == "npz" and not is_folder and len(found) > 1:
        raise click.UsageError(f"-o {output} holds one song; name a folder for {len(found)}.")
    if form in ("png", "svg", "html") and not is_folder and len(found) > _SIDE_BY_SIDE:
        raise click.UsageError(
            f"{len(found)} songs do not fit side by side; name at most {_SIDE_BY_SIDE}, or a "
            "folder with -o for a picture of each."
        )
    if output is None:
        output = STDOUT if form == "json" else "." if is_folder else _name(found) + ".png"
    return _Order(form, output, is_folder, _KINDS if kind == "all" else (kind,))


def _is_folder(output: str | None) -> bool:
    """Whether -o names a folder: one that is there, or a name without a suffix."""
    if output in (None, STDOUT):
        return False
    path = Path(str(output))
    return path.is_dir() or str(output).endswith(("/", os.sep)) or not path.suffix


def _name(paths: Sequence[str]) -> str:
    """Return the name of what is written of songs, without a suffix."""
    first, *others = [Path(path).stem for path in paths]
    more = "" if not others else f"-and-{others[0] if len(others) == 1 else len(others)}"
    return f"{first}{more}{_SUFFIX}"


def _looks(
    look_at: Callable[..., Song], paths: Sequence[str], offset: float, duration: float | None
) -> Iterator[tuple[str, Song | MusicedgeError]]:
    """Yield each path and its song, or the error that stands in its place."""
    from rich.markup import escape

    from musicedge.library import named
    from musicedge_training.console import console

    for index, path in enumerate(paths):
        words = f"listening to {named(path)}" + (
            f", {index + 1} of {len(paths)}" * (len(paths) > 1)
        )
        status = console.status(escape(words)) if console.is_terminal else nullcontext()
        try:
            with status:
                song = look_at(path, offset=offset, duration=duration)
        except MusicedgeError as error:
            complain_of(error)
            yield path, error
        else:
            yield path, song


def _write_together(looks: Iterator[tuple[str, Song | MusicedgeError]], order: _Order) -> int:
    """Write one file of all songs."""
    with destination(order.output, line_by_line=False, for_programs=True, whole=True) as stream:
        results = [result for _, result in looks]
        songs = [result for result in results if not isinstance(result, MusicedgeError)]
        if not songs:
            raise Exit(FAILED)
        stream.buffer.write(_drawn(songs, order))
    if order.output != STDOUT:
        _tell(songs, order.output)
    return DONE if len(songs) == len(results) else FAILED


def _write_each(looks: Iterator[tuple[str, Song | MusicedgeError]], order: _Order) -> int:
    """Write a file of each song into a folder."""
    folder = Path(order.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{order.output}: the folder cannot be made ({error.strerror}); choose another with -o"
        ) from None
    status, used = DONE, set[str]()
    for path, result in looks:
        if isinstance(result, MusicedgeError):
            status = FAILED
            continue
        name = unique = _name([path])
        while unique in used:
            unique = f"{name}.{len(used)}"
        used.add(unique)
        output = str(folder / f"{unique}.{order.form}")
        with destination(output, line_by_line=False, for_programs=True, whole=True) as stream:
            stream.buffer.write(_drawn([result], order))
        _tell([result], output)
    return status


def _write_json(looks: Iterator[tuple[str, Song | MusicedgeError]], order: _Order) -> int:
    """Write the figures as one JSON list."""
    from musicedge.library import displayed
    from musicedge.report.json import compact

    status, written = DONE, 0
    with destination(order.output, line_by_line=False, for_programs=True) as stream:
        stream.write("[")
        try:
            for path, result in looks:
                value: dict[str, Any] = {"path": displayed(path)}
                if isinstance(result, MusicedgeError):
                    status = FAILED
                    message = displayed(str(result))
                    value["error"] = {"type": type(result).__name__, "message": message}
                else:
                    value |= result.features.figures.to_dict()
                stream.write((",\n" if written else "\n") + compact(value))
                stream.flush()
                written += 1
        finally:
            stream.write("\n]\n")
    return status


def _drawn(songs: Sequence[Song], order: _Order) -> bytes:
    """Return the bytes of a file of songs."""
    if order.form == "npz":
        from musicedge_training.features.arrays import npz

        return npz(songs[0])
    if order.form == "html":
        from musicedge_training.features.page import page

        return page(songs, order.kinds).encode("utf-8")
    from musicedge_training.pictures.features import draw

    return draw(songs, order.kinds, order.form)


def _tell(songs: Sequence[Song], output: str) -> None:
    """Put the figures on standard output, and where the rest is."""
    from musicedge.audio import printable
    from musicedge_training.features.words import text

    with standard_output(for_programs=False) as stream:
        stream.write(text(songs) + f"  see {printable(output)}\n")
