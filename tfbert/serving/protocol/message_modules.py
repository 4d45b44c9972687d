"""TensorFlow's protocol messages without TensorFlow: the generated modules alone, loaded in 0.1 s and 5 MB.

TF Serving's messages hold TensorFlow's, whose modules are inside the package `tensorflow`. Importing one of them would
import all of TensorFlow, which takes seconds and hundreds of megabytes, and which a server of LiteRT or ONNX files does
not use.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types

# What this package and tensorflow-serving-api import of TensorFlow's.
_MODULES = (
    "example.example_pb2",
    "framework.tensor_pb2",
    "framework.types_pb2",
    "protobuf.config_pb2",
    "protobuf.error_codes_pb2",
    "protobuf.meta_graph_pb2",
    "protobuf.named_tensor_pb2",
    "protobuf.saved_model_pb2",
)


def install() -> None:
    """Imports the modules of messages as parts of a package `tensorflow` without contents, which is then forgotten.

    They stay in `sys.modules` under their names: whoever imports one of them later gets it and no TensorFlow, and
    `import tensorflow` imports TensorFlow, which uses the same modules. Nothing happens where it is imported already.

    >>> install()
    >>> from tensorflow.core.framework import tensor_pb2
    >>> tensor_pb2.TensorProto().dtype
    0
    """
    if "tensorflow" in sys.modules or f"tensorflow.core.{_MODULES[-1]}" in sys.modules:
        return
    if (spec := importlib.util.find_spec("tensorflow")) is None:
        return  # whoever needs a message says so
    package = types.ModuleType("tensorflow")
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["tensorflow"] = package
    try:
        for name in _MODULES:
            importlib.import_module(f"tensorflow.core.{name}")
    finally:
        del sys.modules["tensorflow"]
