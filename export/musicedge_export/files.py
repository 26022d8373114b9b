"""Writing model files: whole or not at all, with the manifest that lists them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicedge.bundle import MANIFEST_FORMAT, MAX_MODEL_BYTES
from musicedge.errors import OutputError
from musicedge_export.candidates import Candidate
from musicedge_export.forms import ort_format
from musicedge_export.graph import INPUT
from musicedge_export.verify import Difference, VerificationError


@dataclass(frozen=True)
class Exported:
    """One model file that was written.

    Attributes
    ----------
    differences
        From what it was made of.
    scores
        As a `Candidate` has them.
    companions
        The files beside it: the card of a model for other programs, which may not read metadata;
        its form for onnxruntime's minimal builds, and the operators of that.
    """

    path: Path
    variant: str
    bytes: int
    sha256: str
    differences: tuple[Difference, ...]
    scores: Mapping[str, float]
    companions: tuple[Path, ...] = ()


def write_models(
    candidates: Sequence[Candidate], folder: Path, *, ort: bool = False
) -> list[Exported]:
    """Write models as ``NAME.VARIANT.onnx``, or ``NAME.VARIANT.waveform.onnx``.

    Parameters
    ----------
    candidates
        The models, verified.
    folder
        Made when missing.
    ort
        Whether to write each in onnxruntime's own format as well, with its list of operators.

    Raises
    ------
    OutputError
        A file cannot be written.
    VerificationError
        One is larger than the runtime takes; nothing is written.
    """
    contents = []
    for candidate in candidates:
        card = candidate.card
        form = "" if card.input == INPUT else f".{card.input}"
        stem = f"{card.name}.{card.variant}{form}"
        data = candidate.model.SerializeToString()
        if len(data) > MAX_MODEL_BYTES:
            raise VerificationError(
                f"{stem}: {len(data):,} bytes, more than the {MAX_MODEL_BYTES:,} that are read"
            )
        companions: dict[str, bytes] = {}
        if card.input != INPUT:
            text = json.dumps(card.to_dict(), ensure_ascii=False, indent=2)
            companions[f"{stem}.json"] = text.encode()
        if ort:
            model, operators = ort_format(candidate.model)
            companions[f"{stem}.ort"] = model
            companions[f"{stem}.operators.config"] = operators.encode()
        contents.append((candidate, f"{stem}.onnx", data, companions))
    written = []
    for candidate, name, data, companions in contents:
        for companion, content in companions.items():
            write_atomically(folder / companion, content)
        write_atomically(folder / name, data)
        written.append(
            Exported(
                folder / name,
                candidate.card.variant,
                len(data),
                hashlib.sha256(data).hexdigest(),
                candidate.differences,
                candidate.scores,
                tuple(folder / companion for companion in companions),
            )
        )
    return written


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def manifest(exported: Sequence[Exported], default: str) -> dict[str, Any]:
    """Return the manifest's entry of one model, whose default variant is `default`."""
    return {
        "default": default,
        "files": {
            item.variant: {"file": item.path.name, "sha256": item.sha256, "bytes": item.bytes}
            for item in exported
        },
    }


def update_manifest(
    path: Path, name: str, entry: Mapping[str, Any], *, beside: bool = False
) -> None:
    """Put a model's entry into a manifest file, keeping the other models'.

    Parameters
    ----------
    path
        The manifest; made when missing.
    name
        The model's name.
    entry
        What `manifest` returns.
    beside
        Whether to keep the variants that the model has there already, and its default.

    Raises
    ------
    OutputError
        The file that is there is no manifest, or it cannot be written.
    """
    values: Any = {"format": MANIFEST_FORMAT, "models": {}}
    try:
        if path.exists():
            values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != MANIFEST_FORMAT:
            raise ValueError(f"its format is {values['format']!r}")
        old = values["models"].get(name) if beside else None
        if old is not None:
            entry = {**old, "files": {**old["files"], **entry["files"]}}
        values["models"][name] = dict(entry)
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise OutputError(f"{path}: no manifest of models can be read there: {reason}") from error
    write_atomically(path, (json.dumps(values, indent=2, sort_keys=True) + "\n").encode())
