"""One model for all tests of bulk inference."""

import keras
import pytest

import tfbert


@pytest.fixture(scope="session")
def model(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    return tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
