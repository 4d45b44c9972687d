"""The server's log as JSON lines: what was asked and with what result, never the texts. Logger: `tfbert.serving`."""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from collections.abc import Mapping
from typing import Any

from tfbert.serving.protocol.status_codes import grpc_code

_requests = logging.getLogger("tfbert.serving.requests")
_failures = logging.getLogger("tfbert.serving")

# Libraries that log below a server; the program writes their records as JSON lines too.
FOREIGN = ("aiohttp", "asyncio", "grpc")
_MAY_QUOTE = re.compile(r"""[\n(<\[{'"]""")  # what follows one of these in their messages may be a value

# The attributes of every LogRecord; the others came through `extra`.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message"}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, message, what `extra` added, and an exception's type and place.

    What an exception says is left out, as it may hold a text. Of other libraries' records only the start of the message
    is kept, for the same reason.

    >>> record = logging.makeLogRecord({"levelname": "INFO", "event": "loaded", "model": "mine"})
    >>> json.loads(JsonFormatter().format(record))["event"]
    'loaded'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record, without a line break."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname}
        message = record.getMessage()
        if is_foreign(record.name):
            line["logger"], message = record.name, without_values(message)
        if message:
            line["message"] = message
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            line |= described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def log_request(facts: Mapping[str, Any], code: int, seconds: float) -> None:
    """Logs an answered request: `facts` (method, model, rows, bytes), the code's name and milliseconds.

    >>> log_request({"method": "Predict", "model": "mine"}, 0, 0.012)
    """
    if _requests.isEnabledFor(logging.INFO):
        extra = {"event": "request", **facts, "code": grpc_code(code).name, "ms": round(seconds * 1000, 3)}
        _requests.info("", extra=extra)


def log_failure(method: str, error: Exception) -> None:
    """Logs an unexpected error: its type and where it was raised. Its message may hold a text, and is left out."""
    _failures.error("a request failed", extra={"event": "request_failed", "method": method, **described(error)})


def is_foreign(name: str | None) -> bool:
    """Whether a logger is another library's.

    >>> is_foreign("aiohttp.server"), is_foreign("tfbert.serving")
    (True, False)
    """
    return (name or "").partition(".")[0] in FOREIGN


def without_values(message: str) -> str:
    """The start of another library's message, up to what may be a value.

    >>> without_values("Exception in callback write('a text')")
    'Exception in callback write'
    """
    return _MAY_QUOTE.split(message, maxsplit=1)[0].strip()


def described(error: BaseException) -> dict[str, Any]:
    """The error's type, where it was raised, and the types of the errors that led to it.

    >>> described(KeyError("a text"))
    {'type': 'KeyError', 'at': []}
    """
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    described: dict[str, Any] = {"type": type(error).__name__, "at": where}
    if len(causes) > 1:
        described["caused_by"] = [type(cause).__name__ for cause in causes[1:]]
    return described
