"""What an ONNX file holds, read from its bytes alone, before anything in it is executed.

A model file is untrusted, and onnxruntime can be made to read other files by it. So the few fields
that matter (metadata, operator domains, where tensors lie) are walked here first, in the protobuf
wire format, without a protobuf package.

References
----------
"Protocol Buffers: Encoding", https://protobuf.dev/programming-guides/encoding/; field numbers are
from the ONNX project's onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

from musicedge.errors import ModelInvalid

# The operators that onnxruntime implements itself. What a model merely imports is not looked at:
# onnxruntime's own tools import domains that no node uses.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})

_MAX_DEPTH = 64  # messages in messages; onnxruntime's own parser stops at 100
_MAX_FIELDS = 1_000_000  # about a second of walking; a network of 1000 nodes has 20,000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_FIELD_NUMBER = 2**29 - 1
_ORT_MARK = b"ORTM"  # at byte 4: onnxruntime would read the file as its own format instead

# Message -> field number -> the message in that field. Fields that lead to none of the facts below
# are not entered.
_CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 14: "Entry", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {
        5: "Tensor",
        6: "Graph",
        10: "Tensor",
        11: "Graph",
        22: "SparseTensor",
        23: "SparseTensor",
    },
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
    "Entry": {},
}
_TEXTS = {  # message -> field number -> what the text is
    "Node": {4: "operator", 7: "domain"},
    "Function": {10: "domain"},
    "Entry": {1: "key", 2: "value"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # fields of Tensor


def read_metadata(data: bytes, name: str) -> dict[str, str]:
    """Return an ONNX file's metadata, once nothing in the file is found to reach outside of it.

    Parameters
    ----------
    data
        The whole file.
    name
        What errors call it.

    Returns
    -------
    dict of str to str
        The model's own key-value pairs.

    Raises
    ------
    ModelInvalid
        The bytes are not an ONNX model, or it keeps tensors in other files, names a pre-compiled
        context, uses operators of a domain outside `DOMAINS`, or has a metadata key twice.
    """
    if not data:
        raise _not_onnx(name, "it is empty")
    if data[4:8] == _ORT_MARK:
        raise _not_onnx(name, "it is in onnxruntime's own format")
    metadata: dict[str, str] = {}
    graphs = 0
    for message, entry in _messages(data, name):
        if message == "Graph":
            graphs += 1
        elif message == "Entry":
            key = entry.get("key", "")
            if key in metadata:
                raise _not_onnx(name, f"the metadata key {key!r} stands there twice")
            metadata[key] = entry.get("value", "")
        elif entry.get("domain", "") not in DOMAINS:
            raise ModelInvalid(
                f"{name}: it uses operators of the domain {entry['domain']!r}, which onnxruntime "
                "does not know by itself; export the model with standard operators only"
            )
        elif entry.get("operator") == "EPContext":
            raise ModelInvalid(
                f"{name}: it holds a pre-compiled context (EPContext), which may point to another "
                "file; use the model that it was compiled from"
            )
    if not graphs:
        raise _not_onnx(name, "it holds no graph")
    return metadata


def _messages(data: bytes, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every message of interest with its texts; refuse external data on the way."""
    view = memoryview(data)
    pending = [("Model", 0, len(data), 0)]
    n_fields = 0
    while pending:
        message, start, end, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise _not_onnx(name, f"its messages are nested deeper than {_MAX_DEPTH}")
        children, texts = _CHILDREN[message], _TEXTS.get(message, {})
        entry: dict[str, str] = {}
        position = start
        while position < end:
            n_fields += 1
            if n_fields > _MAX_FIELDS:
                raise _not_onnx(name, f"it has more than {_MAX_FIELDS} fields")
            tag, position = _varint(data, position, end, name)
            field, wire = tag >> 3, tag & 7
            if not 1 <= field <= _MAX_FIELD_NUMBER:
                raise _not_onnx(name, f"field number {field} at byte {position}")
            value = length = 0
            if wire == _VARINT:
                value, position = _varint(data, position, end, name)
            elif wire == _BYTES:
                length, position = _varint(data, position, end, name)
            elif wire == _FIXED64:
                length = 8
            elif wire == _FIXED32:
                length = 4
            else:
                raise _not_onnx(name, f"wire type {wire} at byte {position}")
            begin, position = position, position + length
            if position > end:
                raise _not_onnx(name, f"a field of {length} bytes ends outside its message")
            if message == "Tensor" and (
                field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value)
            ):
                raise ModelInvalid(
                    f"{name}: it keeps tensors in other files (external data); "
                    "export it again with all tensors inside the one file"
                )
            if field in children or field in texts:
                if wire != _BYTES:
                    raise _not_onnx(name, f"field {field} of {message} has wire type {wire}")
                if field in children:
                    pending.append((children[field], begin, position, depth + 1))
                else:
                    entry[texts[field]] = _text(view[begin:position], name)
        yield message, entry


def _varint(data: bytes, position: int, end: int, name: str) -> tuple[int, int]:
    """Return the base-128 number at `position` and where it ends."""
    value = shift = 0
    while position < end and shift < 70:  # ten bytes hold 64 bits
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise _not_onnx(name, f"a number breaks off at byte {position}")


def _text(view: memoryview, name: str) -> str:
    try:
        return str(view, "utf-8")
    except UnicodeDecodeError:
        raise _not_onnx(name, "a text in it is not UTF-8") from None


def _not_onnx(name: str, reason: str) -> ModelInvalid:
    return ModelInvalid(
        f"{name}: it is no whole ONNX model ({reason}); give a model that musicedge exported"
    )
