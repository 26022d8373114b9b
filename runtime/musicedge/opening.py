"""A graph that opens in a thread of its own, while the first file is decoded already.

onnxruntime opens a graph without the interpreter's lock, and decoding and the front-end mostly run
without it too: on a second core, the one costs a short run next to nothing. On a single core
nothing is lost.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from musicedge.bundle import Bundle
from musicedge.choice import find
from musicedge.session import Session

if TYPE_CHECKING:
    from musicedge.model import Model


def load_meanwhile(name_or_path: str, *, variant: str, device: str, at_once: int) -> Model:
    """Load a model, and return it while its graph still opens.

    Only what the graph needs is imported before it begins to open; what a file needs is imported
    meanwhile. `Model.wait` and whoever first needs the network wait for it, and meet the errors
    about it.

    Parameters
    ----------
    name_or_path, variant, device
        As for `musicedge.load`.
    at_once
        Runs of the network at once, each in a thread of its own. Two threads for one run, which
        must wait for each other in each layer, are no faster than one (shipped CNN).

    Raises
    ------
    ModelNotFound, ModelInvalid, ModelTampered, ModelError, DeviceUnavailable
        As for `musicedge.load`, as far as the file and its card tell.
    """
    bundle = find(name_or_path, variant, device, threads=1)
    opening = Opening(bundle, device, threads=1)
    from musicedge.model import Model  # late: see above

    return Model(bundle, opening, at_once)


class Opening:
    """A session that opens from now on.

    Parameters
    ----------
    bundle, device, threads
        As for `musicedge.session.Session`.

    """

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int | None = None) -> None:
        self._result: Session | BaseException | None = None
        self._thread = threading.Thread(
            target=self._open, args=(bundle, device, threads), name="musicedge-opening"
        )
        self._thread.start()

    def session(self) -> Session:
        """Wait until it is open, and return it; may be called by several threads, and again.

        Raises
        ------
        DeviceUnavailable, ModelInvalid, ValueError
            As for `musicedge.session.Session`.
        """
        self._thread.join()
        if isinstance(self._result, Session):
            return self._result
        raise self._result or RuntimeError("the session was not opened")

    def _open(self, bundle: Bundle, device: str, threads: int | None) -> None:
        try:
            self._result = Session(bundle, device, threads)
        except BaseException as error:  # for whoever waits for it
            self._result = error
