"""One folder with a model in every format, checked before it is kept."""

import importlib

_PUBLIC = {"export": "tfbert.export.folder", "write_saved_model": "tfbert.export.saved_model.write"}

__all__ = list(_PUBLIC)


def __getattr__(name):
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'tfbert.export' has no attribute {name!r}")
