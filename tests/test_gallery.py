"""The gallery: its pictures are there and no others, and its commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from musicedge.cli.root import musicedge

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXT = (DOCS / "gallery.md").read_text("utf-8")


def test_every_picture_is_there_and_shown() -> None:
    shown = re.findall(r"!\[[^]]+\]\(gallery/([^)]+)\)", TEXT)
    assert sorted(shown) == sorted(path.name for path in (DOCS / "gallery").iterdir())
    for name in shown:
        assert (DOCS / "gallery" / name).read_bytes().startswith(b"\x89PNG")


def test_every_command_is_one_and_parses() -> None:
    commands = re.findall(r"^\$ musicedge (.+)$", TEXT, re.MULTILINE)
    assert len(commands) >= 3
    for line in commands:
        name, *arguments = shlex.split(line)
        command = musicedge.get_command(click.Context(musicedge), name)
        assert command is not None
        command.make_context(name, arguments)
