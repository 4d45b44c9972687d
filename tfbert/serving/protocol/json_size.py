"""What a JSON body would cost, found out before it is read: a megabyte of `[],` becomes 24 MB of Python's objects."""

from __future__ import annotations

import re

from tfbert.serving.protocol.status_codes import invalid

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_VALUES_OF_A_ROW, _LEAST = 64, 2**16  # lists, objects and members; a list has no more values than that
_NUMBERS_OF_A_VALUE = 64


def check_values(body: bytes, max_rows: int) -> None:
    """INVALID_ARGUMENT for a body of far more values than `max_rows` rows have.

    A row may have 64 lists and named values, and 4,096 numbers. Nothing is built; this counts bytes.

    >>> check_values(b'{"instances": [[1, 2, 3], [4, 5, 6]]}', max_rows=2)
    """
    most = max(_VALUES_OF_A_ROW * max_rows, _LEAST)
    # An escaped quote ends no string. Of a string that ends with a backslash, itself escaped, one quote is counted.
    if body.count(b'"') - body.count(b'\\"') > 4 * most:
        raise _too_many(most, max_rows)
    if _structure(body) <= most and body.count(b",") <= most:
        return
    bare = _STRING.sub(b"", body)  # what stands in texts does not count
    few = _structure(bare) <= most and bare.count(b"]") <= most and bare.count(b",") <= _NUMBERS_OF_A_VALUE * most
    if not few or max(part.count(b",") for part in bare.split(b"]")) > most:
        raise _too_many(most, max_rows)


def cost(body: bytes) -> int:
    """About the most bytes that reading a body takes, its own not among them.

    >>> cost(b'{"instances": [[1, 2, 3], [4, 5, 6]]}') < 2000
    True
    """
    return 4 * len(body) + 40 * body.count(b",") + 200 * _structure(body)


def _structure(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{") + data.count(b":")


def _too_many(most: int, max_rows: int) -> Exception:
    return invalid(
        f"the body has too many values: {most} lists and named values, and as many values in a list, are allowed where "
        f"a request has at most {max_rows} rows (--max_rows); send several requests"
    )
