"""The loss of extractive summarization. W windows, S sequence, N sentences of all windows together."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfbert")
class SentenceLoss(keras.losses.Loss):
    """Binary cross-entropy of sentences, whose logit is the mean of their tokens' logits [W, S].

    Targets are int [W, S, 2]: the number of a token's sentence, -1 for none, and whether the sentence belongs to the
    summary. A window's loss is the mean of its sentences', 0 without any; a sentence is all in one window.

    Source: Liu 2019, Fine-tune BERT for Extractive Summarization, section 2.2.

    >>> float(SentenceLoss()([[[-1, 0], [0, 1], [0, 1]]], [[9.0, 1.0, -1.0]]))
    0.6931471824645996
    """

    def __init__(self, *, reduction="sum_over_batch_size", name="sentence_loss", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, truth, logits):
        windows, length = tf.shape(logits)[0], tf.shape(logits)[1]
        truth = tf.cast(truth, tf.int32)
        sentence = tf.reshape(truth[..., 0], [-1])  # [W x S]
        label = tf.reshape(truth[..., 1], [-1])
        window = tf.repeat(tf.range(windows), length)
        is_token = sentence >= 0
        sentence, label, window, logits = (
            tf.boolean_mask(values, is_token) for values in (sentence, label, window, tf.reshape(logits, [-1]))
        )
        # The numbers of a part of a batch do not begin with 0.
        _, sentence, tokens = tf.unique_with_counts(sentence)
        size = tf.size(tokens)  # N
        logit = tf.math.unsorted_segment_mean(logits, sentence, size)
        label = tf.cast(tf.math.unsorted_segment_max(label, sentence, size), logit.dtype)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(label, logit)
        return tf.math.unsorted_segment_mean(losses, tf.math.unsorted_segment_max(window, sentence, size), windows)
