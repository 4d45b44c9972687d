"""The server's certificate, for gRPC and REST."""

from __future__ import annotations

import dataclasses
import pathlib
import ssl

import grpc

from tfbert.errors import ServingError


@dataclasses.dataclass(frozen=True)
class Tls:
    """PEM files.

    Args:
        certificate: the server's certificate, with its chain.
        key: the certificate's key.
        client_authority: if given, only clients with a certificate signed by it are served.

    >>> tls = Tls("server.crt", "server.key")
    """

    certificate: str
    key: str
    client_authority: str | None = None

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """The credentials for gRPC's add_secure_port."""
        self.ssl_context()  # gRPC accepts files that it cannot use, and then refuses every connection
        authority = _read(self.client_authority) if self.client_authority else None
        return grpc.ssl_server_credentials(
            [(_read(self.key), _read(self.certificate))], authority, require_client_auth=authority is not None
        )

    def ssl_context(self) -> ssl.SSLContext:
        """The context for asyncio's servers.

        Raises:
            ServingError: a file cannot be read, or the key is not the certificate's.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_authority:
                context.load_verify_locations(self.client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise ServingError(
                f"TLS with {self.certificate}, {self.key}, {self.client_authority or 'any client'}: "
                f"{getattr(error, 'reason', None) or error}; give a PEM certificate and its key"
            ) from error
        return context


def _read(file: str) -> bytes:
    return pathlib.Path(file).read_bytes()
