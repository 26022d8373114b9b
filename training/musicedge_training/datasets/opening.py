"""Opening what `--data` names: a user's own CSV or folder, or one of the datasets by its layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from musicedge.audio import printable
from musicedge_training.datasets import corpus, deam, emotify, fma, gtzan, manifest, patrec
from musicedge_training.datasets.dataset import Dataset, DatasetError


def _corpus(path: Path) -> Dataset:
    return Dataset("corpus", path, corpus.load(path)).checked()


_LOADERS: dict[str, Callable[[Path], Dataset]] = {
    "patrec": patrec.load,
    "patrec-beat": partial(patrec.load, beat=True),
    "fma": fma.load,
    "deam": deam.load,
    "emotify": emotify.load,
    "gtzan": gtzan.load,
    "corpus": _corpus,
    "manifest": manifest.load,
}
_RECOGNISES: dict[str, Callable[[Path], bool]] = {
    "patrec": patrec.recognises,
    "fma": fma.recognises,
    "deam": deam.recognises,
    "emotify": emotify.recognises,
    "gtzan": gtzan.recognises,
    "corpus": corpus.recognises,
}
FORMS = tuple(sorted(_LOADERS))
"""The names that can stand before a colon."""


def open_dataset(spec: str | Path) -> Dataset:
    """Open a dataset.

    Parameters
    ----------
    spec
        A CSV file (see `manifest`); a folder, whose layout tells which dataset it is, else a folder
        of genre-named folders of audio; or one of `FORMS` with a colon before the path, as in
        ``gtzan:music/gtzan``, which settles it.

    Raises
    ------
    DatasetError
        There is no such file or folder, or it does not hold the dataset.
    """
    try:
        return _open(Path(spec))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        where = printable(str(error.filename or spec))
        raise DatasetError(f"{where}: cannot be read ({reason})") from error


def _open(path: Path) -> Dataset:
    if path.is_dir():
        found = (name for name, recognises in _RECOGNISES.items() if recognises(path))
        return _LOADERS[next(found, "manifest")](path)
    if path.exists():
        if path.suffix.lower() == ".csv":
            return manifest.load(path)
        raise DatasetError(f"{path}: must be a CSV file or a folder; unpack an archive first")
    name, _, inner = str(path).partition(":")
    if name in _LOADERS and inner:
        return _LOADERS[name](Path(inner))
    raise DatasetError(
        f"{printable(str(path))}: there is no such file or folder; what can stand before a colon"
        f" and a path is {', '.join(FORMS)}"
    )
