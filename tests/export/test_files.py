"""Model files: whole or not at all, listed in a manifest that keeps the others."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
from onnx import ModelProto
from tests.export.conftest import candidate_of

from musicedge import bundle
from musicedge.errors import OutputError
from musicedge_export import files
from musicedge_export.files import Exported, manifest, update_manifest, write_models
from musicedge_export.verify import VerificationError


def test_files_are_named_by_variant_and_form(fp32: ModelProto, tmp_path: Path) -> None:
    plain = candidate_of(fp32)
    from_samples = replace(plain, card=replace(plain.card, input="waveform"))
    written = write_models([plain, from_samples], tmp_path / "new")
    names = ["tiny.fp32.onnx", "tiny.fp32.waveform.onnx"]
    assert [item.path.name for item in written] == names
    card = tmp_path / "new" / "tiny.fp32.waveform.json"
    assert written[1].companions == (card,)
    assert json.loads(card.read_text())["input"] == "waveform"
    assert sorted(p.name for p in card.parent.iterdir()) == sorted([*names, card.name])
    for item in written:
        data = item.path.read_bytes()
        assert (item.bytes, item.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert bundle.open(written[0].path).card == plain.card


def test_onnxruntimes_own_format_runs_and_lists_its_operators(
    fp32: ModelProto, tmp_path: Path
) -> None:
    (item,) = write_models([candidate_of(fp32)], tmp_path, ort=True)
    model, operators = item.companions
    assert [path.name for path in item.companions] == [
        "tiny.fp32.ort",
        "tiny.fp32.operators.config",
    ]
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["logmel"]
    assert "Conv" in operators.read_text()


def test_model_that_the_runtime_would_refuse_is_not_written(
    fp32: ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_MODEL_BYTES", 1000)
    with pytest.raises(VerificationError, match=r"tiny\.fp32: .* more than the 1,000"):
        write_models([candidate_of(fp32)], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def exported(folder: Path, name: str = "tiny") -> list[Exported]:
    return [
        Exported(folder / f"{name}.{variant}.onnx", variant, 7, "ab" * 32, (), {})
        for variant in ("fp32", "int8")
    ]


def test_manifest_keeps_other_models(tmp_path: Path) -> None:
    path = tmp_path / "new" / "manifest.json"
    update_manifest(path, "one", manifest(exported(tmp_path, "one"), "fp32"))
    update_manifest(path, "two", manifest(exported(tmp_path, "two"), "int8"))
    one = json.loads(path.read_text())["models"]["one"]
    update_manifest(path, "two", manifest(exported(tmp_path, "two"), "fp32"))
    values = json.loads(path.read_text())
    assert values["format"] == 1
    assert list(values["models"]) == ["one", "two"]
    assert values["models"]["one"] == one
    assert values["models"]["two"]["default"] == "fp32"
    assert one["files"]["int8"] == {"file": "one.int8.onnx", "sha256": "ab" * 32, "bytes": 7}
    assert [each.name for each in path.parent.iterdir()] == ["manifest.json"]


def test_manifest_takes_a_variant_beside_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    update_manifest(path, "one", manifest(exported(tmp_path, "one"), "int8"))
    new = [Exported(tmp_path / "one.int4.onnx", "int4", 5, "cd" * 32, (), {})]
    update_manifest(path, "one", manifest(new, "fp32"), beside=True)
    one = json.loads(path.read_text())["models"]["one"]
    assert one["default"] == "int8"
    assert sorted(one["files"]) == ["fp32", "int4", "int8"]
    update_manifest(path, "two", manifest(new, "int4"), beside=True)
    assert json.loads(path.read_text())["models"]["two"]["default"] == "int4"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"format": 1}', '{"format": 2, "models": {}}', '{"models": {}}']
)
def test_file_that_is_no_manifest_is_kept_and_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(OutputError) as caught:
        update_manifest(path, "one", manifest(exported(tmp_path), "fp32"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == text


def test_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(TypeError):
        files.write_atomically(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"file.*cannot be written"):
        files.write_atomically(tmp_path / "file" / "model.onnx", b"")
