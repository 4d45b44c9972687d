"""Pretraining steps of KerasHub's BertMaskedLM, a text a row.

Settings: examples, texts, batch, length, threads.
"""

import pathlib

import protocol
import steps

WARM_UP = 1  # steps of seconds each, of one shape


def open_(settings):
    import keras
    import keras_hub
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    length, batch = settings["length"], settings["batch"]
    tokenizer = keras_hub.tokenizers.BertTokenizer(str(pathlib.Path(settings["examples"], "vocab.txt")), lowercase=True)
    preprocessor = keras_hub.models.BertMaskedLMPreprocessor(
        tokenizer, sequence_length=length, mask_selection_length=round(0.15 * length)
    )
    backbone = keras_hub.models.BertBackbone(
        tokenizer.vocabulary_size(), num_layers=4, num_heads=8, hidden_dim=512, intermediate_dim=2048
    )
    model = keras_hub.models.BertMaskedLM(backbone, preprocessor)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # with XLA it is slower here
    )
    texts = np.array(pathlib.Path(settings["texts"]).read_text(encoding="utf-8").splitlines())

    def begin(task):
        part = texts[: batch * (WARM_UP + task["steps"])]
        counts = np.minimum([len(row) for row in tokenizer(part)], length - 2) + 2
        return lambda: {
            "seconds": steps.timed_fit(
                model, part, batch_size=batch, shuffle=False, steps=task["steps"], warm_up=WARM_UP
            ),
            "tokens": int(counts[batch * WARM_UP :].sum()),
        }

    return begin


if __name__ == "__main__":
    protocol.run(open_)
