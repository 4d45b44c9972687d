"""The heads of pretraining, for Keras and ONNX.

Shapes: B rows, S sequence, P masks of a row, C sequences of a packed row, H hidden, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from tfbert.errors import ConfigError
from tfbert.tasks.dense_head import dense_layer, write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


class PretrainingNetwork(keras.Model):
    """An encoder with the heads of pretraining.

    Inputs: the encoder's, masked_positions int [B, P] (below 0: none), and for packed rows pair_positions int [B, C],
    where each sequence begins. Outputs: token_logits float32 [B, P, V]; pair_logits float32 [B, 2], of packed rows
    [B, C, 2], where there is such a head.

    Raises ConfigError: a head for the next sentence, in a family whose files have another one in its place.
    """

    def __init__(self, encoder: Encoder, *, next_sentence: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if next_sentence and encoder.tells_replaced_tokens:
            raise ConfigError(
                f"{type(encoder).__name__} with a head for the next sentence would be saved as a discriminator: give "
                "next_sentence=False, and examples of --objective=none"
            )
        self.encoder = encoder
        self.predictions = encoder.masked_language_model_head("predictions")
        self.predictions.build((None, None, encoder.hidden_size))
        self.seq_relationship = None
        if next_sentence:
            self.seq_relationship = dense_layer(encoder, 2, "seq_relationship")
            self.seq_relationship.build((None, encoder.hidden_size))
        self.built = True

    def call(self, features: dict[str, Any], training: bool = False) -> dict[str, Any]:
        hidden = self.encoder(features, training=training)
        states, pooled = hidden["sequence_output"], hidden["pooled_output"]
        positions = ops.maximum(features["masked_positions"], 0)
        outputs = {"token_logits": self.predictions(states, positions)}
        if self.seq_relationship is not None:
            if (starts := features.get("pair_positions")) is not None:
                firsts = ops.take_along_axis(states, ops.expand_dims(starts, 2), axis=1)
                pooled = self.encoder.text_vector(firsts, training)
            outputs["pair_logits"] = self.seq_relationship(pooled)
        return outputs


def write_onnx(graph: GraphWriter, network: PretrainingNetwork, encoder: Encoder, sequence_output: str) -> None:
    """Adds the nodes "token_logits" [B, P, V] and, where there is such a head, "pair_logits" [B, 2]."""
    zero = graph.weight("zero", np.array(0, np.int32))
    positions = graph.op("Max", "masked_positions", zero)
    network.predictions.write_onnx(graph, sequence_output, positions, "token_logits")
    if network.seq_relationship is not None:
        vector = encoder.write_onnx_text_vector(graph, sequence_output)
        graph.op("Identity", write_dense(graph, network, vector, "seq_relationship"), name="pair_logits")
