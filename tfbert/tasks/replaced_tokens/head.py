"""The discriminator, for Keras and ONNX. B rows, S sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from tfbert.encoders import families
from tfbert.errors import ConfigError

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter

HEAD = "discriminator_predictions"


class Discriminator(keras.Model):
    """An encoder with the head that tells replaced tokens.

    Inputs: the encoder's, and for packed rows its position_ids and sequence_ids. Output: logits float32 [B, S].

    Raises ConfigError: the encoder's family has no such head.
    """

    def __init__(self, encoder: Encoder, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not encoder.tells_replaced_tokens:
            raise ConfigError(
                f"{type(encoder).__name__} has no head that tells replaced tokens; the families that have one are "
                f"{', '.join(families.telling_replaced_tokens())}: take a checkpoint of one of them, or for random "
                "weights --config.encoder.model_type"
            )
        self.encoder = encoder
        self.discriminator_predictions = encoder.replaced_token_head(HEAD)
        self.discriminator_predictions.build((None, None, encoder.hidden_size))
        self.built = True

    def call(self, features: dict[str, Any], training: bool = False) -> Any:
        return self.discriminator_predictions(self.encoder(features, training=training)["sequence_output"])


def write_onnx(graph: GraphWriter, network: Discriminator, sequence_output: str) -> None:
    """Adds the node "logits" [B, S]."""
    network.discriminator_predictions.write_onnx(graph, sequence_output, "logits")
