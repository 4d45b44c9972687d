"""The server's log as JSON lines: what was asked and how it went, never the texts. For the logger `tfbert.serving`."""

import json
import logging
import time

import grpc

_requests = logging.getLogger("tfbert.serving.requests")
_failures = logging.getLogger("tfbert.serving")
CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}  # TensorFlow's numbers are gRPC's

# What a LogRecord has by itself; the rest came through `extra`.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message"}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, message and what `extra` added.

    >>> handler = logging.StreamHandler()
    >>> handler.setFormatter(JsonFormatter())
    >>> logging.getLogger("tfbert.serving").addHandler(handler)
    """

    def format(self, record):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname}
        if message := record.getMessage():
            line["message"] = message
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return json.dumps(line, ensure_ascii=False, default=str)


def log_request(facts, code, seconds):
    """One answered request: method, model, rows, bytes, code and milliseconds."""
    if _requests.isEnabledFor(logging.INFO):
        extra = {"event": "request", **facts, "code": CODE_NAMES.get(code, "UNKNOWN"), "ms": round(seconds * 1000, 3)}
        _requests.info("", extra=extra)


def log_failure(method, stack, kind):
    """An error that nobody foresaw: its type and where it was raised; its words may hold a text."""
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack]
    _failures.error("a request failed", extra={"event": "request_failed", "method": method, "type": kind, "at": where})
