"""Finding and verifying model files, hostile ones included."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from tests.runtime import tiny_model
from tests.runtime.tiny_model import CARD

from musicedge import bundle as bundles
from musicedge import onnxfile
from musicedge.errors import ModelError, ModelInvalid, ModelNotFound, ModelTampered

VALID = tiny_model.build()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of shipped models, as in the package: "tiny" in two variants, int8 the default."""
    folder = tmp_path / "models"
    folder.mkdir()
    files = {}
    for variant in ("fp32", "int8"):
        path = tiny_model.write(folder, tiny_model.card(variant=variant))
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        files[variant] = {"file": path.name, "sha256": digest, "bytes": len(data)}
    manifest = {"format": 1, "models": {"tiny": {"default": "int8", "files": files}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def written(folder: Path, data: bytes) -> Path:
    path = folder / "my.onnx"
    path.write_bytes(data)
    return path


def refusal(folder: Path, data: bytes) -> str:
    """Return why a model file is refused, which must be one line that begins with its path."""
    path = written(folder, data)
    with pytest.raises(ModelInvalid) as caught:
        bundles.open(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 700
    return message


# --- finding


def test_a_path_opens_the_file(tmp_path: Path):
    path = written(tmp_path, VALID)
    for given_path in (path, str(path)):
        bundle = bundles.open(given_path)
        assert bundle.source == str(path)
        assert bundle.data == VALID
        assert bundle.sha256 == hashlib.sha256(VALID).hexdigest()
        assert bundle.card == CARD


@pytest.mark.parametrize(
    ("name", "variant", "found"),
    [
        ("tiny", "auto", "int8"),
        ("tiny", "int8", "int8"),
        ("tiny", "fp32", "fp32"),
        ("tiny.fp32", "auto", "fp32"),
        ("tiny.fp32", "fp32", "fp32"),
    ],
)
def test_names_resolve_to_shipped_models(shelf: Path, name: str, variant: str, found: str):
    bundle = bundles.open(name, variant, folder=shelf)
    assert bundle.card.variant == found
    assert bundle.source == f"tiny.{found}"


def test_names_come_before_paths_and_a_path_is_still_a_path(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for path in (Path("tiny"), Path("tiny.onnx")):
        path.write_bytes(tiny_model.build(tiny_model.card(name="mine")))
    assert bundles.open("tiny", folder=shelf).card.name == "tiny"
    for path in ("./tiny", "tiny.onnx", Path("tiny")):
        assert bundles.open(path, folder=shelf).card.name == "mine"


def test_an_unknown_name_gets_the_known_ones_and_the_nearest(shelf: Path):
    with pytest.raises(ModelNotFound, match="perhaps you meant tiny; installed are: tiny"):
        bundles.open("tinny", folder=shelf)
    with pytest.raises(ModelNotFound, match=r"zzz: .* file of that name; installed are: tiny"):
        bundles.open("zzz", folder=shelf)
    with pytest.raises(ModelNotFound, match="installed are: none"):
        bundles.open("cnn", folder=shelf / "empty")


def test_an_unknown_variant_gets_the_known_ones(shelf: Path):
    with pytest.raises(ModelNotFound, match="no variant 'int4'; choose auto or one of fp32, int8"):
        bundles.open("tiny", "int4", folder=shelf)


def test_a_variant_that_contradicts_is_never_ignored(shelf: Path, tmp_path: Path):
    with pytest.raises(ModelNotFound, match="this is the int8 variant, but fp32"):
        bundles.open("tiny.int8", "fp32", folder=shelf)
    with pytest.raises(ModelNotFound, match="this is the fp32 variant, but int8"):
        bundles.open(written(tmp_path, VALID), "int8")


def test_a_missing_path_is_not_found(tmp_path: Path):
    with pytest.raises(ModelNotFound, match=r"no such file"):
        bundles.open(tmp_path / "missing.onnx")
    with pytest.raises(ModelNotFound, match=r"a\\nb"):
        bundles.open("a\nb")
    with pytest.raises(ModelError, match=r"\\x00"):
        bundles.open("a\0b")


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path):
    with pytest.raises(ModelInvalid, match="no regular file"):
        bundles.open(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelInvalid, match="no regular file"):
            bundles.open(tmp_path / "pipe")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path):
    path = written(tmp_path, VALID)
    path.chmod(0)
    with pytest.raises(ModelError, match="cannot be read"):
        bundles.open(path)


# --- the shipped files


def test_installed_lists_the_manifest(shelf: Path):
    models = bundles.installed(shelf)
    assert [(m.name, m.variant, m.is_default) for m in models] == [
        ("tiny", "fp32", False),
        ("tiny", "int8", True),
    ]
    for model in models:
        data = model.path.read_bytes()
        assert model.bytes == len(data)
        assert model.sha256 == hashlib.sha256(data).hexdigest()
        assert model.card.variant == model.variant


def test_a_package_without_models_has_none_installed(tmp_path: Path):
    assert bundles.installed(tmp_path) == []


def test_a_changed_file_is_tampered_with(shelf: Path):
    path = shelf / "tiny.int8.onnx"
    path.write_bytes(tiny_model.build(tiny_model.card(variant="int8"), seed=1))
    for call in (lambda: bundles.open("tiny", folder=shelf), lambda: bundles.installed(shelf)):
        with pytest.raises(ModelTampered, match=r"^tiny.int8: .*SHA-256 .*install musicedge again"):
            call()


def test_a_file_under_another_name_is_tampered_with(shelf: Path):
    manifest = json.loads((shelf / "manifest.json").read_text())
    files = manifest["models"]["tiny"]["files"]
    files["int8"] = files["fp32"]
    (shelf / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelTampered, match=r"calls itself tiny\.fp32"):
        bundles.open("tiny", folder=shelf)


def test_a_missing_shipped_file_is_not_found(shelf: Path):
    (shelf / "tiny.int8.onnx").unlink()
    with pytest.raises(ModelNotFound, match=r"^tiny.int8: "):
        bundles.open("tiny", folder=shelf)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "models": 3}'])
def test_a_broken_manifest_is_tampered_with(shelf: Path, text: str):
    (shelf / "manifest.json").write_text(text)
    with pytest.raises(ModelTampered, match="list of shipped models"):
        bundles.open("tiny", folder=shelf)


# --- hostile files


def test_an_empty_file_is_no_model(tmp_path: Path):
    assert "it is empty" in refusal(tmp_path, b"")


@pytest.mark.parametrize(
    "data",
    [b"hello", b"RIFF....WAVEfmt ", b"\x89PNG\r\n\x1a\n" * 9, b"\x00" * 99, b"PK\x03\x04" * 9],
)
def test_other_formats_are_no_model(tmp_path: Path, data: bytes):
    assert "no whole ONNX model" in refusal(tmp_path, data)


def test_every_truncation_is_refused():
    for end in range(len(VALID)):
        with pytest.raises(ModelInvalid):
            bundles._read_card(VALID[:end], "cut")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_random_damage_is_refused_or_harmless(data: st.DataObject):
    damaged = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(VALID) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelInvalid):  # anything else would be a traceback
        bundles._read_card(bytes(damaged), "damaged")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(data: bytes):
    with pytest.raises(ModelInvalid):
        bundles._read_card(data, "random")


def test_a_huge_file_is_refused_unread(tmp_path: Path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(bundles.MAX_MODEL_BYTES + 1)
    with pytest.raises(ModelInvalid, match="larger than 64 MiB"):
        bundles.open(path)


def external(tensor: TensorProto) -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def floats(name: str) -> TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [1], [0.0])


def places() -> dict[str, onnx.ModelProto]:
    """Return valid models with external data in every place that a tensor can stand."""
    result = {
        name: tiny_model.graph()
        for name in ("initializer", "location only", "data only", "constant")
    }
    external(result["initializer"].graph.initializer[0])
    result["location only"].graph.initializer[0].data_location = TensorProto.EXTERNAL
    result["data only"].graph.initializer[0].external_data.add(key="location", value="x")
    constant = helper.make_node("Constant", [], ["c"], value=external(floats("c")))
    result["constant"].graph.node.append(constant)

    inner = helper.make_graph([constant], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    outer = helper.make_graph([branch], "outer", [], [])
    deep = helper.make_node("If", ["x"], ["y"], then_branch=outer, else_branch=outer)
    result["subgraph"] = tiny_model.graph()
    result["subgraph"].graph.node.append(deep)

    for name, part in (("sparse values", "values"), ("sparse indices", "indices")):
        result[name] = tiny_model.graph()
        sparse = onnx.SparseTensorProto(values=floats("v"), indices=floats("i"), dims=[3])
        external(getattr(sparse, part))
        result[name].graph.sparse_initializer.append(sparse)
    result["sparse attribute"] = tiny_model.graph()
    node = helper.make_node("Constant", [], ["s"], sparse_value=sparse)
    result["sparse attribute"].graph.node.append(node)

    result["tensor list"] = tiny_model.graph()
    listed = result["tensor list"].graph.node[0].attribute.add(name="many")
    listed.type = onnx.AttributeProto.TENSORS
    listed.tensors.append(external(floats("t")))

    result["function"] = tiny_model.graph()
    function = helper.make_function("", "F", [], ["c"], [constant], [helper.make_opsetid("", 17)])
    result["function"].functions.append(function)

    result["training"] = tiny_model.graph()
    result["training"].training_info.add().algorithm.CopyFrom(inner)
    return result


@pytest.mark.parametrize("place", places())
def test_tensors_in_other_files_are_refused_wherever_they_stand(tmp_path: Path, place: str):
    data = tiny_model.with_card(places()[place], CARD.to_json())
    assert "external data" in refusal(tmp_path, data)


def field(number: int, wire: int, payload: bytes) -> bytes:
    """Return one field in the wire format."""
    return varint(number << 3 | wire) + (varint(len(payload)) if wire == 2 else b"") + payload


def varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


@pytest.mark.parametrize("location", [varint(2**32 + 1), b"\x81\x80\x80\x80\x00", varint(2)])
def test_external_data_in_disguise_is_refused(tmp_path: Path, location: bytes):
    """Numbers that a 32-bit reading, or a longer spelling, turns into EXTERNAL."""
    tensor = field(5, 2, field(14, 0, location))
    assert "external data" in refusal(tmp_path, VALID + field(7, 2, tensor))


@pytest.mark.parametrize(
    "tail",
    [
        field(7, 0, b"\x01"),  # a graph that is a number
        field(7, 3, b""),  # a group
        field(2, 6, b""),  # no such wire type
        b"\x00\x00",  # field number 0
        varint(2**33) + b"\x00",  # a field number beyond the format's
        b"\xff" * 11,  # a number without an end
        varint(7 << 3 | 2) + varint(2**62),  # a length beyond the file
        field(14, 2, field(1, 2, b"\xff\xfe")),  # text that is not UTF-8
    ],
)
def test_a_broken_wire_format_is_refused(tmp_path: Path, tail: bytes):
    assert "no whole ONNX model" in refusal(tmp_path, VALID + tail)


def test_endless_nesting_is_refused(tmp_path: Path):
    node = b""
    for _ in range(200):
        node = field(5, 2, field(6, 2, field(1, 2, node)))  # node -> attribute -> graph -> node
    assert "nested deeper" in refusal(tmp_path, VALID + field(7, 2, field(1, 2, node)))


def test_endless_fields_are_refused(tmp_path: Path):
    assert "fields" in refusal(tmp_path, VALID + b"\x08\x08" * 1_000_001)


def test_operators_that_onnxruntime_lacks_are_refused(tmp_path: Path):
    model = tiny_model.graph()
    model.graph.node[0].domain = "evil.ops\n"
    message = refusal(tmp_path, tiny_model.with_card(model, CARD.to_json()))
    assert r"domain 'evil.ops\n'" in message
    model = tiny_model.graph()
    node = helper.make_node("EPContext", ["logmel"], ["x"], domain="com.microsoft")
    model.graph.node.append(node)
    assert "EPContext" in refusal(tmp_path, tiny_model.with_card(model, CARD.to_json()))


def test_microsofts_operators_and_unused_imports_are_fine(tmp_path: Path):
    model = tiny_model.graph()
    for domain in ("ai.onnx.training", "com.ms.internal.nhwc"):
        model.opset_import.append(helper.make_opsetid(domain, 1))
    model.graph.node.add(op_type="QGemm", domain="com.microsoft")
    path = written(tmp_path, tiny_model.with_card(model, CARD.to_json()))
    assert bundles.open(path).card == CARD


def test_a_file_in_onnxruntimes_own_format_is_refused(tmp_path: Path):
    disguise = field(9, 2, b"12ORTM") + VALID  # valid protobuf, with the mark at byte 4
    assert disguise[4:8] == b"ORTM"
    assert "own format" in refusal(tmp_path, disguise)


def test_a_model_without_a_graph_is_refused(tmp_path: Path):
    model = onnx.ModelProto(ir_version=8)
    assert "no graph" in refusal(tmp_path, tiny_model.with_card(model, CARD.to_json()))


# --- cards


def test_an_onnx_file_without_a_card_is_refused(tmp_path: Path):
    data = tiny_model.graph().SerializeToString()
    assert "without a musicedge card" in refusal(tmp_path, data)


def test_two_cards_are_refused(tmp_path: Path):
    model = onnx.load_from_string(VALID)
    model.metadata_props.add(key="musicedge.card", value=CARD.to_json())
    assert "twice" in refusal(tmp_path, model.SerializeToString())


def test_a_newer_card_says_to_upgrade(tmp_path: Path):
    text = CARD.to_json().replace('"format_version": 2', '"format_version": 3')
    message = refusal(tmp_path, tiny_model.with_card(tiny_model.graph(), text))
    assert message.endswith(
        "made by a newer musicedge (card format 3, this one reads 2): upgrade musicedge"
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"a\x1b[2J": 1}', '{"name": "' + "x" * 9999 + '"}']
)
def test_a_broken_card_is_refused_in_one_short_line(tmp_path: Path, text: str):
    message = refusal(tmp_path, tiny_model.with_card(tiny_model.graph(), text))
    assert re.search("its card breaks a rule: .*; export the model again", message)


def test_nothing_is_executed_before_the_card_is_checked():
    assert "onnxruntime" not in vars(bundles) | vars(onnxfile)
    assert "onnx" not in vars(onnxfile)
    assert sys.modules["musicedge.bundle"] is bundles


# --- the models of this package, as soon as they are there


@pytest.mark.skipif(
    not (bundles.MODELS_FOLDER / "manifest.json").exists(), reason="no models are shipped yet"
)
def test_the_shipped_models_keep_their_promises():
    from musicedge.session import Session

    models = bundles.installed()
    by_name = {(model.name, model.variant): model for model in models}
    assert {("cnn", "fp32"), ("cnn", "int8")} <= set(by_name)
    assert by_name["cnn", "fp32"].bytes <= 4.2e6
    assert by_name["cnn", "int8"].bytes <= 1.5e6
    for name in {model.name for model in models}:
        assert sum(model.is_default for model in models if model.name == name) == 1
    for model in models:
        card = model.card
        assert {head.name for head in card.heads} == {
            "genre",
            "valence",
            "arousal",
            "danceability",
            "music",
        }
        assert len(card.head("genre").labels) == 11
        assert card.licence
        assert card.training_data
        assert card.scores
        assert Session(bundles.open(f"{model.name}.{model.variant}"), "cpu").provider
    cards = {variant: by_name["cnn", variant].card for variant in ("fp32", "int8")}
    assert cards["fp32"].frontend == cards["int8"].frontend
    assert cards["fp32"].head("genre").labels == cards["int8"].head("genre").labels
