"""The losses of sentence embeddings. B batch, K texts of an example, W = K x B texts, D dimensions."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfbert.encoders.layers.pooling import unit_length

OBJECTIVES = ("cosine", "in_batch_negatives", "triplet")


@keras.saving.register_keras_serializable("tfbert")
class SentenceEmbeddingLoss(keras.losses.Loss):
    """Loss of the embeddings [W, D] of a batch, of which the K texts of an example follow each other.

    The form of the target says what the data are: scores [W] of pairs, or [W, K], which of its example's K texts
    each row is. Pairs with scores are compared by "cosine", texts without scores by their in-batch negatives, and
    triplets so or by "triplet", as `objective` says.

    cosine: squared error of the pair's cosine. in_batch_negatives: cross-entropy of the scaled cosines of a text to
    all pairs, and negatives, of the batch, of which its own is right. triplet: by how much the negative's cosine is
    higher than the pair's less the margin. Sources: sentence-transformers' CosineSimilarityLoss,
    MultipleNegativesRankingLoss and TripletLoss with the cosine distance.

    >>> float(SentenceEmbeddingLoss("cosine")(tf.ones([2]), tf.eye(2)))
    1.0
    """

    def __init__(
        self,
        objective: str = "cosine",
        *,
        scale: float = 20.0,
        margin: float = 0.5,
        reduction: str = "sum_over_batch_size",
        name: str = "sentence_embedding_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.objective, self.scale, self.margin = objective, scale, margin

    def call(self, truth: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        embeddings, scored = unit_length(embeddings), len(truth.shape) == 1
        count = 2 if scored else truth.shape[-1]
        text, *others = [embeddings[i::count] for i in range(count)]
        if scored:
            return tf.square(_cosines(text, others[0]) - truth[::2])
        if count == 3 and self.objective == "triplet":
            return tf.nn.relu(_cosines(text, others[1]) - _cosines(text, others[0]) + self.margin)
        logits = self.scale * tf.matmul(text, tf.concat(others, 0), transpose_b=True)  # [B, (K - 1) x B]
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(tf.shape(text)[0]), logits)

    def get_config(self) -> dict[str, Any]:
        config = {"objective": self.objective, "scale": self.scale, "margin": self.margin}
        return {**super().get_config(), **config}


def _cosines(one, other):
    return tf.reduce_sum(one * other, axis=-1)
