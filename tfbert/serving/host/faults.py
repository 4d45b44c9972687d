"""Faults in the log: one line per kind of fault and second, whatever is sent to the server."""

from __future__ import annotations

import collections
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tfbert.serving.host.request_log import described, is_foreign, without_values

_log = logging.getLogger("tfbert.serving")
# aiohttp's faults in this server's connections: the loggers that are named after aiohttp are the application's.
HTTP_LOG = logging.getLogger("tfbert.serving.http")

_MOST_KINDS = 1024
_OWN_FIELDS = ("event", "method", "model", "version", "type", "at")


class FaultLimit(logging.Filter):
    """Lets one record of each kind through in `seconds`; the next one that passes says how many did not.

    A kind is a logger, a level, an event and an exception's type; of this server's own records also the message, so
    that each model and each file is named. Records below WARNING are no faults, and all pass.

    >>> limit, lines = FaultLimit(), [logging.makeLogRecord({"levelno": logging.ERROR, "msg": "a"}) for _ in range(3)]
    >>> [limit.filter(each) for each in lines]
    [True, False, False]
    """

    def __init__(self, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds, self._clock = seconds, clock
        self._seen: collections.OrderedDict[tuple, tuple[float, int]] = collections.OrderedDict()  # when, suppressed
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        if record.levelno < logging.WARNING:
            return True
        kind, now = _kind(record), self._clock()
        with self._lock:
            last, suppressed = self._seen.pop(kind, (None, 0))
            passes = last is None or now - last >= self._seconds
            self._seen[kind] = (now, 0) if passes else (last, suppressed + 1)
            if len(self._seen) > _MOST_KINDS:
                self._seen.popitem(last=False)
        if passes and suppressed:
            record.suppressed = suppressed
        return passes


def _kind(record: logging.LogRecord) -> tuple:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if is_foreign(record.name) or record.name == HTTP_LOG.name:  # their messages have addresses and values
        return record.name, record.levelno, without_values(str(record.msg)), type(error)
    facts = (str(getattr(record, name, None)) for name in _OWN_FIELDS)
    return record.name, record.levelno, record.getMessage(), type(error), *facts


class _WithoutTexts(logging.Filter):
    """Of what aiohttp logs keeps the exception's type and place: its message quotes the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        record.msg, record.args = without_values(record.getMessage()), ()
        vars(record).update({"event": "http_fault"} | (described(error) if error is not None else {}))
        if error is not None:
            record.msg = f"{record.msg} ({type(error).__name__})"
        record.exc_info = record.exc_text = None
        return True


_own_limit, _without_texts = FaultLimit(), _WithoutTexts()


def limit_own_logs() -> None:
    """Limits what this server itself logs, in an application too; a second call does nothing.

    >>> limit_own_logs()
    """
    for log in (_log, HTTP_LOG):
        log.addFilter(_own_limit)
    HTTP_LOG.addFilter(_without_texts)  # after the limit, as it costs more


def log_fault(event: str, message: str, error: BaseException | None = None, **facts: Any) -> None:
    """Logs a fault with the error's type and place; what the error says may hold a text, and is left out.

    >>> log_fault("accept_failed", "a connection could not be accepted", OSError())
    """
    _log.error(message, extra={"event": event, **facts, **(described(error) if error is not None else {})})


def log_loop_fault(loop: Any, context: Mapping[str, Any]) -> None:
    """What the event loop calls for an exception that nobody has caught.

    >>> event_loop.set_exception_handler(log_loop_fault)  # doctest: +SKIP
    """
    message = without_values(str(context.get("message") or "an exception in the event loop was not caught"))
    log_fault("loop_fault", message, context.get("exception"))


def warn_of_clear_keys(host: str) -> None:
    """Warns that clients' API keys cross a network unencrypted.

    >>> warn_of_clear_keys("0.0.0.0")
    """
    _log.warning(
        "clients send their API keys to %s without TLS, and whoever reads the network's traffic has them; give the "
        "server a certificate (--tls_certificate, --tls_key; tls=Tls(...))",
        host,
        extra={"event": "keys_in_clear"},
    )


@functools.cache
def warn_of_tensorflow() -> None:
    """Warns once in a process in which TensorFlow's own log may quote requests.

    TensorFlow reads TF_CPP_MIN_LOG_LEVEL when it is imported; nothing changes its level afterwards.

    >>> warn_of_tensorflow()
    """
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "")
    if level.isdecimal() and int(level) >= 2:
        return
    _log.warning(
        "TensorFlow's own warnings on stderr may quote texts of requests; set TF_CPP_MIN_LOG_LEVEL=2 in the "
        "environment before TensorFlow is imported",
        extra={"event": "tensorflow_log"},
    )
