"""Status codes of TF Serving: an error with one, and what gRPC and HTTP call the codes."""

from __future__ import annotations

import enum

import grpc


class Code(enum.IntEnum):
    """The codes, which TensorFlow and gRPC number alike."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_GRPC = {code.value[0]: code for code in grpc.StatusCode}
# util/net_http of tensorflow/serving; all other codes are 500.
_HTTP = {
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}


class StatusError(Exception):
    """What a request ends with if it has no answer.

    Attributes:
        error_code: a `Code`, or its number.
        message: for the client.

    >>> StatusError(Code.NOT_FOUND, "no such model").error_code
    <Code.NOT_FOUND: 5>
    """

    def __init__(self, error_code: int, message: str) -> None:
        super().__init__(message)
        self.error_code, self.message = error_code, message


def invalid(message: str) -> StatusError:
    """INVALID_ARGUMENT, the most frequent of them."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def grpc_code(code: int) -> grpc.StatusCode:
    """gRPC's code with this number, UNKNOWN if there is none.

    >>> grpc_code(3).name
    'INVALID_ARGUMENT'
    """
    return _GRPC.get(code, grpc.StatusCode.UNKNOWN)


def http_status(code: int) -> int:
    """The HTTP status with which TF Serving's REST API reports a code.

    >>> http_status(Code.NOT_FOUND)
    404
    """
    return _HTTP.get(code, 500)
