"""Fixtures: a small network with all heads, as an opened checkpoint."""

import dataclasses

import numpy as np
import pytest


class Held:
    """Tensors in memory, as a tensor file."""

    def __init__(self, tensors):
        self._tensors = tensors
        self.shapes = {name: value.shape for name, value in tensors.items()}

    def read(self, name):
        return self._tensors[name]


@pytest.fixture(scope="session")
def network(tiny_checkpoint, tiny_config):
    """makes(**changes of the configuration): a `Source` of random weights with all heads of BERT."""
    from tfbert.checkpoints import hugging_face
    from tfbert.checkpoints.mapping import Source, expand, variable_shape

    def make(heads=tuple(hugging_face.HEADS), values=None, **changes):
        config = dataclasses.replace(tiny_config, **{"hidden_act": "gelu_new", **changes})
        width, generator = config.hidden_size, np.random.default_rng(3)
        sizes = {"classifier": 3, "qa_outputs": 2}
        table = [*hugging_face.ENCODER, *(row for head in heads for row in hugging_face.HEADS[head])]
        tensors = {}
        for row in expand(table, config.num_hidden_layers):
            if row.variable == "predictions/decoder/embeddings" and config.tie_word_embeddings:
                continue
            shape = variable_shape(row.variable, config)
            if shape is None:
                count = sizes[row.variable.split("/")[0]]
                shape = (width, count) if row.variable.endswith("kernel") else (count,)
            value = generator.normal(0, 0.1, shape).astype("float32") + row.variable.endswith("gamma")
            tensors[row.tensor] = np.float32(value.T if row.layout == "transposed" else value)
        return Source("random network", tiny_checkpoint, config, values or {}, [(tuple(table), Held(tensors))])

    return make


@pytest.fixture(scope="session")
def features(tiny_config):
    """Token numbers of four rows, of which three are padded."""
    lengths = np.array([[12], [7], [1], [5]])
    generator = np.random.default_rng(0)
    return {
        "token_ids": generator.integers(5, tiny_config.vocab_size, (4, 12)).astype("int32"),
        "segment_ids": (np.arange(12) >= lengths // 2).astype("int32"),
        "padding_mask": (np.arange(12) < lengths).astype("int32"),
    }
