"""A model is one file, graph and card: finding it by name or path, and verifying its bytes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from musicedge.card import METADATA_KEY, Card, Head, NewerFormat
from musicedge.decoding.sources import printable
from musicedge.errors import ModelError, ModelInvalid, ModelNotFound, ModelTampered
from musicedge.onnxfile import read_metadata

__all__ = ["MAX_MODEL_BYTES", "Bundle", "Card", "Head", "InstalledModel", "installed", "open"]

MAX_MODEL_BYTES = 64 * 2**20
"""No larger file is read. The largest network planned for the edge, an AST in fp32, has 24 MB."""

MODELS_FOLDER = Path(__file__).parent / "models"
"""The shipped models, and ``manifest.json``, which lists them with their SHA-256."""

MANIFEST_FORMAT = 1

_LONGEST_REASON = 300  # characters of a card's own text in an error


class Bundle(NamedTuple):
    """A model file whose bytes and card have been verified.

    Attributes
    ----------
    source
        What errors call it: the path, or the name of a shipped model.
    data
        The bytes that were verified; only these are to be run.
    sha256
        Their SHA-256, in hexadecimal.
    card
        What the file says about itself.
    """

    source: str
    data: bytes
    sha256: str
    card: Card


class InstalledModel(NamedTuple):
    """A shipped model file, verified.

    Attributes
    ----------
    name, variant
        The name to load it by; ``name.variant`` names this very file.
    is_default
        Whether the name alone means this variant where no other is measured to be faster.
    path, bytes, sha256
        Where it is, its size and its SHA-256.
    card
        What the file says about itself.
    """

    name: str
    variant: str
    is_default: bool
    path: Path
    bytes: int
    sha256: str
    card: Card


class _Shipped(NamedTuple):
    """One line of the manifest."""

    name: str
    variant: str
    is_default: bool
    path: Path
    sha256: str


def installed(folder: Path = MODELS_FOLDER) -> list[InstalledModel]:
    """Return the shipped models, each verified, in the order of the manifest.

    Raises
    ------
    ModelTampered
        A file differs from the manifest.
    ModelNotFound
        A file that the manifest lists is missing.
    """
    models = []
    for line in _manifest(folder):
        bundle = _read_shipped(line)
        models.append(
            InstalledModel(
                name=line.name,
                variant=line.variant,
                is_default=line.is_default,
                path=line.path,
                bytes=len(bundle.data),
                sha256=bundle.sha256,
                card=bundle.card,
            )
        )
    return models


def variants(name: str, folder: Path = MODELS_FOLDER) -> dict[str, str]:
    """Return the SHA-256 of each variant of a shipped model, the default first; else nothing."""
    lines = [line for line in _manifest(folder) if line.name == name]
    return {
        line.variant: line.sha256 for line in sorted(lines, key=lambda each: not each.is_default)
    }


def open(
    name_or_path: str | os.PathLike[str], variant: str = "auto", *, folder: Path = MODELS_FOLDER
) -> Bundle:
    """Find a model, a shipped name first and a path second, and verify it.

    Nothing in the file is executed: the card is read from the bytes.

    Parameters
    ----------
    name_or_path
        ``"cnn"``, ``"cnn.int8"``, or the path of a model file.
    variant
        A variant of the shipped model, or ``"auto"`` for its default. For a path it must be the
        variant of the file, or ``"auto"``.

    Raises
    ------
    ModelNotFound
        There is no such model, variant or file.
    ModelInvalid
        The file is not a model, is larger than `MAX_MODEL_BYTES`, keeps tensors in other files, or
        its card is missing, broken or of a newer format.
    ModelTampered
        A shipped file differs from the manifest.
    """
    if isinstance(name_or_path, str):
        shipped = list(_manifest(folder))
        for line in shipped:
            if name_or_path in (line.name, f"{line.name}.{line.variant}"):
                wanted = line.variant if name_or_path != line.name else variant
                if variant not in ("auto", wanted):
                    raise _other_variant(name_or_path, wanted, variant)
                return _read_shipped(_choose(shipped, line.name, wanted))
        if not Path(name_or_path).exists():
            raise _unknown(name_or_path, sorted({line.name for line in shipped}))
    return _read_path(Path(name_or_path), variant)


def _choose(shipped: list[_Shipped], name: str, variant: str) -> _Shipped:
    lines = [line for line in shipped if line.name == name]
    for line in lines:
        if line.variant == variant or (variant == "auto" and line.is_default):
            return line
    known = ", ".join(sorted(line.variant for line in lines))
    raise ModelNotFound(f"{name}: there is no variant {variant!r}; choose auto or one of {known}")


def _other_variant(source: str, found: str, wanted: str) -> ModelNotFound:
    return ModelNotFound(
        f"{source}: this is the {found} variant, but {printable(wanted)} was asked for; "
        "leave the variant out, or name the other file"
    )


def _unknown(name: str, known: list[str]) -> ModelNotFound:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"perhaps you meant {near[0]}; " if near else ""
    names = ", ".join(known) if known else "none"
    return ModelNotFound(
        f"{printable(name)}: there is no installed model and no file of that name; "
        f"{hint}installed are: {names}"
    )


def _manifest(folder: Path) -> Iterator[_Shipped]:
    """Read the list of shipped models; a package without models has none."""
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != MANIFEST_FORMAT:
            raise ValueError(f"format {content['format']}")
        lines = [
            _Shipped(
                name, variant, variant == model["default"], folder / entry["file"], entry["sha256"]
            )
            for name, model in content["models"].items()
            for variant, entry in model["files"].items()
        ]
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelTampered(
            f"{printable(str(path))}: the list of shipped models cannot be read "
            f"({_reason(error)}); install musicedge again"
        ) from None
    yield from lines


def _read_shipped(line: _Shipped) -> Bundle:
    source = f"{line.name}.{line.variant}"
    data = _read_bytes(line.path, source)
    digest = hashlib.sha256(data).hexdigest()
    if digest != line.sha256:
        raise ModelTampered(
            f"{source}: the shipped file {line.path.name} has SHA-256 {digest[:12]}..., but "
            f"{line.sha256[:12]}... was shipped; install musicedge again"
        )
    card = _read_card(data, source)
    if (card.name, card.variant) != (line.name, line.variant):
        raise ModelTampered(
            f"{source}: the shipped file {line.path.name} calls itself "
            f"{card.name}.{card.variant}; install musicedge again"
        )
    return Bundle(source, data, digest, card)


def _read_path(path: Path, variant: str) -> Bundle:
    source = printable(str(path))
    data = _read_bytes(path, source)
    card = _read_card(data, source)
    if variant not in ("auto", card.variant):
        raise _other_variant(source, card.variant, variant)
    return Bundle(source, data, hashlib.sha256(data).hexdigest(), card)


def _read_bytes(path: Path, source: str) -> bytes:
    try:
        # A pipe or a device could wait or deliver for ever; its kind is asked before it is opened.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelInvalid(f"{source}: it is no regular file; give a model file (.onnx)")
        with path.open("rb") as file:
            data = file.read(MAX_MODEL_BYTES + 1)
    except FileNotFoundError:
        raise ModelNotFound(f"{source}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{source}: the model file cannot be read ({_reason(error)}); check its permissions"
        ) from None
    if len(data) > MAX_MODEL_BYTES:
        raise ModelInvalid(
            f"{source}: it is larger than {MAX_MODEL_BYTES // 2**20} MiB, the most that a model "
            "may have; give a model that musicedge exported"
        )
    return data


def _read_card(data: bytes, source: str) -> Card:
    text = read_metadata(data, source).get(METADATA_KEY)
    if text is None:
        raise ModelInvalid(
            f"{source}: an ONNX file without a musicedge card (metadata {METADATA_KEY!r}); "
            "give a model that musicedge exported"
        )
    try:
        return Card.from_json(text)
    except NewerFormat as error:
        raise ModelInvalid(
            f"{source}: made by a newer musicedge ({error}): upgrade musicedge"
        ) from None
    except ValueError as error:
        raise ModelInvalid(
            f"{source}: its card breaks a rule: {_reason(error)}; export the model again"
        ) from None


def _reason(error: Exception) -> str:
    """Return an exception's text, or the system's word for it, on one short line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    text = printable(text)
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
