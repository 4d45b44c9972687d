"""A SavedModel loaded for serving: its signatures, and how one is run."""

from __future__ import annotations

import logging
import os
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tfbert.errors import ServingError
from tfbert.serving.models.reaching_out import operations_reaching_out
from tfbert.serving.protocol.signatures import Signatures
from tfbert.serving.protocol.status_codes import StatusError, invalid
from tfbert.text.operations import register_operations

_log = logging.getLogger("tfbert.serving")


class Servable:
    """One version of a model, loaded; several threads may use it.

    Attributes:
        signatures: those that can be run.
        definitions: all SignatureDefs in the file, TensorFlow's own included.

    Raises:
        ServingError: the folder cannot be loaded.

    >>> servable = Servable("served/mine/1")
    >>> servable.run("serving_default", {"text": np.array([b"a film to treasure"], object)})["label"]
    array([b'…'], dtype=object)
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = pathlib.Path(folder)
        self.definitions = self._read_definitions()
        register_operations()
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except Exception as error:  # a broken SavedModel can raise almost anything
            reason = (getattr(error, "message", None) or str(error) or type(error).__name__).strip()
            raise ServingError(
                f"{folder}: the SavedModel cannot be loaded ({reason.splitlines()[0]}); export it again"
            ) from error
        self._functions = dict(self._loaded.signatures)
        if not self._functions:
            raise ServingError(f"{folder}: the SavedModel has no signature; export it again with one")
        self.signatures = Signatures({name: self.definitions[name] for name in self._functions})

    def _read_definitions(self) -> dict[str, meta_graph_pb2.SignatureDef]:
        saved_model = saved_model_pb2.SavedModel()
        try:
            saved_model.ParseFromString((self.folder / "saved_model.pb").read_bytes())
        except FileNotFoundError:
            raise ServingError(f"{self.folder}: has no saved_model.pb; export the model again") from None
        except (OSError, DecodeError) as error:
            raise ServingError(
                f"{self.folder}: saved_model.pb cannot be read ({error}); export the model again"
            ) from error
        for graph in saved_model.meta_graphs:
            if "serve" in graph.meta_info_def.tags:
                if found := operations_reaching_out(graph):  # said before loading, which may run them
                    what = (
                        "%s: the graph reaches out of itself with %s; it may read and write files, or open connections"
                    )
                    _log.warning(what, self.folder, ", ".join(found), extra={"event": "reaches_out"})
                return dict(graph.signature_def)
        raise ServingError(f"{self.folder}: saved_model.pb has no graph tagged 'serve'; export the model again")

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined; see `Signatures.has_batch`."""
        return self.signatures.has_batch(name)

    def run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs of a signature. An error in the graph raises a `StatusError` with TensorFlow's code."""
        tensors = {
            key: tf.constant(array, self.signatures.input_dtype(name, key).number) for key, array in inputs.items()
        }
        try:
            outputs = self._functions[name](**tensors)
        except UnicodeDecodeError:  # TensorFlow's message quotes bytes of the request, and Python cannot read it
            raise invalid(f"signature {name!r} refuses the values of an input") from None
        except tf.errors.OpError as error:
            raise StatusError(error.error_code, error.message) from error
        return {key: np.asarray(tensor.numpy(), tensor.dtype.as_numpy_dtype) for key, tensor in outputs.items()}
