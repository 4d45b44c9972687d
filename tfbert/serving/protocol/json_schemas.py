"""JSON Schemas of the REST API's bodies: what the signatures of a model take and answer.

`rest_request` and `rest_response` read and write what these describe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.serving.protocol import dtypes, inference, tensor_proto
from tfbert.serving.protocol.signatures import DEFAULT_SIGNATURE, Signatures

Schema = dict[str, Any]
Infos = Mapping[str, meta_graph_pb2.TensorInfo]

_NEVER: Schema = {"not": {}}
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$"  # white space is read, too


def _object(properties: Mapping[str, Schema], **more: Any) -> Schema:
    return {"type": "object", "required": list(properties), "properties": dict(properties), **more}


ERROR = _object({"error": {"type": "string"}}, additionalProperties=False)
_BYTES = _object(
    {"b64": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}}, additionalProperties=False
)
_INT64: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
# The values of one feature are of one kind. 1.0 is a float to the server, but an integer to JSON Schema.
_KINDS: list[Schema] = [
    {"anyOf": [{"type": "string"}, _BYTES]},
    {"anyOf": [_INT64, {"type": "boolean"}]},
    {"type": "number", "not": {"type": "integer"}, "minimum": -3.4028234e38, "maximum": 3.4028234e38},
]
_EXAMPLE: Schema = {
    "type": "object",
    "description": "A tf.Example: each feature's value, or a list of values of one type.",
    "additionalProperties": {"anyOf": [*_KINDS, *({"type": "array", "items": kind} for kind in _KINDS)]},
}
CLASSIFICATIONS = _object(
    {
        "results": {
            "type": "array",
            "description": "For each example its classes, as pairs of label and score.",
            "items": {
                "type": "array",
                "items": {
                    "type": "array",
                    "prefixItems": [{"type": "string"}, {"type": "number"}],
                    "minItems": 2,
                    "maxItems": 2,
                },
            },
        }
    }
)
REGRESSIONS = _object(
    {"results": {"type": "array", "items": {"type": "number"}, "description": "One for each example."}}
)
_TEXT: Schema = {"type": "string"}
_STATE = _object(
    {
        "version": {"type": "string", "pattern": "^[0-9]+$"},
        "state": {"enum": ["START", "LOADING", "AVAILABLE", "UNLOADING", "END", "UNKNOWN"]},
        "status": _object({"error_code": _TEXT, "error_message": _TEXT}),
    }
)
STATUS = _object({"model_version_status": {"type": "array", "items": _STATE, "minItems": 1}})
METADATA = _object(
    {
        "model_spec": _object({"name": _TEXT, "version": _TEXT, "signature_name": _TEXT}),
        "metadata": _object(
            {
                "signature_def": _object(
                    {
                        "signature_def": {
                            "type": "object",
                            "additionalProperties": _object(
                                {"inputs": {"type": "object"}, "outputs": {"type": "object"}, "method_name": _TEXT}
                            ),
                        }
                    }
                )
            }
        ),
    }
)


def predict_request(signatures: Signatures, most_rows: int) -> Schema:
    """The bodies of `predict`: for each signature `inputs` and, where its tensors have rows, `instances`.

    >>> texts = {"dtype": dtypes.STRING.number, "tensor_shape": {"dim": [{"size": -1}]}}
    >>> definition = meta_graph_pb2.SignatureDef(inputs={"text": texts}, outputs={"label": texts})
    >>> schema = predict_request(Signatures({"serving_default": definition}), most_rows=64)
    >>> [form["required"] for form in schema["anyOf"]]
    [['instances'], ['inputs']]
    """
    forms = []
    for name in signatures.names:
        definition = signatures[name]
        columns = _columns(definition.inputs, most_rows)
        forms.append(_form(name, "inputs", columns, other="instances"))
        if _in_rows(definition):
            forms.insert(-1, _form(name, "instances", _instances(definition.inputs, most_rows), other="inputs"))
    return {"type": "object", "anyOf": forms}


def predict_response(signatures: Signatures) -> Schema:
    """The answers to `predict`: `outputs`, or `predictions` to `instances`."""
    forms = []
    for name in signatures.names:
        outputs = signatures[name].outputs
        columns = {key: _tensor(info, _dims(info), key) for key, info in sorted(outputs.items())}
        forms.append(_object({"outputs": _single(columns)}))
        if _in_rows(signatures[name]):
            rows = {key: _tensor(info, _dims(info)[1:], key) for key, info in sorted(outputs.items())}
            forms.append(_object({"predictions": {"type": "array", "items": _single(rows)}}))
    return {"anyOf": [form for position, form in enumerate(forms) if form not in forms[:position]]}


def examples_request(signatures: Signatures, method: str, most_rows: int) -> Schema | None:
    """The bodies of `classify` or `regress`; None if no signature can be used for it."""
    names = [name for name in signatures.names if inference.can_answer(signatures[name], method)]
    if not names:
        return None
    examples = {"type": "array", "minItems": 1, "maxItems": most_rows, "items": _EXAMPLE}
    context = {**_EXAMPLE, "description": "Features that all examples share."}
    forms = [_named(name, _object({"examples": examples})) for name in names]
    for form in forms:
        form["properties"]["context"] = context
    return {"type": "object", "anyOf": forms}


def _form(signature: str, key: str, value: Schema, other: str) -> Schema:
    form = _named(signature, _object({key: value}))
    form["properties"][other] = _NEVER  # one of both
    return form


def _named(signature: str, form: Schema) -> Schema:
    default = signature == DEFAULT_SIGNATURE
    form["title"] = signature
    form["properties"]["signature_name"] = {"enum": [signature, ""] if default else [signature]}
    if not default:
        form["required"].append("signature_name")
    return form


def _in_rows(definition: meta_graph_pb2.SignatureDef) -> bool:
    """Whether `instances` can be used: all inputs have a dimension 0, and all outputs have the same one."""
    inputs, outputs = [[_dims(info) for info in each.values()] for each in (definition.inputs, definition.outputs)]
    first = {None if dims is None else dims[0] for dims in outputs if dims != []}
    return [] not in inputs and [] not in outputs and len(first) <= 1


def _instances(infos: Infos, most_rows: int) -> Schema:
    rows = {key: _tensor(info, _dims(info) and _dims(info)[1:], None) for key, info in sorted(infos.items())}
    named = _object(rows, additionalProperties=False)
    sizes = {dims[0] for dims in map(_dims, infos.values()) if dims} - {None}
    bounds = {"minItems": min(sizes), "maxItems": min(sizes)} if sizes else {"minItems": 1, "maxItems": most_rows}
    if len(rows) > 1:
        return {"type": "array", "items": named, **bounds}
    return {"anyOf": [{"type": "array", "items": each, **bounds} for each in (*rows.values(), named)]}


def _columns(infos: Infos, most_rows: int) -> Schema:
    columns = {key: _tensor(info, _dims(info), None, most_rows) for key, info in sorted(infos.items())}
    named = _object(columns)  # others are ignored
    return named if len(columns) > 1 else {"anyOf": [*columns.values(), named]}


def _single(values: Mapping[str, Schema]) -> Schema:
    return next(iter(values.values())) if len(values) == 1 else _object(values, additionalProperties=False)


def _dims(info: meta_graph_pb2.TensorInfo) -> list[int | None] | None:
    shape = tensor_proto.shape_of(info)
    return None if shape is None else list(shape)


def _tensor(
    info: meta_graph_pb2.TensorInfo, dims: list[int | None] | None, output: str | None, most_rows: int | None = None
) -> Schema:
    """Lists in lists; `output` is the name of what the server writes, None for what it reads."""
    if dims is None:
        return {"description": f"{dtypes.of_number(info.dtype).name} of any shape"}
    schema = _value(dtypes.of_number(info.dtype), output)
    for position, size in reversed(list(enumerate(dims))):
        schema = {"type": "array", "items": schema}
        if size is not None:
            schema |= {"minItems": size, "maxItems": size}
        elif most_rows is not None and position == 0:
            schema["maxItems"] = most_rows
        if size is None and output is None and position < len(dims) - 1:
            schema["minItems"] = 1  # an empty list has one dimension
    return schema


def _value(dtype: dtypes.DType, output: str | None) -> Schema:
    if dtype == dtypes.STRING:
        if output is None:
            return {"anyOf": [{"type": "string"}, _BYTES]}
        return _BYTES if output.endswith("_bytes") else {"type": "string"}
    if dtype == dtypes.BOOL:
        return {"type": "boolean"}
    if dtype.is_integer:
        return {"type": "integer", "minimum": int(dtype.bounds[0]), "maximum": int(dtype.bounds[1])}
    if dtype.is_floating and output is not None:
        return {"type": "number"}  # NaN and Infinity are written, too
    if dtype.is_floating:
        most = float(dtype.bounds[1])
        return {"type": "number", "minimum": -most, "maximum": most}
    return {"description": dtype.name}
