"""Status codes of TF Serving: TensorFlow's errors, and what gRPC and HTTP call their codes."""

from __future__ import annotations

import grpc
import tensorflow as tf

# TensorFlow and gRPC number the codes alike.
_GRPC = {code.value[0]: code for code in grpc.StatusCode}
# util/net_http of tensorflow/serving; all other codes are 500.
_HTTP = {
    tf.errors.CANCELLED: 499,
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.DEADLINE_EXCEEDED: 504,
    tf.errors.NOT_FOUND: 404,
    tf.errors.ALREADY_EXISTS: 409,
    tf.errors.PERMISSION_DENIED: 403,
    tf.errors.RESOURCE_EXHAUSTED: 429,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.ABORTED: 409,
    tf.errors.OUT_OF_RANGE: 400,
    tf.errors.UNIMPLEMENTED: 501,
    tf.errors.UNAVAILABLE: 503,
    tf.errors.UNAUTHENTICATED: 401,
}


def error(kind: type[tf.errors.OpError], message: str) -> tf.errors.OpError:
    """An error of TensorFlow that no operation of a graph has raised.

    >>> error(tf.errors.NotFoundError, "no such model").error_code
    5
    """
    return kind(None, None, message)


def invalid(message: str) -> tf.errors.OpError:
    """INVALID_ARGUMENT, the most frequent of them."""
    return error(tf.errors.InvalidArgumentError, message)


def grpc_code(code: int) -> grpc.StatusCode:
    """gRPC's code with this number, UNKNOWN if there is none.

    >>> grpc_code(3).name
    'INVALID_ARGUMENT'
    """
    return _GRPC.get(code, grpc.StatusCode.UNKNOWN)


def http_status(code: int) -> int:
    """The HTTP status with which TF Serving's REST API reports a code.

    >>> http_status(tf.errors.NOT_FOUND)
    404
    """
    return _HTTP.get(code, 500)
