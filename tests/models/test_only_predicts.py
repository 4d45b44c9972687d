"""A model that only predicts: several batches at once, and what depends on weights alone computed once."""

import keras
import numpy as np

import tfbert

TEXTS = [" ".join(["where is my parcel"] * (1 + i % 7)) for i in range(50)]


def probabilities(model):
    return [answer["probabilities"] for answer in model.predict(TEXTS, batch_size=4, verbose=0)]


def test_several_callers_answer_in_order(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
    wanted = probabilities(model)
    model.only_predicts(callers=3)
    found = probabilities(model)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), atol=1e-6)


def test_a_compiled_model_follows_its_weights_again(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"], dtype="mixed_bfloat16")
    model.only_predicts()
    before = probabilities(model)
    for layer in model.encoder.blocks:
        layer.attention.value.kernel.assign(layer.attention.value.kernel * 30)
    assert probabilities(model) == before  # as `only_predicts` says
    model.compile()
    assert probabilities(model) != before
