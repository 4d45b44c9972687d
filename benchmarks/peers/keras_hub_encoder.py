"""KerasHub's BERT behind its own preprocessor: rows of one length. Settings: checkpoint, threads."""

import encoders
import protocol

LENGTH = 128  # its default is 512


def open_(settings):
    import keras_hub
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    backbone = keras_hub.models.BertBackbone.from_preset(settings["checkpoint"])
    tokenizer = keras_hub.tokenizers.BertTokenizer(f"{settings['checkpoint']}/vocab.txt", lowercase=True)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=LENGTH)

    @tf.function(reduce_retracing=True)
    def network(token_ids, segment_ids, padding_mask):
        inputs = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask}
        hidden = backbone(inputs, training=False)["sequence_output"]
        weights = tf.cast(padding_mask, hidden.dtype)[..., None]
        return hidden, tf.math.l2_normalize(tf.reduce_sum(hidden * weights, 1) / tf.reduce_sum(weights, 1), axis=-1)

    def of_ids(ids):
        return network(**{name: tf.constant(values) for name, values in encoders.features(ids).items()})[0].numpy()

    def of_texts(texts):
        inputs = preprocessor(tf.constant(texts))
        return network(**{name: tf.cast(value, tf.int32) for name, value in inputs.items()})[1].numpy()

    return encoders.begin(of_texts, of_ids)


if __name__ == "__main__":
    protocol.run(open_)
