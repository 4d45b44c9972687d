"""Fine-tuning steps of KerasHub's BertTextClassifier, with its own optimizer and preprocessor.

Settings: as fit_tfbert.
"""

import protocol
import steps

LENGTH = 128  # its default is 512


def open_(settings):
    import keras_hub
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])

    from tfbert import data

    table = data.read(settings["train"])
    texts, labels = np.array(table.column("sentence")), np.array(table.column("label")).astype(int)
    model = keras_hub.models.BertTextClassifier.from_preset(settings["checkpoint"], num_classes=2)
    model.preprocessor.sequence_length = LENGTH
    random = np.random.default_rng(0)

    def begin(task):
        def call():
            rows = random.permutation(len(texts))[: settings["batch"] * (steps.WARM_UP + task["steps"] + 1)]
            taken = steps.timed_fit(model, texts[rows], labels[rows], batch_size=settings["batch"], steps=task["steps"])
            return {"seconds": taken}

        return call

    return begin


if __name__ == "__main__":
    protocol.run(open_)
