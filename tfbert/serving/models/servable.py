"""A SavedModel loaded for serving: its signatures, what they take, and how one is run."""

import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the ops of the tokenizers in the graph
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfbert.errors import ServingError
from tfbert.serving.protocol import tensor_proto

DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """One version of a model, loaded; may be called from several threads.

    Arguments that do not fit a signature raise ValueError, naming what it expects; a folder that cannot be
    loaded is a `ServingError`.

    >>> servable = Servable("served/mine/1")
    >>> servable.run("serving_default", {"text": np.array([b"a film to treasure"], object)})["label"]
    array([b'positive'], dtype=object)
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.signature_defs = self._read_signature_defs()
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except Exception as error:  # a broken SavedModel raises nearly anything
            reason = (getattr(error, "message", None) or str(error) or type(error).__name__).strip()
            raise ServingError(
                f"{folder}: the SavedModel cannot be loaded ({reason.splitlines()[0]}); export it again"
            ) from error
        self._functions = dict(self._loaded.signatures)
        if not self._functions:
            raise ServingError(f"{folder}: the SavedModel has no signature; export it again with one")
        self._inputs = {
            key: {
                name: tensor_proto.InputSpec.from_tensor_info(name, info)
                for name, info in sorted(self.signature_defs[key].inputs.items())
            }
            for key in self._functions
        }

    def _read_signature_defs(self):
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
                return dict(graph.signature_def)
        raise ServingError(f"{self.folder}: saved_model.pb has no graph tagged 'serve'; export the model again")

    @property
    def signatures(self):
        """The names of the signatures that can be run."""
        return sorted(self._functions)

    def has_batch(self, key):
        """Whether requests for a signature may be joined: dimension 0 of all inputs and outputs is the batch."""
        outputs = (info.tensor_shape for info in self.signature_defs[key].outputs.values())
        return all(spec.has_batch for spec in self._inputs[key].values()) and all(
            shape.unknown_rank or (shape.dim and shape.dim[0].size == -1) for shape in outputs
        )

    def parse_inputs(self, key, given):
        """The arrays of a request's `inputs` (name -> TensorProto), with the signature's defaults filled in."""
        specs = self._inputs[key]
        expected = f'signature "{key}" expects {{{", ".join(map(str, specs.values()))}}}'
        defaults = self.signature_defs[key].defaults
        missing = sorted(name for name in specs if name not in given and name not in defaults)
        extra = sorted(name for name in given if name not in specs)
        if missing or extra:
            raise ValueError(
                f"input size does not match signature: {expected}. Sent extra: {{{', '.join(extra)}}}. "
                f"Missing but required: {{{', '.join(missing)}}}."
            )
        try:
            inputs = {
                name: tensor_proto.parse(given[name] if name in given else defaults[name], spec)
                for name, spec in specs.items()
            }
        except ValueError as error:
            raise ValueError(f"{error}; {expected}") from None
        batch_sizes = {name: inputs[name].shape[0] for name, spec in specs.items() if spec.has_batch}
        if len(set(batch_sizes.values())) > 1:
            raise ValueError(f"the inputs have different batch sizes, {batch_sizes}; {expected}")
        return inputs

    def output_names(self, key, output_filter=()):
        """The outputs that a request's `output_filter` names; all unless it names some."""
        outputs = sorted(self.signature_defs[key].outputs)
        for position, name in enumerate(output_filter):
            if name not in outputs:
                raise ValueError(
                    f"output tensor alias not found in signature: {name} "
                    f"Outputs expected to be in the set {{{', '.join(outputs)}}}."
                )
            if name in output_filter[:position]:
                raise ValueError(f"duplicate output tensor alias: {name}")
        return list(output_filter) or outputs

    def run(self, key, inputs):
        """All outputs of a signature by name, as arrays. An error in the graph is a `tf.errors.OpError`."""
        specs = self._inputs[key]
        outputs = self._functions[key](
            **{name: tf.constant(array, specs[name].dtype) for name, array in inputs.items()}
        )
        return {name: np.asarray(tensor.numpy(), tensor.dtype.as_numpy_dtype) for name, tensor in outputs.items()}
