"""A request of many rows -> pieces that are computed one after another, and their outputs -> the request's.

TF Serving does this with `enable_large_batch_splitting`, but fails where the outputs of two pieces differ in shape.
Here they are padded, as the graph pads the rows of one batch. B: rows of a request.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
# Yields the inputs of batches that may run at once, is sent their outputs, and returns the request's.
Steps = Generator[list[Arrays], list[Arrays], Arrays]
ROW_BYTES = 4096  # a batch of long texts has fewer rows, so that its memory is bounded
_STRING = 64  # what a string counts besides its bytes: a list of many short ones is many tokens, too
_LEAST = 8  # rows in a piece of a request that one batch could hold
_PROBED = 8  # rows that show what an output is padded with
_FILLERS = (0, -1, b"")


class Cutter:
    """Says which batches a request needs; remembers of each signature what the outputs of its pieces are padded with.

    Args:
        most: rows in a batch; their strings have at most so many times `ROW_BYTES`.
        at_once: batches that can run at once. A request is cut into as many pieces, if they are not very small.

    >>> next(Cutter(most=2).batches("serving_default", {"text": np.array([b"a", b"b", b"c"], object)}))
    [{'text': array([b'a', b'b'], dtype=object)}]
    """

    def __init__(self, most: int, at_once: int = 1) -> None:
        self._most, self._at_once = most, at_once
        self._whole: set[str] = set()  # signatures whose requests cannot be cut
        self._fillers: dict[str, dict[str, Any]] = {}

    def batches(self, signature: str, inputs: Arrays) -> Steps:
        """The batches of a request with a batch axis: one, unless it is large and can be cut."""
        if signature not in self._whole:
            found = sizes(inputs)
            share = max(-(-len(found) // self._at_once), _LEAST)
            places = ends(found, min(share, self._most))
            if len(places) > 1:
                return self._cut(signature, inputs, places)
        return alone(inputs)

    def _cut(self, signature: str, inputs: Arrays, places: list[int]) -> Steps:
        steps = in_pieces(inputs, places, self._fillers.setdefault(signature, {}), self._at_once)
        asked = next(steps)
        while True:
            if asked[0] is inputs:  # the pieces do not make the whole; the next request need not try that again
                self._whole.add(signature)
            outputs = yield asked
            try:
                asked = steps.send(outputs)
            except StopIteration as done:
                return done.value


def alone(inputs: Arrays) -> Steps:
    """The one batch of a request that is not cut.

    >>> next(alone({"text": np.array([b"a"], object)}))
    [{'text': array([b'a'], dtype=object)}]
    """
    (outputs,) = yield [inputs]
    return outputs


def sizes(inputs: Mapping[str, np.ndarray]) -> list[int]:
    """For each row of inputs with a batch axis, the size of its strings in bytes.

    >>> sizes({"text": np.array([b"a text", b"a"], object)})
    [70, 65]
    """
    arrays = list(inputs.values())
    found = [0] * (len(arrays[0]) if arrays else 0)
    for array in arrays:
        if array.dtype == object and len(array):
            strings = array.reshape(len(array), -1)
            found = [known + _STRING * len(row) + sum(map(len, row)) for known, row in zip(found, strings, strict=True)]
    return found


def parted(outputs: Mapping[str, np.ndarray], rows: Sequence[int]) -> list[Arrays]:
    """The outputs of a batch, parted into those of its requests; ValueError if one is not a row for each row.

    >>> parted({"length": np.array([4, 5, 6])}, rows=[1, 2])
    [{'length': array([4])}, {'length': array([5, 6])}]
    """
    places = np.cumsum([0, *rows]).tolist()
    for name, array in outputs.items():
        if array.shape[:1] != (places[-1],):
            raise ValueError(f"output {name!r} has shape {list(array.shape)}, not {places[-1]} rows")
    return [
        {name: array[start:end] for name, array in outputs.items()}
        for start, end in zip(places, places[1:], strict=False)
    ]


def held_bytes(arrays: Mapping[str, np.ndarray]) -> int:
    """The memory that arrays hold, nearly.

    >>> held_bytes({"label": np.array([b"good"], object), "score": np.zeros(4, np.float32)})
    84
    """
    strings = sum(
        _STRING * array.size + sum(map(len, array.flat)) for array in arrays.values() if array.dtype == object
    )
    return strings + sum(array.nbytes for array in arrays.values() if array.dtype != object)


def ends(sizes: Sequence[int], most: int) -> list[int]:
    """Where the pieces of rows of these sizes end; a piece is within the limits of `Cutter`, unless it is one row.

    >>> ends([1, 1, 1, 9000, 1], most=2)
    [2, 3, 4, 5]
    """
    found, start, total = [], 0, 0
    for number, size in enumerate(sizes):
        if number > start and (number - start == most or total + size > most * ROW_BYTES):
            found.append(number)
            start, total = number, 0
        total += size
    return [*found, len(sizes)]


def in_pieces(inputs: Arrays, ends: Sequence[int], fillers: MutableMapping[str, Any], at_once: int = 1) -> Steps:
    """Yields the inputs of `at_once` pieces at a time, is sent their outputs, and returns the request's outputs.

    If the outputs of two pieces differ in shape, as they were padded to the longest row of the piece, one more batch
    shows what the graph pads them with. Where no padding can be seen, or an output is no row for each row, the last
    batch is the whole request.

    Args:
        ends: of the pieces, at least one.
        fillers: of outputs, as far as they are known; what is found is added.

    >>> steps = in_pieces({"text": np.array([b"a", b"b", b"c"], object)}, [2, 3], {})
    >>> next(steps)
    [{'text': array([b'a', b'b'], dtype=object)}]
    >>> steps.send([{"length": np.array([1, 1])}])
    [{'text': array([b'c'], dtype=object)}]
    """
    starts = [0, *ends[:-1]]
    pieces = [
        {name: array[start:end] for name, array in inputs.items()} for start, end in zip(starts, ends, strict=True)
    ]
    answers: list[Arrays] = []
    for first in range(0, len(pieces), at_once):
        answers += yield pieces[first : first + at_once]
        for start, end, answer in list(zip(starts, ends, answers, strict=False))[first:]:
            if not _alike(answers[0], answer, end - start):
                (whole,) = yield [inputs]
                return whole
    shapes = {name: [answer[name].shape[1:] for answer in answers] for name in answers[0]}
    for name in (unlike := [name for name, each in shapes.items() if len(set(each)) > 1]):
        if name not in fillers:
            short, long = _shorter_and_longer(shapes[name])
            few = {key: array[:_PROBED] for key, array in pieces[short].items()}
            (probe,) = yield [{key: np.concatenate([array, pieces[long][key]]) for key, array in few.items()}]
            found = {each: _filler(probe[each], answers[short][each][:_PROBED]) for each in unlike}
            if found[name] is None:
                (whole,) = yield [inputs]
                return whole
            fillers.update({each: filler for each, filler in found.items() if filler is not None})
    return {name: _joined([answer[name] for answer in answers], fillers.get(name)) for name in answers[0]}


def _alike(first: Arrays, answer: Arrays, rows: int) -> bool:
    """Whether outputs are rows, and of the first piece's dtypes and ranks."""
    return all(
        array.shape[:1] == (rows,) and (array.ndim, array.dtype) == (first[name].ndim, first[name].dtype)
        for name, array in answer.items()
    )


def _shorter_and_longer(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """The numbers of two pieces, of which the second is longer in some axis."""
    order = sorted(range(len(shapes)), key=lambda number: math.prod(shapes[number]))
    short = order[0]
    return short, next(n for n in reversed(order) if any(a > b for a, b in zip(shapes[n], shapes[short], strict=True)))


def _filler(padded: np.ndarray, known: np.ndarray) -> Any:
    """What fills `padded`, whose first rows are those of `known`, longer; None if that is not one value."""
    rows = padded[: len(known)]
    inside = tuple(slice(size) for size in known.shape)
    outside = np.ones(rows.shape, bool)
    outside[inside] = False
    tail = rows[outside]
    if not tail.size or rows[inside].shape != known.shape or np.any(tail != tail[0]):
        return None
    if known.dtype.kind == "f":
        same = np.allclose(rows[inside], known, rtol=1e-3, atol=1e-4, equal_nan=True)
    else:
        same = np.array_equal(rows[inside], known)
    return tail[0] if same and tail[0] in _FILLERS else None


def _joined(arrays: Sequence[np.ndarray], filler: Any) -> np.ndarray:
    shape = np.max([array.shape[1:] for array in arrays], axis=0).astype(int).tolist()
    if all(list(array.shape[1:]) == shape for array in arrays):
        return np.concatenate(arrays)
    joined = np.full((sum(map(len, arrays)), *shape), filler, arrays[0].dtype)
    start = 0
    for array in arrays:
        joined[(slice(start, start + len(array)), *map(slice, array.shape[1:]))] = array
        start += len(array)
    return joined
