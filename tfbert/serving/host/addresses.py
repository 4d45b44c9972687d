"""Addresses to listen on, and why one cannot be bound."""

import contextlib
import errno
import socket

from tfbert.errors import ServingError


def join(host, port):
    """`host:port`, with the brackets that an IPv6 host needs.

    >>> join("::1", 8500)
    '[::1]:8500'
    """
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def check_address(host, port):
    """Raises `ServingError`, with the system's reason, where `host:port` cannot be bound; gRPC gives none."""
    if reason := _bind_error(host, port):
        raise ServingError(
            f"cannot listen on {join(host, port)}: {reason}; "
            f"stop what listens there, or give another port (0 takes a free one) or host"
        )


def _bind_error(host, port):
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
    # "localhost" may be ::1 on a machine without IPv6: one address that can be bound is enough for gRPC.
    if len(errors) == len(found) or any(error.errno == errno.EADDRINUSE for error in errors):
        return errors[0].strerror or str(errors[0])
    return None
