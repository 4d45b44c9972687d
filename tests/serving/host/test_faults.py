"""The log of faults: one line per kind and second, without a text, whatever is sent."""

import contextlib
import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from attackers import HTTP1, HTTP2, connections, good_clients, new_client_is_answered, seconds_until_closed
from served import REPOSITORY, eventually, post

from tfbert.serving.host import event_loop, faults
from tfbert.serving.host.faults import FaultLimit
from tfbert.serving.host.server import Server
from tfbert.serving.host.tls import Tls
from tfbert.serving.models.manager import ModelManager

SECRET = "account-4711"


@pytest.fixture
def clock(monkeypatch):
    """The limit of this server's own records, with nothing seen yet and with a clock of the test's."""
    now = [0.0]
    limit = FaultLimit(clock=lambda: now[0])
    monkeypatch.setattr(faults._own_limit, "_seen", limit._seen)
    monkeypatch.setattr(faults._own_limit, "_clock", limit._clock)
    return now


def record(name="tfbert.serving", message="failed", level=logging.ERROR, error=None, **extra):
    facts = {"name": name, "msg": message, "levelno": level, "exc_info": (type(error), error, None) if error else None}
    return logging.makeLogRecord({**facts, **extra})


def test_one_record_of_a_kind_passes_in_a_second_and_says_how_many_did_not():
    now = [0.0]
    limit = FaultLimit(clock=lambda: now[0])
    assert [limit.filter(record()) for _ in range(1000)].count(True) == 1
    now[0] = 0.99
    assert not limit.filter(record())
    now[0] = 1.0
    passed = record()
    assert limit.filter(passed) and passed.suppressed == 1000
    now[0] = 5.0
    passed = record()
    assert limit.filter(passed) and not hasattr(passed, "suppressed")


def test_what_a_kind_is():
    limit = FaultLimit(clock=lambda: 0.0)
    others = [
        record(),
        record(message="another"),
        record(event="load_failed"),
        record(event="load_failed", model="a"),
        record(event="load_failed", model="a", version=2),
        record(event="request_failed", type="ValueError"),
        record(error=ValueError("x")),
        record(level=logging.WARNING),
        record("asyncio", "Task exception was never retrieved\nfuture 1"),
        record("asyncio", "Task exception was never retrieved", error=KeyError()),
        record("aiohttp.server", "Error handling request from %s", error=KeyError()),
        record("tfbert.serving.http", "Error handling request from %s"),
    ]
    assert all(map(limit.filter, others))
    same = [
        record(error=ValueError("y")),
        record("asyncio", "Task exception was never retrieved\nfuture 2"),
        record("aiohttp.server", "Error handling request from %s", error=KeyError("z")),
        record("tfbert.serving.http", "Error handling request from %s"),
    ]
    assert not any(map(limit.filter, same))


def test_lines_that_are_no_faults_all_pass():
    limit = FaultLimit()
    assert all(limit.filter(record("tfbert.serving.requests", "", logging.INFO, event="request")) for _ in range(100))


def test_kinds_without_end_take_no_memory_without_end():
    limit = FaultLimit(clock=lambda: 0.0)
    for number in range(5000):
        limit.filter(record(message=f"failed {number}"))
    assert len(limit._seen) == 1024


BAD_REQUESTS = [
    b"\x00\x01\x02" + SECRET.encode() + b"\r\n\r\n",
    b"GET /" + SECRET.encode() + b" HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + SECRET.encode() * 2000 + b": x\r\n\r\n",
    b"GET /" + SECRET.encode() * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    HTTP1 + b"Content-Length: -5\r\n\r\n" + SECRET.encode(),
    HTTP1 + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + SECRET.encode(),
    HTTP1 + b"Transfer-Encoding: chunked\r\n\r\n" + SECRET.encode() + b"\r\n",
    HTTP1 + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + SECRET.encode(),
    HTTP1 + b"X: y\r\n" * 5000 + b"\r\n",
]


def test_bad_requests_flood_no_log_and_leave_no_text_in_it(strict, clock, caplog):
    address = strict.host, strict.rest_port
    with good_clients(strict) as (answers, errors):
        for bad in BAD_REQUESTS:
            with connections(address, 10, bad) as opened:
                seconds_until_closed(opened, 5)
        flood = b"".join(b"GET /v1/models/mine HTTP/1.1\r\nHost: x\r\n\r\n" for _ in range(2000))
        with connections(address, 3, flood):  # pipelined, and never read
            assert post(strict, "/mine:predict", b'{"instances": ["a"]}')[0] == 200
        begun = len(answers)
        eventually(lambda: len(answers) > begun + 20)
        clock[0] = 10.0
        for bad in BAD_REQUESTS:
            with connections(address, 1, bad) as opened:
                seconds_until_closed(opened, 5)
    assert not errors and all(answers)
    # With any formatter: an application's own log is not JSON.
    texts = [logging.Formatter("%(name)s %(message)s").format(each) for each in caplog.records]
    assert not any(SECRET in text or "Traceback" in text for text in texts)
    found = [each for each in caplog.records if each.name == "tfbert.serving.http"]
    assert 1 <= len(found) <= 10 and {each.event for each in found} == {"http_fault"}
    assert sum(getattr(each, "suppressed", 0) for each in found) >= 10 and found[0].type in found[0].getMessage()


def test_failed_handshakes_are_told_once(model_dir, certificates, clock, caplog):
    tls = Tls(str(certificates / "server.crt"), str(certificates / "server.key"))
    with Server(model_dir, port=0, rest_port=0, tls=tls) as server:
        with connections((server.host, server.rest_port), 100, b"GET / HTTP/1.1\r\n\r\n") as opened:
            seconds_until_closed(opened, 10)
        with connections((server.host, server.rest_port), 20):
            pass  # what a load balancer does to see whether the port is open is no fault
        time.sleep(0.1)
    (told,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert (told.event, told.type, told.reason) == ("tls_handshake_failed", "SSLError", "HTTP_REQUEST")


def test_what_nobody_has_caught_in_the_event_loop(server, clock, caplog):
    def fail():
        raise ValueError(SECRET)

    for _ in range(50):
        event_loop._loop().call_soon_threadsafe(fail)
    event_loop.run(_nothing())
    (told,) = [each for each in caplog.records if getattr(each, "event", "") == "loop_fault"]
    assert (told.type, told.at[-1].rpartition(" ")[2]) == ("ValueError", "fail") and SECRET not in caplog.text


def test_requests_that_fail_are_told_once(strict, clock, caplog, monkeypatch):
    def fail(*arguments):
        raise ValueError(SECRET)

    monkeypatch.setattr(strict.models.available()[0].servable, "run", fail)
    for _ in range(50):
        status, answer = post(strict, "/mine:predict", b'{"instances": ["a"]}')
        assert status == 500
    (told,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert (told.event, told.type) == ("request_failed", "ValueError") and SECRET not in caplog.text


async def _nothing():
    pass


@pytest.fixture
def unloaded(monkeypatch):
    """Servers that start without loading a model."""
    monkeypatch.setattr(ModelManager, "reload", lambda *arguments: None)


def warnings_of(caplog, event):
    return [each.getMessage() for each in caplog.records if getattr(each, "event", "") == event]


@pytest.mark.parametrize(("level", "count"), [("0", 1), ("1", 1), ("", 1), ("2", 0), ("3", 0)])
def test_an_application_is_told_when_tensorflow_may_log_texts(
    model_dir, unloaded, monkeypatch, clock, caplog, level, count
):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    faults.warn_of_tensorflow.cache_clear()
    for number in range(2):
        clock[0] = 100.0 * number
        Server(model_dir, port=0).start().stop()
    told = warnings_of(caplog, "tensorflow_log")
    assert len(told) == count and all("TF_CPP_MIN_LOG_LEVEL=2" in each for each in told)


@pytest.mark.parametrize(
    ("host", "with_tls", "count"), [("0.0.0.0", False, 1), ("127.0.0.1", False, 0), ("0.0.0.0", True, 0)]
)
def test_keys_that_cross_a_network_in_clear(
    model_dir, certificates, tmp_path, unloaded, clock, caplog, host, with_tls, count
):
    (tmp_path / "keys").write_text("a-key-of-some-length\n")
    tls = Tls(str(certificates / "server.crt"), str(certificates / "server.key")) if with_tls else None
    Server(model_dir, host=host, port=0, api_key_file=tmp_path / "keys", tls=tls).start().stop()
    assert len(warnings_of(caplog, "keys_in_clear")) == count


class Program:
    """`tfbert serve` in a process of its own."""

    def __init__(self, model_dir, tmp_path, *flags, descriptors=4096, **environment):
        command = [sys.executable, "-m", "tfbert.launch.main", "serve", f"--model={model_dir}", "--grpc_port=0"]
        self._errors = tmp_path / "stderr"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, "--rest_port=0", *flags],
                **{"cwd": REPOSITORY, "text": True, "stdout": subprocess.PIPE, "stderr": errors},
                env={**os.environ, **environment},
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)),
            )
        line = self.process.stdout.readline()
        assert line.startswith("serving mine version"), self._errors.read_text()
        self.address = line.split(" on ")[1].split()[0]
        self.rest_url = self.process.stdout.readline().split()[2].rstrip(",")
        self.host = "127.0.0.1"
        self.port, self.rest_port = (
            int(each.rpartition(":")[2].partition("/")[0]) for each in (self.address, self.rest_url)
        )

    def errors(self):
        return self._errors.read_text()

    def events(self):
        return [json.loads(line) for line in self.errors().splitlines() if line.startswith('{"time"')]

    def used(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.send_signal(signal.SIGINT)
        try:
            assert self.process.wait(20) == 0 or exception[0]
        finally:
            self.process.kill()
            self.process.wait()


@pytest.mark.slow
def test_400_idle_connections_leave_descriptors(model_dir, tmp_path):
    with Program(model_dir, tmp_path, descriptors=200) as program, good_clients(program) as (answers, errors):
        eventually(lambda: answers)
        with contextlib.ExitStack() as stack:
            for port in (program.port, program.rest_port):
                stack.enter_context(connections((program.host, port), 400))
            begun, end = len(answers), time.monotonic() + 5
            while time.monotonic() < end:
                assert post(program, "/mine:predict", b'{"instances": ["a"]}')[0] == 200
                assert program.used() < 200 - 30
                time.sleep(0.1)
            assert len(answers) > begun + 50
        eventually(lambda: new_client_is_answered(program.address), 20)
    assert not errors and all(answers)
    assert [each["event"] for each in program.events() if each["level"] == "ERROR"] == []
    assert len(program.errors()) < 20_000


@pytest.mark.slow
def test_the_server_goes_on_when_descriptors_are_exhausted_and_when_they_return(numbered, tmp_path):
    shutil.copytree(numbered / "1", tmp_path / "mine" / "1")
    with Program(tmp_path / "mine", tmp_path) as program, good_clients(program) as (answers, errors):
        eventually(lambda: answers)
        pid, limit = program.process.pid, resource.RLIMIT_NOFILE
        resource.prlimit(pid, limit, (program.used() + 40, 4096))
        with contextlib.ExitStack() as stack:
            for port in (program.port, program.rest_port):
                stack.enter_context(connections((program.host, port), 100))
            eventually(lambda: any(each.get("event") == "descriptors_exhausted" for each in program.events()))
            shutil.copytree(numbered / "2", tmp_path / ".2")
            (tmp_path / ".2").rename(tmp_path / "mine" / "2")
            begun = len(answers)
            time.sleep(8)
            assert len(answers) > begun + 100
        assert not errors
        eventually(lambda: new_client_is_answered(program.address), 20)
        eventually(lambda: post(program, "/mine:predict", b'{"instances": ["a"]}')[0] == 200)
        eventually(
            lambda: [each.get("version") for each in program.events() if each.get("event") == "loaded"] == [1, 2]
        )
    faults_seen = [each for each in program.events() if each["level"] in ("ERROR", "WARNING") and "event" in each]
    kinds = {(each["event"], each["time"][:19]) for each in faults_seen}
    assert len(faults_seen) <= len(kinds) + 5  # a line of a kind and a second
    assert len([each for each in faults_seen if each["event"] == "load_failed"]) <= 1
    assert len(program.errors()) < 40_000 and "Traceback" not in program.errors()


@pytest.mark.slow
def test_floods_of_every_kind_write_a_few_lines(model_dir, certificates, tmp_path):
    flags = [f"--tls_certificate={certificates / 'server.crt'}", f"--tls_key={certificates / 'server.key'}"]
    with Program(model_dir, tmp_path, *flags) as program:
        size, end = len(program.errors()), threading.Event()

        def flood(port, first):
            while not end.is_set():
                with contextlib.suppress(OSError), connections((program.host, port), 20, first):
                    pass

        attackers = [
            threading.Thread(target=flood, args=(port, first))
            for port in (program.port, program.rest_port)
            for first in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00" + bytes(100), HTTP2)
        ]
        for each in attackers:
            each.start()
        time.sleep(5)
        end.set()
        for each in attackers:
            each.join()
        lines = program.events()
        assert any(each.get("event") == "tls_handshake_failed" and each.get("suppressed", 0) > 10 for each in lines)
        assert len(program.errors()) - size < 20_000
        assert all(line.startswith("{") for line in program.errors()[size:].splitlines())
