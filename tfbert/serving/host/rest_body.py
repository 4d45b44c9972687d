"""The body of an HTTP request, decompressed within the limit: a kilobyte can hold a gigabyte."""

from __future__ import annotations

import asyncio
import gzip
import io
import zlib
from collections.abc import Callable

from aiohttp import web

_FREE = 2**16
_MOST = 1032  # how many times larger deflate's data can become


class BodyTooLarge(ValueError):
    """A body that is larger than the limit when it is decompressed."""


async def read_body(
    request: web.Request, *, max_bytes: int, seconds: float, hold: Callable[[int], None] = lambda size: None
) -> bytes:
    """The body, of at most `max_bytes` before and after it is decompressed.

    aiohttp must leave it compressed (`auto_decompress=False`).

    Args:
        hold: called with the bytes of each part as it arrives but for the first 64 KB, which anyone may send, and with
            those that it may have when it is decompressed.

    Raises:
        ValueError: the body is not what its Content-Encoding says.
        BodyTooLarge, aiohttp.web.HTTPRequestEntityTooLarge: it is larger.
        aiohttp.web.HTTPRequestTimeout: it did not arrive in time.

    >>> await read_body(request, max_bytes=2**26, seconds=30)  # doctest: +SKIP
    """
    try:
        async with asyncio.timeout(seconds):
            body = await _received(request, max_bytes, hold)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return body
    hold(min(max_bytes, _MOST * len(body)))
    return await asyncio.to_thread(decompress, body, encoding, max_bytes)


async def _received(request: web.Request, max_bytes: int, hold: Callable[[int], None]) -> bytes:
    parts, size = [], 0
    async for part in request.content.iter_any():
        before = max(size, _FREE)
        size += len(part)
        if size > before:
            hold(size - before)
        if size > max_bytes:
            raise web.HTTPRequestEntityTooLarge(max_bytes)
        parts.append(part)
    return b"".join(parts)


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The bytes that a `gzip` or `deflate` body stands for; never more than `max_bytes` are made.

    >>> decompress(gzip.compress(b"{}"), "gzip", 100)
    b'{}'
    """
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError("the body's Content-Encoding is not supported: send gzip, deflate or no compression")
    try:
        data = _inflated(body, max_bytes) if encoding == "deflate" else _unzipped(body, max_bytes)
    except (OSError, EOFError, zlib.error):
        raise ValueError(f"the body is not valid {encoding.removeprefix('x-')}, as its Content-Encoding says") from None
    if len(data) > max_bytes:
        raise BodyTooLarge(f"the request is larger than the limit when decompressed; {max_bytes} bytes are allowed")
    return data


def _unzipped(body: bytes, max_bytes: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        return file.read(max_bytes + 1)


def _inflated(body: bytes, max_bytes: int) -> bytes:
    with_header = body[:1] and body[0] & 0x0F == 8  # RFC 9110 asks for it; some clients leave it out
    stream = zlib.decompressobj(zlib.MAX_WBITS if with_header else -zlib.MAX_WBITS)
    data = stream.decompress(body, max_bytes + 1)
    if len(data) <= max_bytes and (not stream.eof or stream.unused_data):
        raise EOFError
    return data
