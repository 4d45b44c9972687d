"""A task -> a SavedModel that takes strings; the local server; the client."""

import importlib

_PUBLIC = {
    "AsyncClient": "tfbert.serving.client.async_client",
    "Client": "tfbert.serving.client.client",
    "RequestError": "tfbert.serving.client.messages",
    "Server": "tfbert.serving.host.server",
    "write_saved_model": "tfbert.export.saved_model.write",
}

__all__ = list(_PUBLIC)


def __getattr__(name):
    # The server and the client need the extra `serving`; exporting does not.
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'tfbert.serving' has no attribute {name!r}")
