"""The server's log as JSON lines: what was asked and with what result, never the texts. Logger: `tfbert.serving`."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Mapping
from typing import Any

from tfbert.serving.protocol.status_codes import grpc_code

_requests = logging.getLogger("tfbert.serving.requests")
_failures = logging.getLogger("tfbert.serving")

# The attributes of every LogRecord; the others came through `extra`.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message"}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, message and what `extra` added.

    >>> record = logging.makeLogRecord({"levelname": "INFO", "event": "loaded", "model": "mine"})
    >>> json.loads(JsonFormatter().format(record))["event"]
    'loaded'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record, without a line break."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname}
        if message := record.getMessage():
            line["message"] = message
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
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
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    extra = {"event": "request_failed", "method": method, "type": type(error).__name__, "at": where}
    _failures.error("a request failed", extra=extra)
