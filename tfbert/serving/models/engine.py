"""What answers the requests for one version of a model: a SavedModel, or a file of another format."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.serving.protocol.signatures import Signatures


class Engine(Protocol):
    """A loaded version; several threads may use it.

    Attributes:
        folder: the version's.
        signatures: those that can be run.
        definitions: all SignatureDefs of the version's SavedModel.
    """

    folder: pathlib.Path
    signatures: Signatures
    definitions: dict[str, meta_graph_pb2.SignatureDef]

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined; see `Signatures.has_batch`."""

    def run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs of a signature. What a request is refused for is a `StatusError`."""
