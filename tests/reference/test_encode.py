"""The first lines that everyone types: the same vectors as PyTorch `transformers`."""

import numpy as np
import pytest

import tfbert

pytestmark = pytest.mark.reference


def test_hello(minilm, torch_reference):
    encoder, tokenizer = tfbert.Encoder.from_checkpoint(minilm), tfbert.Tokenizer.from_checkpoint(minilm)
    features = tokenizer(["Hello, my name is John."])
    ours = encoder(features)
    theirs = torch_reference("outputs", minilm, **{name: value.numpy() for name, value in features.items()})
    assert theirs["sequence_output"].shape == (1, 9, 384)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-5)
