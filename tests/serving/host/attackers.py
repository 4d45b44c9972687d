"""Connections that attack a server, and ways to see what became of them."""

import contextlib
import select
import socket
import ssl
import struct
import threading
import time

import grpc

from tfbert.serving.client.client import Client

_EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS_READ = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00"
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _EMPTY_SETTINGS + _SETTINGS_READ
HTTP1 = b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\n"
OWN_CHANNEL = [("grpc.use_local_subchannel_pool", 1)]  # a connection that no other channel shares


def frame(kind, flags, stream, payload=b"", length=None):
    """An HTTP/2 frame, of which `payload` may be only the start."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def is_closed(connection):
    """Whether the other side has closed; reads what it has sent."""
    ready = select.poll()  # unlike select, takes descriptors of 1024 and more
    ready.register(connection, select.POLLIN)
    try:
        while ready.poll(0):
            if not connection.recv(2**16):
                return True
    except OSError:
        return True
    return False


@contextlib.contextmanager
def connections(address, count, first=b""):
    """`count` sockets that have sent `first`."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(count)]
        for each in opened:
            with contextlib.suppress(OSError):
                each.sendall(first)
        yield opened


def seconds_until_closed(opened, limit, trickle=b""):
    """How long until the server has closed all of them; `trickle` is sent to each again and again, with pauses."""
    begun, left = time.monotonic(), list(opened)
    while left:
        assert time.monotonic() - begun < limit, f"{len(left)} of {len(opened)} connections are open after {limit} s"
        if trickle:
            for each in left:
                with contextlib.suppress(OSError):
                    each.send(trickle)
        left = [each for each in left if not is_closed(each)]
        time.sleep(0.05)
    return time.monotonic() - begun


@contextlib.contextmanager
def good_clients(server, count=2):
    """Clients of gRPC that ask all the time; yields (answers, errors), which grow."""
    answers, errors, end = [], [], threading.Event()

    def ask(number):
        with Client(server.address, model="mine", timeout=20) as client:
            while not end.is_set():
                try:
                    answers.append(client.predict(["a b" * number])[0]["logits"] == [3 * number, 1 + number])
                except Exception as error:
                    errors.append(error)
                time.sleep(0.005)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, count + 1)]
    for thread in threads:
        thread.start()
    try:
        yield answers, errors
    finally:
        end.set()
        for thread in threads:
            thread.join(30)


def new_client_is_answered(address):
    """Whether a client that has just come is answered."""
    with grpc.insecure_channel(address, OWN_CHANNEL) as channel:
        try:
            grpc.channel_ready_future(channel).result(2)
            return True
        except grpc.FutureTimeoutError:
            return False


def without_checks():
    """A TLS context of a client that trusts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
