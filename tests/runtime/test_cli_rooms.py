"""Commands of other rooms: found by entry points, imported when run, named when missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicedge.cli import main, rooms


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Install a distribution with the given entry points, before any real one."""

    def call(entry_points: str, **modules: str) -> None:
        folder = tmp_path / "musicedge-9.9.dist-info"
        folder.mkdir()
        (folder / "entry_points.txt").write_text(entry_points)
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        rooms.room_commands.cache_clear()

    yield call
    rooms.room_commands.cache_clear()


COMMAND = """
import click
@click.command()
@click.option("--epochs", default=1)
def command(epochs):
    "Train for some time."
    click.echo(f"trained {epochs}")
"""


def test_a_command_joins_by_its_entry_point(install, capfd: pytest.CaptureFixture[str]) -> None:
    install(
        "[console_scripts]\nmusicedge = musicedge.cli:main\n\n"
        "[musicedge.commands]\ntrain = fake_training:command\nbench=fake_bench:command\n\n"
        "[other]\nexport = elsewhere:command\n",
        fake_training=COMMAND,
    )
    assert main(["--help"]) == 0
    page = capfd.readouterr().out
    assert "train     Train a model from a recipe." in page
    assert "bench     Measure latency" in page
    assert "export" not in page
    assert "fake_training" not in sys.modules  # listing imports nothing
    assert main(["train", "--epochs", "3"]) == 0
    assert capfd.readouterr().out == "trained 3\n"
    assert main(["train", "--help"]) == 0
    page = capfd.readouterr().out
    assert "Usage: musicedge train" in page
    assert "Train for some time." in page


@pytest.mark.parametrize(
    "source",
    [
        "import no_such_torch",
        COMMAND.replace("    click.echo", "    import no_such_torch.nn\n    click.echo"),
    ],
)
def test_a_package_that_is_missing_is_named_by_its_extra(
    source: str, install, capfd: pytest.CaptureFixture[str]
) -> None:
    install("[musicedge.commands]\nexport = fake_export:command\n", fake_export=source)
    assert main(["export"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "musicedge: `musicedge export` needs the export extra: pip install 'musicedge[export]'\n"
    )


def test_a_command_that_is_not_there_is_named_by_its_extra(
    install, capfd: pytest.CaptureFixture[str]
) -> None:
    install("[console_scripts]\nmusicedge = musicedge.cli:main\n")
    assert main(["train", "--epochs", "3"]) == 2
    assert capfd.readouterr().err == (
        "musicedge: `musicedge train` needs the train extra: pip install 'musicedge[train]'\n"
    )
    assert main(["--help"]) == 0
    assert "train" not in capfd.readouterr().out


def test_a_module_of_our_own_that_is_missing_is_a_bug(
    install, capfd: pytest.CaptureFixture[str]
) -> None:
    install("[musicedge.commands]\ntrain = musicedge_no_such:command\n")
    assert main(["train"]) == 1
    assert "this is a bug in musicedge" in capfd.readouterr().err


def test_a_command_decides_the_status(install, capfd: pytest.CaptureFixture[str]) -> None:
    source = COMMAND + "    raise click.exceptions.Exit(epochs)\n"
    install("[musicedge.commands]\ntrain = fake_training:command\n", fake_training=source)
    assert main(["train", "--epochs", "3"]) == 3
    assert main(["train", "--epochs", "0"]) == 0


def test_an_error_of_a_command_is_one_line(install, capfd: pytest.CaptureFixture[str]) -> None:
    source = COMMAND + (
        "    from musicedge.errors import OutputError\n"
        "    raise OutputError('run.json: the disk is full') if epochs else ValueError('oh')\n"
    )
    install("[musicedge.commands]\ntrain = fake_training:command\n", fake_training=source)
    assert main(["train"]) == 1
    assert capfd.readouterr().err == "musicedge: run.json: the disk is full\n"
    assert main(["train", "--epochs", "0"]) == 1
    assert capfd.readouterr().err.startswith("musicedge: unexpected ValueError: oh; this is a bug")


def test_an_error_that_stands_behind_itself_is_a_bug_like_any_other(
    install, capfd: pytest.CaptureFixture[str]
) -> None:
    source = COMMAND + (
        "    first, second = ValueError('oh'), ValueError('no')\n"
        "    first.__cause__, second.__cause__ = second, first\n"
        "    raise first\n"
    )
    install("[musicedge.commands]\ntrain = fake_training:command\n", fake_training=source)
    assert main(["train"]) == 1
    assert capfd.readouterr().err.startswith("musicedge: unexpected ValueError: oh; this is a bug")
