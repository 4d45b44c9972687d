"""The loss of relation extraction: that of a classification by one label."""

from __future__ import annotations

from tfbert.tasks.classification.loss import ClassificationLoss


def loss() -> ClassificationLoss:
    """Cross-entropy of logits [B, L] and labels int [B], averaged over the batch.

    >>> float(loss()(tf.constant([0]), tf.zeros([1, 2])))
    0.6931471824645996
    """
    return ClassificationLoss("single_label")
