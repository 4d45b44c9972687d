"""Answers of TF Serving's REST API as pieces of JSON, as util/json_tensor.cc of tensorflow/serving writes them.

A large answer takes seconds to write: a thread that writes it piece by piece lets others in between. The pieces, one
after another, are the answer in UTF-8.
"""

import base64
import json
import math

import numpy as np
import tensorflow as tf

_PIECE = 2048  # values that are written at once, in about 5 ms


def to_json(value):
    """A value's JSON in UTF-8; half a surrogate pair becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def predictions(outputs, rows):
    """The answer to a prediction, {name: TensorProto}: `predictions`, a row each, or `outputs`, a column each.

    >>> b"".join(predictions({"logits": tf.make_tensor_proto([[1.0, 2.5]])}, rows=True))
    b'{"predictions": [[1.0, 2.5]]}'
    """
    arrays = {name: tf.make_ndarray(proto) for name, proto in sorted(outputs.items())}
    if rows and (not all(array.ndim for array in arrays.values()) or len({len(each) for each in arrays.values()}) != 1):
        raise ValueError("the outputs do not have one row for each of 'instances'; send 'inputs' instead")
    yield b'{"predictions": ' if rows else b'{"outputs": '
    if len(arrays) == 1:
        yield from _array(*next(iter(arrays.items())))
    elif rows:
        yield from _rows(arrays)
    else:
        yield from _object(arrays)
    yield b"}"


def classifications(result):
    """The answer to a classification: for each example its [label, score] pairs."""
    found = result.classifications
    most = max((len(each.classes) for each in found), default=0)
    yield b'{"results": '
    yield from _list(
        len(found),
        _PIECE // max(2 * most, 1),
        lambda part: [_elements([[[one.label, _shortest(one.score)] for one in each.classes] for each in found[part]])],
    )
    yield b"}"


def regressions(result):
    """The answer to a regression: a number for each example."""
    found = result.regressions
    yield b'{"results": '
    yield from _list(len(found), _PIECE, lambda part: [_elements([_shortest(each.value) for each in found[part]])])
    yield b"}"


def _list(count, step, pieces):
    """A list of `count` elements; `pieces`: slice -> the pieces of those elements, which are about `step`."""
    step = max(step, 1)
    yield b"["
    for begin in range(0, count, step):
        if begin:
            yield b", "
        yield from pieces(slice(begin, begin + step))
    yield b"]"


def _elements(values):
    return to_json(values)[1:-1]


def _array(name, array):
    if array.size <= _PIECE:
        yield to_json(_plain(name, array))
        return
    row = array.size // len(array)
    yield from _list(
        len(array),
        _PIECE // row,
        lambda part: [_elements(_plain(name, array[part]))] if row <= _PIECE else _array(name, array[part.start, ...]),
    )


def _rows(arrays):
    row = sum(math.prod(array.shape[1:]) for array in arrays.values())

    def pieces(part):
        if row > _PIECE:
            return _object({name: array[part.start, ...] for name, array in arrays.items()})
        columns = [_plain(name, array[part]) for name, array in arrays.items()]
        return [_elements([dict(zip(arrays, values, strict=True)) for values in zip(*columns, strict=True)])]

    yield from _list(len(next(iter(arrays.values()))), _PIECE // max(row, 1), pieces)


def _object(arrays):
    separator = b"{"
    for name, array in arrays.items():
        yield separator + to_json(name) + b": "
        yield from _array(name, array)
        separator = b", "
    yield b"}"


def _plain(name, array):
    if array.dtype == object:
        binary = name.endswith("_bytes")
        return _each(array.tolist(), lambda item: {"b64": base64.b64encode(item).decode()} if binary else _text(item))
    if array.dtype.kind not in "biu" and array.dtype != np.float64:
        # The shortest digits that mean this float32, not those of the float64 beside it.
        return array.astype(np.float32).astype("U32").astype(np.float64).tolist()
    return array.tolist()


def _each(value, change):
    return [_each(item, change) for item in value] if isinstance(value, list) else change(value)


def _text(item):
    return item.decode("utf-8", "replace")


def _shortest(value):
    return float(str(np.float32(value)))
