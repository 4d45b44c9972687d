"""What several tests of models share."""

import keras
import pytest

import tfbert


@pytest.fixture
def model(tiny_checkpoint):
    """A compiled text classifier of two intents of the shop."""
    keras.utils.set_random_seed(3)  # learns soon; with others the few steps of a test may not be enough
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["order_status", "refund"])
    model.compile(tfbert.AdamW(5e-3))
    return model
