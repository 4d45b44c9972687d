"""An export folder as an engine: strings -> features -> a network's file -> answers, without TensorFlow. B texts."""

from __future__ import annotations

import logging
import pathlib
import queue
from collections.abc import Mapping

import numpy as np
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.errors import ConfigError, ExportError, ServingError
from tfbert.export.engines.files import network_file
from tfbert.export.engines.networks import open_lite, open_networks
from tfbert.export.engines.rows import Arrays, Network, run_unpadded
from tfbert.export.file_names import GOLDEN, SIGNATURES, TASK
from tfbert.serving.models.engines.examples import columns_of_examples
from tfbert.serving.models.engines.golden import Golden
from tfbert.serving.protocol.signatures import DEFAULT_SIGNATURE, Signatures
from tfbert.serving.protocol.status_codes import Code, StatusError

_log = logging.getLogger("tfbert.serving")
_VERSION = "1"  # of the SavedModel that the files are beside: export/folder.py
_OR_SAVED_MODEL = "export the model again, or serve the SavedModel (--engine=saved_model)"


class Exported:
    """An export's LiteRT or ONNX file; several threads may use it, `callers` of them at once.

    Its ids and answers of the golden examples are compared with the model's before it serves.

    Args:
        folder: the export's version folder, such as `served/mine/1`, or the export itself.
        engine: "litert" or "onnx".
        precision: of the file; unless given, the first that is there of int8, float32 and float16.

    Attributes: `file` and `precision` of the network, and those of an `Engine`.

    Raises:
        ServingError: a file is missing or damaged, or answers otherwise than the model.

    >>> Exported(pathlib.Path("served/mine/1"), "litert", callers=2).precision  # doctest: +SKIP
    'int8'
    """

    def __init__(self, folder: pathlib.Path, engine: str, *, precision: str | None = None, callers: int = 1) -> None:
        self.folder, self._engine = pathlib.Path(folder), engine
        export = _export_of(self.folder, engine)
        try:
            self.file, self.precision = network_file(export, engine, precision)
            _check_task(export)
            golden, self.definitions = Golden(export), _read_definitions(export)
            opened = open_networks(engine, self.file, callers)
            parts = [open_lite(export / TASK, kernels=True) for _ in opened]
        except (ConfigError, ExportError) as error:
            raise ServingError(f"{error}, or serve the SavedModel (--engine=saved_model)") from error
        graphs = {name: each for name, each in self.definitions.items() if not name.startswith("__")}
        self.signatures, axes = Signatures(graphs), golden.axes
        self._parts = set(parts[0])
        callers_ = [_Caller(network, part, axes) for network, part in zip(opened, parts, strict=True)]
        count = _check(callers_[0], golden, self)
        what = "%s answers %d golden examples as the model does"
        _log.info(what, self.file, count, extra={"event": "engine_checked", "precision": self.precision})
        self._callers: queue.LifoQueue[_Caller] = queue.LifoQueue()
        for each in callers_:
            self._callers.put(each)

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined; see `Signatures.has_batch`."""
        return self.signatures.has_batch(name)

    def run(self, name: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """All outputs of a signature; UNIMPLEMENTED for one that only the SavedModel answers."""
        columns = dict(inputs)
        if f"answer_{name}" in self._parts:
            features, answer = f"features_{name}", f"answer_{name}"
        elif f"call_{name}" in self._parts:
            features, answer = f"features_{DEFAULT_SIGNATURE}", f"call_{name}"
            columns = columns_of_examples(inputs["inputs"], list(self.definitions[DEFAULT_SIGNATURE].inputs))
        else:
            raise StatusError(
                Code.UNIMPLEMENTED,
                f'signature "{name}" is not in the files that --engine={self._engine} runs; a server with '
                "--engine=saved_model answers it",
            )
        caller = self._callers.get()
        try:
            return caller.run(features, answer, columns)
        finally:
            self._callers.put(caller)


class _Caller:
    """What one thread needs: an interpreter is for one thread."""

    def __init__(self, network: Network, parts: dict[str, Network], axes: Mapping[str, str]) -> None:
        self._network, self.parts, self._axes = network, parts, axes

    def run(self, features: str, answer: str, columns: Arrays) -> Arrays:
        rows = len(next(iter(columns.values())))
        if not rows:  # the answer to nothing has the shape of an answer to something, without rows
            columns = {name: np.full((1, *array.shape[1:]), b"", object) for name, array in columns.items()}
        return {name: value[:rows] for name, value in self._run(features, answer, columns).items()}

    def _run(self, features: str, answer: str, columns: Arrays) -> Arrays:
        found = self.parts[features](columns)
        outputs = run_unpadded(self._network, found, self._axes)
        read = {f"example_{name}": value for name, value in columns.items()}
        read |= {f"features_{name}": value for name, value in found.items()}
        return self.parts[answer](read | {f"outputs_{name}": value for name, value in outputs.items()})


def _check(caller: _Caller, golden: Golden, engine: Exported) -> int:
    """How many examples were compared; ServingError where an answer is not the model's."""
    compared = 0
    for name, case in golden.cases(engine.definitions, engine.precision):
        if f"answer_{name}" in caller.parts:
            compared += len(next(iter(case.inputs.values())))
            features = caller.parts[f"features_{name}"](case.inputs)
            answers = caller.run(f"features_{name}", f"answer_{name}", case.inputs)
            try:
                case.check(f"{engine.file}, {name}", features, answers)
            except ExportError as error:
                raise ServingError(f"{error}; {_OR_SAVED_MODEL}") from None
    if not compared:
        raise ServingError(f"{engine.file}: {GOLDEN} has no example of what it answers; {_OR_SAVED_MODEL}")
    return compared


def _export_of(folder: pathlib.Path, engine: str) -> pathlib.Path:
    """The export that a version folder is of."""
    if (folder / GOLDEN).exists():
        return folder
    if folder.name != _VERSION:
        raise ServingError(
            f"{folder}: --engine={engine} serves version {_VERSION} of an export, the files beside it; this is another "
            "version: serve it as a SavedModel (--engine=saved_model), or export it to a folder of its own"
        )
    return folder.parent


def _check_task(export: pathlib.Path) -> None:
    if not (export / TASK).exists():
        raise ServingError(
            f"{export}: has no {TASK}, the texts' way to ids and to answers: this task has none, or an older export "
            "wrote the folder; " + _OR_SAVED_MODEL
        )


def _read_definitions(export: pathlib.Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    path = export / SIGNATURES
    try:
        return dict(meta_graph_pb2.MetaGraphDef.FromString(path.read_bytes()).signature_def)
    except (OSError, DecodeError) as error:
        raise ServingError(f"{path}: cannot be read ({error}); export the model again") from error
