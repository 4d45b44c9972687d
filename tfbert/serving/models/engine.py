"""What answers the requests for one version of a model: a SavedModel, or a file of another format."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from tfbert.errors import ServingError
from tfbert.serving.models.batching_parameters import threads_of_a_batch

if TYPE_CHECKING:
    import numpy as np
    from tensorflow.core.protobuf import meta_graph_pb2

    from tfbert.serving.protocol.signatures import Signatures

ENGINES = ("saved_model", "litert", "onnx")


@dataclasses.dataclass(frozen=True)
class EngineChoice:
    """Which file of an export answers.

    Args:
        name: "saved_model", or "litert" or "onnx", which run without TensorFlow.
        precision: of the file of LiteRT or ONNX; int8 unless given, or what there is.

    >>> EngineChoice("litert").needs_tensorflow
    False
    """

    name: str = "saved_model"
    precision: str | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ServingError(f"engine={self.name}: there are {', '.join(ENGINES)}")
        if self.precision is not None and self.needs_tensorflow:
            raise ServingError("precision is of the files of LiteRT and ONNX; --engine names one, or leave it out")

    @property
    def needs_tensorflow(self) -> bool:
        """Whether it is TensorFlow."""
        return self.name == "saved_model"

    def open(self, folder: pathlib.Path, callers: int) -> Engine:
        """The engine of a version's folder.

        Args:
            callers: threads that will use it at once.
        """
        if self.needs_tensorflow:
            from tfbert.serving.models.servable import Servable

            return Servable(folder, threads_of_a_batch(callers))
        from tfbert.serving.models.engines.exported import Exported

        return Exported(folder, self.name, precision=self.precision, callers=callers)


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
