"""A SavedModel loaded for serving: its signatures, and how one is run."""

from __future__ import annotations

import importlib.util
import logging
import os
import pathlib
from collections.abc import Mapping, Set

import numpy as np
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2

from tfbert import cpu
from tfbert.errors import ServingError
from tfbert.serving.models import tensorflow_library, tensorflow_session
from tfbert.serving.models.graph_operations import multiplies_in_bfloat16, operations_of
from tfbert.serving.models.reaching_out import operations_reaching_out
from tfbert.serving.protocol import dtypes
from tfbert.serving.protocol.signatures import Signatures
from tfbert.serving.protocol.status_codes import StatusError, invalid

_log = logging.getLogger("tfbert.serving")

# Of tensorflow-text, whose Python package is not imported: the operations of this package's graphs, and their files.
_TEXT_FILES = {
    "FastBertNormalize": "_fast_bert_normalizer.so",
    "FastWordpieceTokenizeWithOffsets": "_fast_wordpiece_tokenizer.so",
    "FindSourceOffsets": "_normalize_ops.so",
    "NormalizeUTF8": "_normalize_ops.so",
    "NormalizeUTF8WithOffsetsMap": "_normalize_ops.so",
    "RegexSplitWithOffsets": "_regex_split_ops.so",
    "SentencepieceOp": "_sentencepiece_tokenizer.so",
    "SentencepieceTokenizeOp": "_sentencepiece_tokenizer.so",
    "SentencepieceTokenizeWithOffsetsOp": "_sentencepiece_tokenizer.so",
    "TFText>ByteSplitByOffsets": "_byte_splitter.so",
    "TFText>FastSentencepieceTokenize": "_fast_sentencepiece_tokenizer.so",
}
_VARIABLES = "variables/variables.index"
_OWN = "__saved_model_"  # TensorFlow's signatures, such as __saved_model_init_op


class Servable:
    """One version of a model, loaded; several threads may use it.

    Args:
        threads: of an operation; the first servable of a process decides about it.

    Attributes:
        signatures: those that can be run.
        definitions: all SignatureDefs in the file, TensorFlow's own included.

    Raises:
        ServingError: the folder cannot be loaded.

    >>> servable = Servable("served/mine/1")
    >>> servable.run("serving_default", {"text": np.array([b"a film to treasure"], object)})["label"]
    array([b'…'], dtype=object)
    """

    def __init__(self, folder: str | os.PathLike, threads: int = 1) -> None:
        self.folder = pathlib.Path(folder)
        graph = self._read_graph()
        self.definitions = dict(graph.signature_def)
        operations = operations_of(graph)
        if multiplies_in_bfloat16(graph) and not cpu.has_bfloat16():
            what = "%s: is in bfloat16, which this processor, %s, does not compute in: it is several times slower"
            _log.warning(what + " than in float32; export it without --dtype=bfloat16", folder, cpu.description())
        del graph
        if "VarHandleOp" in operations and not (self.folder / _VARIABLES).exists():  # TensorFlow would not read them
            raise ServingError(f"{folder}: has no {_VARIABLES}; export the model again")
        self._load_text_operations(operations)
        try:
            session = self._open(threads)
        except tensorflow_library.Failed as error:
            reason = (error.message or f"code {error.code}").strip().splitlines()[0]
            raise ServingError(f"{folder}: the SavedModel cannot be loaded ({reason}); export it again") from error
        self.signatures = Signatures(
            {name: each for name, each in self.definitions.items() if not name.startswith(_OWN)}
        )
        if not self.signatures.names:
            raise ServingError(f"{folder}: the SavedModel has no signature; export it again with one")
        self._inputs = {name: sorted(self.definitions[name].inputs) for name in self.signatures.names}
        self._outputs = {name: sorted(self.definitions[name].outputs) for name in self.signatures.names}
        self._functions = {name: self._function(session, name) for name in self.signatures.names}

    def _load_text_operations(self, operations: Set[str]) -> None:
        for name in operations & _TEXT_FILES.keys():
            _load(_TEXT_FILES[name])
        missing = tensorflow_library.unregistered(operations)
        if missing:
            _load("*.so")  # somebody else's model may use any
        if missing := tensorflow_library.unregistered(missing):
            raise ServingError(
                f"{self.folder}: the SavedModel cannot be loaded: it uses {', '.join(missing)}, which neither "
                "TensorFlow nor tensorflow-text has; export it without"
            )

    def _open(self, threads: int) -> tensorflow_session.Session:
        # In the thread that calls: to hand a call to a pool of TensorFlow's takes longer than a small operation.
        config = config_pb2.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
        options = config_pb2.RunOptions(inter_op_thread_pool=-1)
        return tensorflow_session.Session(str(self.folder), config.SerializeToString(), options.SerializeToString())

    def _function(self, session: tensorflow_session.Session, name: str) -> tensorflow_session.Function:
        definition = self.definitions[name]
        inputs = [(info.name, info.dtype) for _, info in sorted(definition.inputs.items())]
        outputs = [(info.name, info.dtype) for _, info in sorted(definition.outputs.items())]
        try:
            return session.function(inputs, [(each, dtypes.of_number(number).numpy) for each, number in outputs])
        except (KeyError, TypeError) as error:
            raise ServingError(
                f"{self.folder}: signature {name!r} cannot be run ({error}); export the model again"
            ) from None

    def _read_graph(self) -> meta_graph_pb2.MetaGraphDef:
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
                return graph
        raise ServingError(f"{self.folder}: saved_model.pb has no graph tagged 'serve'; export the model again")

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined; see `Signatures.has_batch`."""
        return self.signatures.has_batch(name)

    def run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs of a signature. An error in the graph raises a `StatusError` with TensorFlow's code."""
        try:
            outputs = self._functions[name]([inputs[key] for key in self._inputs[name]])
        except tensorflow_library.Failed as error:
            if error.message is None:  # it quotes bytes of the request
                raise invalid(f"signature {name!r} refuses the values of an input") from None
            raise StatusError(error.code, error.message) from error
        return dict(zip(self._outputs[name], outputs, strict=True))


def _load(pattern: str) -> None:
    spec = importlib.util.find_spec("tensorflow_text")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted((pathlib.Path(folder) / "python/ops").glob(pattern)):
            tensorflow_library.load_operations(str(file))
