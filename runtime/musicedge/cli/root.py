"""The `musicedge` group: its commands, each imported only when it is run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from click.exceptions import Exit

from musicedge.cli import BROKEN_PIPE
from musicedge.cli.rooms import LazyCommand, missing_command, missing_package, room_commands

_HELP = """Genre and mood of music, told on the device where the music is.

\b
Examples:
  musicedge classify song.mp3
  musicedge classify --json -o results.json Music/
  musicedge classify --timeline concert.flac
  musicedge explain song.mp3
  musicedge listen
  ffmpeg -i talk.mkv -f wav - | musicedge classify -
  musicedge models

Exit status: 0 all done; 1 some inputs failed; 2 wrong usage; 130 interrupted, with what was done
so far kept.
"""

_OWN = {
    "classify": ("musicedge.cli.classify:classify", "Tell genre and mood of files and folders."),
    "explain": ("musicedge.cli.explain:explain", "Tell why a model says what it says."),
    "listen": ("musicedge.cli.listen:listen", "Tell what is playing, while it plays."),
    "devices": ("musicedge.cli.devices:devices", "List the inputs that can be listened to."),
    "models": ("musicedge.cli.models:models", "List the installed models."),
}


class _Root(click.Group):
    """The group; other rooms' commands join it by the entry points of this distribution."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_OWN, *(name for name in sorted(room_commands()) if name not in _OWN)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _OWN:
            target, summary = _OWN[cmd_name]
            return LazyCommand(cmd_name, target, summary)
        return room_commands().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            if (error := missing_command(name)) is not None:
                raise error
            if Path(name).exists():
                line = f"musicedge classify {shlex.quote(name)}"
                raise click.UsageError(f"{name!r} is no command; to classify it: {line}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would call it a failure
            raise Exit(BROKEN_PIPE) from None
        except ModuleNotFoundError as error:
            raise missing_package(ctx.invoked_subcommand or "", error) from error


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from musicedge import __version__

        click.echo(f"musicedge {__version__}")
        ctx.exit()


@click.group(
    cls=_Root,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def musicedge() -> None:
    """Only the commands do anything."""
