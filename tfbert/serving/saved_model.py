"""A task model -> a SavedModel that takes strings. B batch, L labels.

The graph holds the tokenizer as constants and each weight once (Keras' own export writes them twice), loads
without Keras and tfbert, and uses the operations of stock TF Serving alone.
"""

import json
import pathlib

import tensorflow as tf

from tfbert.files import replace_folder


class _ServedModel(tf.Module):
    """The raw variables of a model beside the function that reads them."""

    def __init__(self, model):
        super().__init__()
        self.weights = [variable.value for variable in model.network.variables]
        self._answer = model.answer

    def signature(self, inputs):
        specs = [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in inputs.items()]

        def answer(*values):
            return self._answer(dict(zip(inputs, values, strict=True)))

        return tf.function(answer, input_signature=specs, autograph=False)


def write_saved_model(model, path):
    """Writes the SavedModel folder `path`, such as `served/mine/1`, in one piece.

    Each of the task's `signatures` takes its columns, such as `text` [B], and returns the task's answer.
    `assets.extra/config.json` names the labels in the order of the probabilities.

    Raises:
        DiskError: the folder could not be written; nothing is left of it.

    >>> write_saved_model(tfbert.load("runs/mine"), "served/mine/1")
    """
    served = _ServedModel(model)
    signatures = {name: served.signature(inputs) for name, inputs in model.task.signatures.items()}
    with replace_folder(path, marker="saved_model.pb") as folder:
        try:
            tf.saved_model.save(served, str(folder), signatures=signatures)
        except tf.errors.OpError as error:  # a full disk comes as one of several
            raise OSError(error.message) from error
        extra = pathlib.Path(folder) / "assets.extra"  # where TF Serving keeps what the graph does not read
        extra.mkdir()
        card = {"task": model.task.name, "settings": model.task.settings()}
        text = json.dumps(card, indent=2, ensure_ascii=False)
        (extra / "config.json").write_text(text + "\n", encoding="utf-8")
