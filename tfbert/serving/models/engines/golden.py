"""An export's golden examples, on which an engine is checked before it serves. B texts."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.errors import ExportError, ServingError
from tfbert.export.file_names import GOLDEN
from tfbert.export.golden_answers import check_answers
from tfbert.files import read_json_object
from tfbert.serving.protocol import dtypes

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class GoldenCase:
    """Examples of one signature with the features and the answers of the model in Python."""

    inputs: Arrays
    features: Arrays
    answers: Arrays
    decided: Arrays
    allowed: dict[str, float]

    def check(self, what: str, features: Mapping[str, np.ndarray], answers: Mapping[str, np.ndarray]) -> None:
        """Raises ExportError where the texts' ids are others, or the answers differ by more than they may."""
        for name, wanted in self.features.items():
            if not np.array_equal(features[name], wanted):
                raise ExportError(f"{what}: its {name} are not those of the model")
        for name, array in answers.items():
            if name in self.answers and array.dtype != self.answers[name].dtype:
                raise ExportError(f"{what}: {name} is {array.dtype}, the model's is {self.answers[name].dtype}")
        check_answers(what, self.inputs, self.answers, self.decided, self.allowed, answers)


class Golden:
    """The golden.json of an export.

    Raises:
        ServingError: it is missing or damaged.

    >>> Golden(pathlib.Path("served/mine")).axes  # doctest: +SKIP
    {'logits': 'W C'}
    """

    def __init__(self, export: pathlib.Path) -> None:
        self._path = export / GOLDEN
        if not self._path.exists():
            raise ServingError(
                f"{export}: has no {GOLDEN}, on which this engine is checked; export the model again, or serve the "
                "SavedModel (--engine=saved_model)"
            )
        self._cases: dict[str, Any] = self._read(lambda: dict(read_json_object(self._path)["cases"]))

    def _read(self, found: Any) -> Any:
        try:
            return found()
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ServingError(f"{self._path}: cannot be used ({what}); export the model again") from error

    @property
    def axes(self) -> dict[str, str]:
        """The axes of the network's outputs."""
        return self._read(lambda: dict(next(iter(self._cases.values()))["axes"]))

    def cases(
        self, definitions: Mapping[str, meta_graph_pb2.SignatureDef], precision: str
    ) -> Iterator[tuple[str, GoldenCase]]:
        """(signature, case) of all of them, with what a precision may change."""
        for name, case in self._cases.items():
            yield name, self._read(lambda name=name, case=case: _case(definitions[name], case, precision))


def _case(definition: meta_graph_pb2.SignatureDef, case: Mapping[str, Any], precision: str) -> GoldenCase:
    return GoldenCase(
        {key: _array(case["inputs"][key], info) for key, info in definition.inputs.items()},
        {name: np.array(values, np.int32) for name, values in case["features"].items()},
        {key: _array(case["answers"][key], info) for key, info in definition.outputs.items()},
        {name: np.array(values, bool) for name, values in case["decided"][precision].items()},
        {name: float(value) for name, value in case["allowed"][precision].items()},
    )


def _array(values: list[Any], info: meta_graph_pb2.TensorInfo) -> np.ndarray:
    dtype = dtypes.of_number(info.dtype)
    if dtype != dtypes.STRING:
        return np.array(values, dtype.numpy)
    array = np.array(values, object)
    flat = [text.encode() for text in array.ravel().tolist()]
    array = np.array([*flat, None], object)[:-1]
    return array.reshape(np.shape(values))
