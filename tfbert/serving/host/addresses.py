"""Addresses to listen on, and the reason why one cannot be bound."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket

from tfbert.errors import ServingError


def join(host: str, port: int) -> str:
    """`host:port`, with the brackets that an IPv6 host needs.

    >>> join("::1", 8500)
    '[::1]:8500'
    """
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server that listens on `host`.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if not host.strip("[]"):  # a server takes "" for all addresses, getaddrinfo for the loopback
        return False
    try:
        found = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def check_address(host: str, port: int) -> None:
    """Raises `ServingError` with the system's reason if `host:port` cannot be bound; gRPC gives no reason.

    >>> check_address("127.0.0.1", 0)
    """
    if reason := _bind_error(host, port):
        raise ServingError(
            f"cannot listen on {join(host, port)}: {reason}; "
            f"stop what listens there, or give another port (0 takes a free one) or host"
        )


def _bind_error(host: str, port: int) -> str | None:
    errors = []
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or str(error)
    for family, kind, protocol, _, address in found:
        try:
            with contextlib.closing(socket.socket(family, kind, protocol)) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen()
        except OSError as error:
            errors.append(error)
    # "localhost" can be ::1 on a machine without IPv6: gRPC needs only one address that can be bound.
    if len(errors) == len(found) or any(error.errno == errno.EADDRINUSE for error in errors):
        return errors[0].strerror or str(errors[0])
    return None
