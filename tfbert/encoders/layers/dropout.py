"""Dropout whose masks differ from replica to replica."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfbert")
class Dropout(keras.layers.Dropout):
    """Keras' Dropout, but with different masks on different replicas.

    Under `tf.distribute`, Keras' layer draws the same mask on every replica, because all share a seed. On one replica
    the masks are those of Keras' layer. The output has the type of the input. The number of a replica comes from
    TensorFlow, not from `keras.ops`.

    >>> Dropout(0.1)(tf.ones([2, 3]), training=True).shape
    TensorShape([2, 3])
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(rate, autocast=False, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        replica = tf.distribute.get_replica_context()
        if not training or not self.rate or replica is None or replica.num_replicas_in_sync == 1:
            return super().call(inputs, training=training)
        seed = tf.cast(self.seed_generator.next() % tf.int32.max, tf.int32)
        seed = tf.random.experimental.stateless_fold_in(seed, replica.replica_id_in_sync_group)
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed, noise_shape=self.noise_shape)
