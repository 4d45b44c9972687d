"""JSON bodies of TF Serving's REST API -> its messages, read as util/json_tensor.cc of tensorflow/serving does.

An error names the input and what was expected. It never repeats what was sent.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2

from tfbert.serving.protocol import dtypes, model_specs

_MAX_RANK = 32  # numpy's limit
_MAX_FLOAT = float(np.finfo(np.float32).max)
_WHITE_SPACE = str.maketrans("", "", " \t\n\v\f\r")

Infos = Mapping[str, meta_graph_pb2.TensorInfo]


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body; ValueError if the body is anything else.

    >>> read_object(b'{"instances": ["a text"]}')
    {'instances': ['a text']}
    """
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_float=_float)
    except RecursionError:
        raise ValueError("JSON Parse error: nested too deep") from None
    except UnicodeDecodeError:
        raise ValueError("JSON Parse error: the body is not UTF-8") from None
    except ValueError as error:
        raise ValueError(f"JSON Parse error: {getattr(error, 'msg', None) or 'not JSON'}") from None
    if not isinstance(value, dict):
        raise ValueError("JSON Parse error: the body must be an object")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):  # `Infinity` is not read here
        raise json.JSONDecodeError("a number is too big to be stored in double", "", 0)
    return value


def signature_name(given: Mapping[str, Any]) -> str:
    """The body's `signature_name`, "" if it has none."""
    name = given.get("signature_name", "")
    if not isinstance(name, str):
        raise ValueError("'signature_name' key must be a string value")
    return name


def check_rows(given: Mapping[str, Any], most: int, infos: Infos | None = None) -> None:
    """INVALID_ARGUMENT for a body of more than `most` rows, before they are copied; the server checks it again.

    >>> check_rows({"instances": ["a text", "b"]}, most=2)
    """
    columns = [given.get("instances"), given.get("examples")]
    inputs = given.get("inputs")
    for name, info in (infos or {}).items():
        if info.tensor_shape.unknown_rank or (info.tensor_shape.dim and info.tensor_shape.dim[0].size == -1):
            columns.append(inputs.get(name) if _is_named(inputs) else inputs)
    model_specs.check_rows(max(len(column) if isinstance(column, list) else 0 for column in columns), most)


def predict_inputs(given: Mapping[str, Any], infos: Infos) -> tuple[dict[str, tensor_pb2.TensorProto], bool]:
    """The inputs of a `predict` body, and whether it has them in rows.

    Args:
        given: the body, with `instances` (one value per row) or `inputs` (one value per input).
        infos: the signature's inputs.

    >>> text = meta_graph_pb2.TensorInfo(dtype=dtypes.STRING.number)
    >>> inputs, in_rows = predict_inputs({"instances": ["a text", "b"]}, {"text": text})
    >>> list(inputs["text"].string_val), in_rows
    ([b'a text', b'b'], True)
    """
    formats = [key for key in ("instances", "inputs") if key in given]
    if len(formats) != 1:
        raise ValueError(
            "Missing 'inputs' or 'instances' key" if not formats else "Not expecting both 'inputs' and 'instances'"
        )
    in_rows = formats[0] == "instances"
    columns = (_columns_of_rows if in_rows else _columns)(given[formats[0]], infos)
    return {name: _tensor(name, value, dtypes.of_number(infos[name].dtype)) for name, value in columns.items()}, in_rows


def _columns_of_rows(instances: Any, infos: Infos) -> dict[str, Any]:
    if not isinstance(instances, list) or not instances:
        raise ValueError("Expecting 'instances' value to be a non-empty array")
    named = [_is_named(instance) for instance in instances]
    if any(named):
        if not all(named) or any(instance.keys() != instances[0].keys() for instance in instances):
            raise ValueError("Expecting the same names in each of 'instances'")
        unknown = instances[0].keys() - infos.keys()
        if unknown:
            raise ValueError(
                f"{len(unknown)} names are no inputs of the signature: it takes {', '.join(sorted(infos))}"
            )
        return {name: [instance[name] for instance in instances] for name in instances[0]}
    return {_only_input(infos): instances}


def _columns(inputs: Any, infos: Infos) -> dict[str, Any]:
    if _is_named(inputs):
        return {name: inputs[name] for name in infos if name in inputs}  # TF Serving does not look at others, either
    return {_only_input(infos): inputs}


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value: dict[str, Any]) -> bool:
    return value.keys() == {"b64"} and isinstance(value["b64"], str)


def _only_input(infos: Infos) -> str:
    if len(infos) != 1:
        raise ValueError(f"the signature takes several inputs, so each needs its name: {', '.join(sorted(infos))}")
    return next(iter(infos))


def _tensor(name: str, value: Any, dtype: dtypes.DType) -> tensor_pb2.TensorProto:
    shape, depth = [], value
    while isinstance(depth, list) and len(shape) <= _MAX_RANK:
        shape.append(len(depth))
        depth = depth[0] if depth else None
    flat = [value]
    for size in shape:
        if not all(isinstance(item, list) and len(item) == size for item in flat):
            raise ValueError(f"input {name!r}: Encountered list at unexpected size; all rows need the same shape")
        flat = [item for part in flat for item in part]
    proto = tensor_pb2.TensorProto(dtype=dtype.number)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    if dtype == dtypes.STRING:
        proto.string_val.extend(_bytes(item, f"input {name!r}") for item in flat)
        return proto
    if dtype.numpy is None:
        raise ValueError(f"input {name!r} is {dtype.name}, which JSON cannot hold")
    kinds = {"b": bool, "i": int, "u": int, "f": (int, float)}.get(dtype.numpy.kind, (int, float))
    if not all(isinstance(item, kinds) and (kinds is bool or not isinstance(item, bool)) for item in flat):
        raise ValueError(f"input {name!r}: every value must be {dtype.name}")
    try:
        with np.errstate(over="raise"):
            array = np.array(flat, dtype.numpy)
    except (OverflowError, FloatingPointError):
        raise ValueError(f"input {name!r}: a value does not fit into {dtype.name}") from None
    proto.tensor_content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return proto


def _bytes(item: Any, where: str) -> bytes:
    if isinstance(item, str):
        # Half of a surrogate pair becomes invalid UTF-8, which the graph replaces like any other.
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, dict) and _is_base64(item):
        try:
            return _of_base64(item["b64"])
        except (binascii.Error, ValueError):
            raise ValueError(f"{where}: 'b64' holds no base64") from None
    raise ValueError(f'{where}: every value must be a string or {{"b64": "…"}}')


def _of_base64(text: str) -> bytes:
    """As TF Serving's decoder, absl::Base64Unescape: with white space or none, and padding or none."""
    text = text.translate(_WHITE_SPACE)
    digits = text.rstrip("=.")
    padding = -len(digits) % 4
    if len(text) - len(digits) not in (0, padding):
        raise ValueError("wrong padding")
    return base64.b64decode(digits + "=" * padding, validate=True)


def fill_examples(given: Mapping[str, Any], message: input_pb2.Input) -> None:
    """Fills an `Input` message from a `classify` or `regress` body's `examples` and `context`, objects of features.

    >>> message = input_pb2.Input()
    >>> fill_examples({"examples": [{"text": "a text"}]}, message)
    >>> list(message.example_list.examples[0].features.feature["text"].bytes_list.value)
    [b'a text']
    """
    found = given.get("examples")
    if not isinstance(found, list) or not found:
        raise ValueError("Expecting 'examples' value to be a non-empty array")
    if "context" in given:
        target = message.example_list_with_context
        _fill_example(target.context, given["context"])
    else:
        target = message.example_list
    for example in found:
        _fill_example(target.examples.add(), example)


def _fill_example(message: example_pb2.Example, features: Any) -> None:
    if not isinstance(features, dict):
        raise ValueError("Expecting an object of features for each example")
    for name, value in features.items():
        key = name.encode("utf-8", "replace").decode()
        feature = _feature(value if isinstance(value, list) else [value], f"Feature: {key!r}")
        message.features.feature[key].CopyFrom(feature)


def _feature(values: list[Any], where: str) -> example_pb2.Feature:
    """The values in the list of their kind, which the first one decides."""
    kinds = {_kind(value, where) for value in values}
    if len(kinds) > 1:
        raise ValueError(
            f"{where}: Unexpected element type, expecting type: {_kind(values[0], where)} for all elements"
        )
    feature = example_pb2.Example().features.feature["value"]
    if kinds == {"int64"}:
        if any(value >= 2**63 for value in values):
            raise ValueError(f"{where}: a value does not fit into int64")
        feature.int64_list.value.extend(map(int, values))
    elif kinds == {"float"}:
        if any(_MAX_FLOAT < abs(value) < math.inf for value in values):
            raise ValueError(f"{where}: Cannot convert JSON value to float without loss of precision")
        feature.float_list.value.extend(values)
    elif kinds:
        feature.bytes_list.value.extend(_bytes(value, where) for value in values)
    return feature


def _kind(value: Any, where: str) -> str:
    if isinstance(value, int) and -(2**63) <= value < 2**64:  # true and false are 1 and 0
        return "int64"
    if isinstance(value, (int, float)):  # TF Serving's parser reads longer integers as floats
        return "float"
    if value is None or isinstance(value, list):
        kind = "Null" if value is None else "Array"
        raise ValueError(f"{where} has element with unexpected JSON type: {kind}")
    return "bytes"
