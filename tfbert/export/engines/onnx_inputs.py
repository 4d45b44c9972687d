"""The inputs of an ONNX file: the network's features by tfbert's names, or by those of Hugging Face's exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# tfbert's name -> that of transformers' models, whose files take int64
HUGGING_FACE = {"token_ids": "input_ids", "segment_ids": "token_type_ids", "padding_mask": "attention_mask"}
INPUTS = ("tfbert", "hugging_face")
_OURS = {theirs: ours for ours, theirs in HUGGING_FACE.items()}
_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


def feed_of(session: Any) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], dict[str, np.ndarray]]]:
    """Returns the features that an InferenceSession reads, and a function of features to what it is given."""
    inputs = [(value.name, _OURS.get(value.name, value.name), _TYPES[value.type]) for value in session.get_inputs()]

    def feed(features: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {name: np.asarray(features[ours], kind) for name, ours, kind in inputs}

    return tuple(ours for _, ours, _ in inputs), feed
