"""The same logits, loss and gradients as transformers' BertForMultipleChoice."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfbert import MultipleChoice
from tfbert.encoders.bert.hugging_face import ENCODER, HEADS, POOLER
from tfbert.encoders.weight_table import TRANSPOSED, expand, relative_variables

pytestmark = pytest.mark.reference
PROMPTS = ["The man opens the door. He", "where is my parcel", "A dog runs", "Water boils, and then"]
CHOICES = [
    ["walks into the dark room.", "sings.", "is a door", "eats the whole street, piece by piece."],
    ["on its way", "no", "blue", "the parcel is a parcel"],
    ["fast.", "and sits down on the grass.", "sour", "eleven"],
    ["it freezes.", "steam rises.", "my order", "x"],
]
LABELS = [0, 0, 1, 1]


def test_multiple_choice(minilm, tmp_path, torch_reference):
    keras.utils.set_random_seed(0)
    model = MultipleChoice.from_checkpoint(minilm)
    classifier = model.network.get_layer("classifier")
    classifier.kernel.assign(classifier.kernel * 20)  # an untrained head hardly tells choices apart
    model.save(tmp_path / "saved")
    example = {"prompt": tf.constant(PROMPTS), "choices": tf.constant(CHOICES), "label": tf.constant(LABELS)}
    features = model.task.features(example)
    names = ("token_ids", "segment_ids", "padding_mask")
    arrays = {name: features[name].numpy().reshape(4, 4, -1) for name in names}
    theirs = torch_reference("multiple_choice", tmp_path / "saved", label=np.array(LABELS), **arrays)

    with tf.GradientTape() as tape:
        logits = model(features)
        loss = model.task.loss()(model.task.target(example, features), logits)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert theirs["logits"].std(axis=1).min() > 0.01
    np.testing.assert_allclose(tf.reshape(logits, [4, 4]), theirs["logits"], atol=1e-5)
    np.testing.assert_allclose(loss, theirs["loss"], atol=1e-5)
    by_id = dict(zip([id(variable) for variable in model.trainable_variables], gradients, strict=True))
    variables = relative_variables(model.encoder)
    rows = [
        (variables[row.variable], f"bert.{row.tensor}", row.layout == TRANSPOSED)
        for row in expand((*ENCODER, *POOLER), 6)
    ]
    head = relative_variables(classifier)
    rows += [
        (head[r.variable.removeprefix("classifier/")], r.tensor, r.layout == TRANSPOSED) for r in HEADS["classifier"]
    ]
    assert len(rows) == len(model.trainable_variables)
    for variable, name, transposed in rows:
        ours = tf.convert_to_tensor(by_id[id(variable)]).numpy()
        wanted = theirs[f"grad/{name}"].T if transposed else theirs[f"grad/{name}"]
        if name.endswith("key.bias") or name == "classifier.bias":  # 0 but for rounding: softmax sees no common shift
            assert np.abs(ours).max() < 1e-6
            continue
        # What the choices of a row share cancels out of a gradient; its rounding, some 1e-7, stays.
        assert np.linalg.norm(ours - wanted) <= 1e-4 * np.linalg.norm(wanted) + 1e-6, name
