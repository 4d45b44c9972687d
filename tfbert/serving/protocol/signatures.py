"""The signatures of a SavedModel: what each takes and returns, and whether a request fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.serving.protocol import dtypes, tensor_proto

DEFAULT_SIGNATURE = "serving_default"
_NUMBERS = 4096  # of a row; a longer one counts as several


class Signatures:
    """The signatures that requests may name. What does not fit a signature raises ValueError with what it expects.

    Args:
        definitions: signature name -> SignatureDef.

    >>> texts = {"dtype": dtypes.STRING.number, "tensor_shape": {"dim": [{"size": -1}]}}
    >>> definition = meta_graph_pb2.SignatureDef(inputs={"text": texts}, outputs={"label": texts})
    >>> signatures = Signatures({"serving_default": definition})
    >>> signatures.read_inputs("serving_default", {"text": tensor_proto.encode(np.array([b"a text"], object))})
    {'text': array([b'a text'], dtype=object)}
    """

    def __init__(self, definitions: Mapping[str, meta_graph_pb2.SignatureDef]) -> None:
        self._definitions = dict(definitions)
        self._inputs = {
            name: {
                key: tensor_proto.InputSpec.from_tensor_info(key, info)
                for key, info in sorted(definition.inputs.items())
            }
            for name, definition in definitions.items()
        }
        self._expected = {
            name: f'signature "{name}" expects {{{", ".join(map(str, specs.values()))}}}'
            for name, specs in self._inputs.items()
        }
        self._with_batch = {name for name in definitions if self._find_batch(name)}

    @property
    def names(self) -> list[str]:
        """The signatures' names, sorted."""
        return sorted(self._definitions)

    def __contains__(self, name: str) -> bool:
        return name in self._definitions

    def __getitem__(self, name: str) -> meta_graph_pb2.SignatureDef:
        return self._definitions[name]

    def input_dtype(self, name: str, key: str) -> dtypes.DType:
        """The dtype of one input of a signature."""
        return self._inputs[name][key].dtype

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined: dimension 0 of all its inputs and outputs is the batch."""
        return name in self._with_batch

    def _find_batch(self, name: str) -> bool:
        outputs = (info.tensor_shape for info in self._definitions[name].outputs.values())
        return all(spec.has_batch for spec in self._inputs[name].values()) and all(
            shape.unknown_rank or (shape.dim and shape.dim[0].size == -1) for shape in outputs
        )

    def read_inputs(self, name: str, given: Mapping[str, tensor_pb2.TensorProto]) -> dict[str, np.ndarray]:
        """The arrays of a request's `inputs`; an input that was not sent gets the signature's default."""
        specs, defaults = self._inputs[name], self._definitions[name].defaults
        expected = self._expected[name]
        missing = sorted(key for key in specs if key not in given and key not in defaults)
        extra = sorted(key for key in given if key not in specs)
        if missing or extra:
            raise ValueError(
                f"input size does not match signature: {expected}. Sent extra: {{{', '.join(extra)}}}. "
                f"Missing but required: {{{', '.join(missing)}}}."
            )
        try:
            inputs = {
                key: tensor_proto.decode(given[key] if key in given else defaults[key], spec)
                for key, spec in specs.items()
            }
        except ValueError as error:
            raise ValueError(f"{error}; {expected}") from None
        batch_sizes = {key: inputs[key].shape[0] for key, spec in specs.items() if spec.has_batch}
        if len(set(batch_sizes.values())) > 1:
            raise ValueError(f"the inputs have different batch sizes, {batch_sizes}; {expected}")
        return inputs

    def rows(self, name: str, inputs: Mapping[str, np.ndarray]) -> int:
        """How much a request asks for: its strings or, of numbers, its rows, where the size is not fixed.

        A row of more than 4,096 numbers counts as several.
        """
        counts = [self._rows(name, key, array.shape) for key, array in inputs.items()]
        return max(counts, default=0)

    def rows_sent(self, name: str, given: Mapping[str, tensor_pb2.TensorProto]) -> int:
        """What `rows` will find, of inputs that are not read yet; 0 for a signature that is not there.

        A shape that claims more values than there are bytes is not believed; `read_inputs` refuses it.
        """
        counts = [0]
        for key in self._inputs.get(name, {}):
            if key in given:
                count = self._rows(name, key, [dim.size for dim in given[key].tensor_shape.dim])
                counts.append(min(count, given[key].ByteSize()))
        return max(counts)

    def _rows(self, name: str, key: str, shape: Sequence[int]) -> int:
        spec, size = self._inputs[name][key], math.prod(shape)
        if not shape or (spec.shape is not None and None not in spec.shape):
            return 0
        return size if spec.dtype == dtypes.STRING else max(shape[0], size // _NUMBERS)

    def output_names(self, name: str, output_filter: Sequence[str] = ()) -> list[str]:
        """The outputs that a request's `output_filter` names; all outputs if it is empty."""
        outputs = sorted(self._definitions[name].outputs)
        for position, key in enumerate(output_filter):
            if key not in outputs:
                raise ValueError(
                    f"output tensor alias not found in signature: {key} "
                    f"Outputs expected to be in the set {{{', '.join(outputs)}}}."
                )
            if key in output_filter[:position]:
                raise ValueError(f"duplicate output tensor alias: {key}")
        return list(output_filter) or outputs
