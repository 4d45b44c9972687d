"""Responses of TF Serving's REST API as pieces of JSON, written as util/json_tensor.cc of tensorflow/serving does.

A large response takes seconds to write. Written piece by piece, in a thread, it lets other threads run in between.
The pieces joined are the response in UTF-8.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import classification_pb2, regression_pb2

from tfbert.serving.protocol import dtypes, tensor_proto

_PIECE = 2048  # values in a piece, which takes about 5 ms to write


def to_json(value: Any) -> bytes:
    """A value's JSON in UTF-8; half of a surrogate pair becomes a question mark.

    >>> to_json({"label": "gut"})
    b'{"label": "gut"}'
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def predictions(outputs: Mapping[str, tensor_pb2.TensorProto], in_rows: bool) -> Iterator[bytes]:
    """The response to `predict`: `predictions` with one value per row, or `outputs` with one value per output.

    Raises ValueError if `in_rows` is asked for and the outputs do not have the same number of rows.

    >>> b"".join(predictions({"logits": tensor_proto.encode(np.array([[1.0, 2.5]]))}, in_rows=True))
    b'{"predictions": [[1.0, 2.5]]}'
    """
    if not outputs:
        raise ValueError("the signature has no outputs")
    for name, proto in outputs.items():
        dtype = dtypes.of_number(proto.dtype)
        if not (dtype.is_integer or dtype.is_floating or dtype in (dtypes.BOOL, dtypes.STRING)):
            raise ValueError(f"output {name!r} is {dtype.name}, which JSON cannot hold")
    arrays = {name: tensor_proto.to_array(proto) for name, proto in sorted(outputs.items())}
    if in_rows and (
        not all(array.ndim for array in arrays.values()) or len({len(each) for each in arrays.values()}) != 1
    ):
        raise ValueError("the outputs do not have one row for each of 'instances'; send 'inputs' instead")
    yield b'{"predictions": ' if in_rows else b'{"outputs": '
    if len(arrays) == 1:
        yield from _array(*next(iter(arrays.items())))
    elif in_rows:
        yield from _rows(arrays)
    else:
        yield from _object(arrays)
    yield b"}"


def classifications(result: classification_pb2.ClassificationResult) -> Iterator[bytes]:
    """The response to `classify`: for each example its [label, score] pairs.

    >>> positive = {"classes": [{"label": "positive", "score": 0.5}]}
    >>> result = classification_pb2.ClassificationResult(classifications=[positive])
    >>> b"".join(classifications(result))
    b'{"results": [[["positive", 0.5]]]}'
    """
    found = result.classifications
    longest = max((len(each.classes) for each in found), default=0)
    yield b'{"results": '
    yield from _list(
        len(found),
        _PIECE // max(2 * longest, 1),
        lambda part: [_elements([[[one.label, _shortest(one.score)] for one in each.classes] for each in found[part]])],
    )
    yield b"}"


def regressions(result: regression_pb2.RegressionResult) -> Iterator[bytes]:
    """The response to `regress`: one number per example.

    >>> b"".join(regressions(regression_pb2.RegressionResult(regressions=[{"value": 0.5}])))
    b'{"results": [0.5]}'
    """
    found = result.regressions
    yield b'{"results": '
    yield from _list(len(found), _PIECE, lambda part: [_elements([_shortest(each.value) for each in found[part]])])
    yield b"}"


def _list(count: int, step: int, pieces: Callable[[slice], Iterable[bytes]]) -> Iterator[bytes]:
    """A JSON list of `count` elements, `step` of them at a time; `pieces` writes the elements of a slice."""
    step = max(step, 1)
    yield b"["
    for begin in range(0, count, step):
        if begin:
            yield b", "
        yield from pieces(slice(begin, begin + step))
    yield b"]"


def _elements(values: list[Any]) -> bytes:
    return to_json(values)[1:-1]


def _array(name: str, array: np.ndarray) -> Iterator[bytes]:
    if array.size <= _PIECE:
        yield to_json(_plain(name, array))
        return
    row = array.size // len(array)
    yield from _list(
        len(array),
        _PIECE // row,
        lambda part: [_elements(_plain(name, array[part]))] if row <= _PIECE else _array(name, array[part.start, ...]),
    )


def _rows(arrays: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    row = sum(math.prod(array.shape[1:]) for array in arrays.values())

    def pieces(part: slice) -> Iterable[bytes]:
        if row > _PIECE:
            return _object({name: array[part.start, ...] for name, array in arrays.items()})
        columns = [_plain(name, array[part]) for name, array in arrays.items()]
        return [_elements([dict(zip(arrays, values, strict=True)) for values in zip(*columns, strict=True)])]

    yield from _list(len(next(iter(arrays.values()))), _PIECE // max(row, 1), pieces)


def _object(arrays: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    separator = b"{"
    for name, array in arrays.items():
        yield separator + to_json(name) + b": "
        yield from _array(name, array)
        separator = b", "
    yield b"}"


def _plain(name: str, array: np.ndarray) -> Any:
    """The array's values as JSON has them; an output whose name ends with `_bytes` is base64."""
    if array.dtype == object:
        binary = name.endswith("_bytes")
        return _each(array.tolist(), lambda item: {"b64": base64.b64encode(item).decode()} if binary else _text(item))
    if array.dtype.kind not in "biu" and array.dtype != np.float64:
        # The shortest digits of this float32, not those of the nearest float64.
        return array.astype(np.float32).astype("U32").astype(np.float64).tolist()
    return array.tolist()


def _each(value: Any, change: Callable[[bytes], Any]) -> Any:
    return [_each(item, change) for item in value] if isinstance(value, list) else change(value)


def _text(item: bytes) -> str:
    return item.decode("utf-8", "replace")


def _shortest(value: float) -> float:
    return float(str(np.float32(value)))
