"""The types of tensors that requests and responses hold: TensorFlow's names and numbers with numpy's types."""

from __future__ import annotations

import dataclasses
from typing import Any

import ml_dtypes
import numpy as np
from tensorflow.core.framework import types_pb2


@dataclasses.dataclass(frozen=True)
class DType:
    """A type of tensors.

    Attributes:
        name: TensorFlow's, such as "float32".
        number: of the enum DataType.
        numpy: the type of its arrays; object for strings, of which each is bytes. None: it cannot be sent.
        field: where a TensorProto keeps its values, by tensorflow/core/framework/tensor.proto; "" if it cannot be sent.
    """

    name: str
    number: int
    numpy: np.dtype | None = None
    field: str = ""

    @property
    def is_integer(self) -> bool:
        """Whether it holds integers."""
        return self.numpy is not None and self.numpy.kind in "iu"

    @property
    def is_floating(self) -> bool:
        """Whether it holds floats."""
        return self.numpy is not None and (self.numpy.kind == "f" or self == BFLOAT16)

    @property
    def bounds(self) -> tuple[Any, Any]:
        """The least and the largest number."""
        limits = np.iinfo(self.numpy) if self.is_integer else ml_dtypes.finfo(self.numpy)
        return limits.min, limits.max


def _dtype(name: str, number: int, numpy: Any, field: str) -> DType:
    return DType(name, number, np.dtype(numpy), field)


STRING = _dtype("string", types_pb2.DT_STRING, object, "string_val")
BOOL = _dtype("bool", types_pb2.DT_BOOL, np.bool_, "bool_val")
HALF = _dtype("float16", types_pb2.DT_HALF, np.float16, "half_val")
BFLOAT16 = _dtype("bfloat16", types_pb2.DT_BFLOAT16, ml_dtypes.bfloat16, "half_val")
_DTYPES = (
    STRING,
    BOOL,
    HALF,
    BFLOAT16,
    _dtype("float32", types_pb2.DT_FLOAT, np.float32, "float_val"),
    _dtype("float64", types_pb2.DT_DOUBLE, np.float64, "double_val"),
    _dtype("int8", types_pb2.DT_INT8, np.int8, "int_val"),
    _dtype("int16", types_pb2.DT_INT16, np.int16, "int_val"),
    _dtype("int32", types_pb2.DT_INT32, np.int32, "int_val"),
    _dtype("int64", types_pb2.DT_INT64, np.int64, "int64_val"),
    _dtype("uint8", types_pb2.DT_UINT8, np.uint8, "int_val"),
    _dtype("uint16", types_pb2.DT_UINT16, np.uint16, "int_val"),
    _dtype("uint32", types_pb2.DT_UINT32, np.uint32, "uint32_val"),
    _dtype("uint64", types_pb2.DT_UINT64, np.uint64, "uint64_val"),
)
_BY_NUMBER = {dtype.number: dtype for dtype in _DTYPES}
_BY_NUMPY = {dtype.numpy: dtype for dtype in _DTYPES}


def of_number(number: int) -> DType:
    """The type with a number of the enum DataType; TypeError if there is none.

    >>> of_number(types_pb2.DT_STRING).name
    'string'
    """
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if number not in types_pb2.DataType.values() or number == types_pb2.DT_INVALID:
        raise TypeError(f"{number} is no type of tensors")
    return DType(types_pb2.DataType.Name(number).removeprefix("DT_").lower(), number)


def of_array(array: np.ndarray) -> DType:
    """The type of an array; TypeError for one that cannot be sent.

    >>> of_array(np.array([0.5], np.float32)).name
    'float32'
    """
    kind = np.dtype(object) if array.dtype.kind in "SU" else array.dtype.newbyteorder("=")
    if kind not in _BY_NUMPY:
        raise TypeError(f"{array.dtype} cannot be sent")
    return _BY_NUMPY[kind]
