"""The log: an exception's type and place, and never what it says."""

import asyncio
import json
import logging

import pytest

from tfbert.serving.host.request_log import JsonFormatter

SECRET = "my account is 4711"


def inner():
    raise KeyError(SECRET)


def outer():
    try:
        inner()
    except KeyError as error:
        raise RuntimeError(f"cannot read {error}") from error


def lines(name, log):
    """The JSON lines of what `log` writes to the logger of this name."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        log(logger)
    finally:
        logger.removeHandler(handler)
    texts = [JsonFormatter().format(record) for record in records]
    assert all("\n" not in text and SECRET not in text for text in texts)
    return [json.loads(text) for text in texts]


def test_an_exception_is_its_type_and_place():
    def log(logger):
        try:
            outer()
        except RuntimeError:
            logger.exception("looking for versions failed", extra={"event": "poll_failed"})

    (line,) = lines("tfbert.serving", log)
    assert (line["type"], line["caused_by"], line["event"]) == ("RuntimeError", ["KeyError"], "poll_failed")
    assert [each.rpartition(" ")[2] for each in line["at"]] == ["log", "outer"] and __file__ in line["at"][0]


def test_errors_that_lead_to_each_other_in_a_circle_end():
    def log(logger):
        first, second = ValueError(SECRET), TypeError(SECRET)
        first.__cause__, second.__cause__ = second, first
        logger.error("failed", exc_info=first)
        logger.error("failed", exc_info=True)  # and no exception

    line, without = lines("tfbert.serving", log)
    assert (line["type"], line["caused_by"], line["at"]) == ("ValueError", ["TypeError"], [])
    assert "type" not in without


@pytest.mark.parametrize("name", ["asyncio", "aiohttp.server", "grpc._cython.cygrpc"])
def test_other_libraries_messages_are_kept_up_to_what_they_quote(name):
    def log(logger):
        for message in (
            f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{SECRET}')>",
            f"Exception in callback write('{SECRET}')",
            f'Error handling "{SECRET}"',
            f"Unexpected [{SECRET}] raised",
        ):
            logger.error(message)
        logger.error("Error handling request from %s", "127.0.0.1")

    assert [(line["logger"], line["message"]) for line in lines(name, log)] == [
        (name, "Task exception was never retrieved"),
        (name, "Exception in callback write"),
        (name, "Error handling"),
        (name, "Unexpected"),
        (name, "Error handling request from 127.0.0.1"),
    ]


def test_what_asyncio_itself_logs():
    async def failing():
        asyncio.get_running_loop().call_soon(inner)
        await asyncio.sleep(0.01)

    (line,) = lines("asyncio", lambda logger: asyncio.run(failing()))
    assert (line["type"], line["message"]) == ("KeyError", "Exception in callback inner")
