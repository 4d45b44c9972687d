"""TF Serving's API on one machine: the local server and the clients."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfbert.serving.protocol import message_modules

if TYPE_CHECKING:
    from tfbert.export.saved_model.write import write_saved_model as write_saved_model
    from tfbert.serving.client.async_client import AsyncClient as AsyncClient
    from tfbert.serving.client.client import Client as Client
    from tfbert.serving.client.messages import RequestError as RequestError
    from tfbert.serving.host.server import Server as Server
    from tfbert.serving.host.tls import Tls as Tls
    from tfbert.serving.models.batching_parameters import BatchingParameters as BatchingParameters
    from tfbert.serving.models.versions import ModelSettings as ModelSettings

message_modules.install()  # before any module below imports one of TensorFlow's messages

_PUBLIC = {
    "AsyncClient": "tfbert.serving.client.async_client",
    "BatchingParameters": "tfbert.serving.models.batching_parameters",
    "Client": "tfbert.serving.client.client",
    "ModelSettings": "tfbert.serving.models.versions",
    "RequestError": "tfbert.serving.client.messages",
    "Server": "tfbert.serving.host.server",
    "Tls": "tfbert.serving.host.tls",
    "write_saved_model": "tfbert.export",  # an alias
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    # Imported on first use: the server and the clients need the extra `serving`, exporting does not.
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'tfbert.serving' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
