"""The `musicedge` command: runs it, and turns whatever happens into an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
BROKEN_PIPE = 141  # 128 + SIGPIPE, as a shell reports it of any program whose reader went away


def command() -> NoReturn:
    """Be the `musicedge` process: run the command line and end with its exit status.

    The interpreter is not taken apart first, which takes 20 ms with numpy and onnxruntime in it and
    changes nothing: main has written all that there is to write. Another room's command ends as
    any program does, for its packages may have something to do then.
    """
    import os
    import sys
    from contextlib import suppress

    status = main()
    if any(name.startswith("musicedge_") for name in sys.modules):
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or not there at all
            stream.flush()
    os._exit(status)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; nothing is raised, whatever happens.

    Parameters
    ----------
    args
        The arguments; those of the process where there are none.

    Returns
    -------
    int
        0 all done, 1 some inputs failed, 2 wrong usage, 130 interrupted.
    """
    try:
        status = _run(args)
    except KeyboardInterrupt:
        status = INTERRUPTED
    _abandon_workers(status)
    return status


def _run(args: Sequence[str] | None) -> int:
    import sys

    from musicedge.cli.startup import nothing_collected

    with nothing_collected():
        import click

        from musicedge.cli.diagnostics import complain, complain_of_bug
        from musicedge.cli.root import musicedge
        from musicedge.errors import MusicedgeError, OutputError

    try:
        result = musicedge.main(args, prog_name="musicedge", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except BrokenPipeError:
        result = BROKEN_PIPE
    except OutputError as error:
        complain(str(error))
        forget_stdout()
        return FAILED
    except MusicedgeError as error:
        complain(str(error))
        return FAILED
    except Exception as error:
        if _comes_of_an_interruption(error):
            return INTERRUPTED
        complain_of_bug(error)
        return FAILED
    if result == BROKEN_PIPE:
        forget_stdout()
    return result if isinstance(result, int) else DONE


def _comes_of_an_interruption(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: C extensions that load make an ImportError of it."""
    seen: list[BaseException] = []  # an error may stand behind itself
    while error is not None and not isinstance(error, KeyboardInterrupt) and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


def forget_stdout() -> None:
    """Let the interpreter's last flush go nowhere, instead of failing with a second message."""
    import os
    import sys

    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # no real file behind it, or closed
        return


def _abandon_workers(status: int) -> None:
    """Leave at once if a worker is still busy: the interpreter would wait for it at its end.

    That is so after an interruption, when a thread is blocked where it cannot be told to stop, such
    as in reading standard input. All results have been written by then.
    """
    import sys
    import threading
    from contextlib import suppress

    workers = [each for each in threading.enumerate() if each.name.startswith("musicedge")]
    for worker in workers:
        # The work that a failure ends is nearly over; that which was interrupted may never be.
        worker.join(timeout=0.2 if status == INTERRUPTED else 5)
    if any(worker.is_alive() for worker in workers):
        import os

        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        os._exit(status)
