"""Let an ONNX file take inputs of any size, without the `onnx` package.

CenterFace was exported with a fixed input of 10 x 3 x 32 x 32, which onnxruntime enforces, and with every weight
listed among the graph's inputs, which stops onnxruntime from folding batch normalisation into the convolutions
(72 ms instead of 34 ms of CPU on a 448 x 640 input). Both lie in a few hundred bytes of the file, so those bytes are
written anew: protobuf wire format, field numbers from onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Dims = Sequence[int | str]

MODEL_GRAPH = 7
GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO = 11, 12, 13
FLOAT = 1


def free_sizes(model: bytes, inputs: Mapping[str, Dims], outputs: Mapping[str, Dims]) -> bytes:
    """The serialized `model` with the given float inputs and outputs, a str in their dims meaning "any size".

    All other graph inputs, which must be weights, become constants; the sizes stated for inner values, which no
    longer hold, are dropped. Raises ValueError for bytes that are not a protobuf message or lack a graph.
    """
    parts = list(_fields(model))
    if not any(field == MODEL_GRAPH for field, _, _ in parts):
        raise ValueError("model must be a serialized ONNX model, got bytes without a graph")
    return b"".join(
        _message(MODEL_GRAPH, _rewrite(payload, inputs, outputs)) if field == MODEL_GRAPH else raw
        for field, payload, raw in parts
    )


def _rewrite(graph: bytes, inputs: Mapping[str, Dims], outputs: Mapping[str, Dims]) -> bytes:
    stated = {GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO}
    kept = [raw for field, _, raw in _fields(graph) if field not in stated]
    kept += [_message(GRAPH_INPUT, _value_info(name, dims)) for name, dims in inputs.items()]
    kept += [_message(GRAPH_OUTPUT, _value_info(name, dims)) for name, dims in outputs.items()]
    return b"".join(kept)


def _value_info(name: str, dims: Dims) -> bytes:
    """ValueInfoProto: name = 1, type = 2 > tensor_type = 1 > elem_type = 1, shape = 2 > dim = 1 > value 1 | param 2."""
    shape = b"".join(
        _message(1, _key(1, 0) + _varint(dim) if isinstance(dim, int) else _message(2, dim.encode())) for dim in dims
    )
    tensor = _key(1, 0) + _varint(FLOAT) + _message(2, shape)
    return _message(1, name.encode()) + _message(2, _message(1, tensor))


def _fields(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Field number, payload (empty unless length-delimited) and all bytes of each field of a message."""
    position = 0
    while position < len(data):
        start = position
        key, position = _read_varint(data, position)
        payload = b""
        wire_type = key & 7
        if wire_type == 0:
            _, position = _read_varint(data, position)
        elif wire_type == 2:
            length, position = _read_varint(data, position)
            payload = data[position : position + length]
            position += length
        elif wire_type in (1, 5):
            position += 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"model must be a protobuf message, got wire type {wire_type} at byte {start}")
        if position > len(data):
            raise ValueError("model must be a whole protobuf message, got a truncated one")
        yield key >> 3, payload, data[start:position]


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("model must be a whole protobuf message, got a truncated one")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _message(field: int, payload: bytes) -> bytes:
    return _key(field, 2) + _varint(len(payload)) + payload
