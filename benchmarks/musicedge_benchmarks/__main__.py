"""`python -m musicedge_benchmarks` is `musicedge bench`, also where nothing was installed."""

from __future__ import annotations

import sys

import click

from musicedge.errors import MusicedgeError
from musicedge_benchmarks.cli import bench


def main() -> int:
    """Run the benchmark and return its exit status."""
    try:
        result = bench.main(prog_name="python -m musicedge_benchmarks", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except MusicedgeError as error:
        click.echo(f"musicedge: {error}", err=True)
        return 1
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
