"""Make docs/gallery.md: what each command that draws really gives for the example piece.

Run it as ``make gallery`` whenever a model or a page changes. It needs chromium for the pictures of
pages (Debian: ``apt-get install chromium``) and the `plot` extra, which brings Pillow too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PIECE = Path("examples") / "corner-store-shuffle.mp3"
GALLERY = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "gallery"

_COLOURS = 256

_INTRODUCTION = """# Gallery

What the commands that draw give for the example piece, `examples/corner-store-shuffle.mp3`. This
page is made by `make gallery`, which runs them; [pages.md](pages.md) explains what is on the pages.
"""


@dataclass(frozen=True)
class Exhibit:
    """A command, and pictures of the page that it writes or the picture that it is.

    Attributes
    ----------
    title
        What is shown.
    arguments
        Of the command, without the piece; ``PAGE`` in them stands for the file that it writes.
    file
        That file.
    views
        Pictures of a page: a name, a width and a height in pixels, and whether in the dark. A
        picture needs none.
    """

    title: str
    arguments: tuple[str, ...]
    file: str
    views: tuple[tuple[str, int, int, bool], ...] = ()


EXHIBITS = (
    Exhibit(
        "A library as a page",
        ("classify", "--html", "report.html"),
        "report.html",
        (("library", 1400, 1200, False), ("library-dark", 1400, 1200, True)),
    ),
    Exhibit(
        "Why: a page",
        ("explain", "-o", "why.html"),
        "why.html",
        (
            ("why-page", 1000, 2000, False),
            ("why-page-narrow", 500, 2300, True),
        ),
    ),
    Exhibit("Why: a picture, with the plot extra", ("explain", "-o", "why.png"), "why.png"),
    Exhibit(
        "Features: a page, with the plot extra",
        ("features", "-o", "features.html"),
        "features.html",
        (("features-page", 1000, 1900, False), ("features-page-narrow", 500, 1900, True)),
    ),
    Exhibit(
        "Features: a picture",
        ("features", "-o", "features.png"),
        "features.png",
    ),
)


def main() -> None:
    """Run the commands, take the pictures, and write the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("gallery: chromium is not installed; on Debian: apt-get install chromium")
    PICTURES.mkdir(exist_ok=True)
    parts = [_INTRODUCTION]
    with tempfile.TemporaryDirectory() as folder:
        for exhibit in EXHIBITS:
            sys.stderr.write(f"gallery: musicedge {shlex.join(exhibit.arguments)}\n")
            parts.append(_shown(exhibit, Path(folder), chromium))
    GALLERY.write_text("\n".join(parts), "utf-8")
    used = {path for part in parts for path in PICTURES.iterdir() if f"({_link(path)})" in part}
    for path in set(PICTURES.iterdir()) - used:
        path.unlink()


def _shown(exhibit: Exhibit, folder: Path, chromium: str) -> str:
    """Run a command and return its part of the page."""
    here = folder / exhibit.file
    arguments = [str(here) if each == exhibit.file else each for each in exhibit.arguments]
    done = subprocess.run(
        [sys.executable, "-m", "musicedge", *arguments, str(PIECE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    command = shlex.join(["musicedge", *exhibit.arguments, str(PIECE)])
    lines = [f"## {exhibit.title}", "", "```", f"$ {command}"]
    lines += [*done.stdout.replace(str(here), exhibit.file).splitlines(), "```", ""]
    if not exhibit.views:
        path = PICTURES / exhibit.file
        shutil.copyfile(here, path)
        _squeeze(path)
        lines += [f"![{exhibit.title}]({_link(path)})", ""]
    for name, width, height, dark in exhibit.views:
        path = PICTURES / f"{name}.png"
        _photograph(chromium, here, path, width, height, dark)
        scheme = "in the dark" if dark else "in the light"
        lines += [f"![{exhibit.title}, {scheme}, {width} pixels wide]({_link(path)})", ""]
    return "\n".join(lines)


def _link(path: Path) -> str:
    return path.relative_to(GALLERY.parent).as_posix()


def _photograph(
    chromium: str, page: Path, picture: Path, width: int, height: int, dark: bool
) -> None:
    """Take a picture of a page in a window of that size."""
    options = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # chromium's sandbox refuses the superuser
        options.append("--no-sandbox")
    options.append(f"--blink-settings=preferredColorScheme={0 if dark else 1}")
    subprocess.run(
        [
            *(chromium, *options),
            *(f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri()),
        ],
        check=True,
        capture_output=True,
    )
    _squeeze(picture)


def _squeeze(picture: Path) -> None:
    """Write a picture again with fewer colours: it stays in the repository's history for good."""
    with Image.open(picture) as image:
        few = image.convert("RGB").quantize(
            _COLOURS,
            Image.Quantize.MAXCOVERAGE,  # keeps the colours of thin lines
            dither=Image.Dither.NONE,
        )
    few.save(picture, optimize=True)


if __name__ == "__main__":
    main()
