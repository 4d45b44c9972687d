"""The encoder contract: what every family gives, and all that the rest of the package knows of it.

Shapes: B batch, S sequence, H hidden, N heads, V vocabulary, P predictions of a row.
"""

from __future__ import annotations

from typing import Any

import keras


class Encoder(keras.Model):
    """Token ids to vectors. A family's own class is made of the bricks in `tfbert.encoders.layers`.

    Inputs, a dict of int tensors [B, S] with the names `input_names`; `padding_mask` (1 = token) is always one of them.
    Outputs, a dict: `sequence_output` [B, S, H] and `pooled_output` [B, H], the family's vector of a text. On request
    also `hidden_states`, a list of [B, S, H] (embeddings first), and `attention_probs`, a list of [B, N, S, S].
    """

    config: Any  # the family's own, a frozen dataclass
    input_names: tuple[str, ...] = ("token_ids", "segment_ids", "padding_mask")

    @property
    def hidden_size(self) -> int:
        """H, the width of `sequence_output`."""
        return self.config.hidden_size

    @property
    def vocab_size(self) -> int:
        """V, the rows of the token embedding."""
        return self.config.vocab_size

    @property
    def max_tokens(self) -> int:
        """The largest S."""
        raise NotImplementedError

    @property
    def head_dropout(self) -> float:
        """The dropout rate before a classification head."""
        raise NotImplementedError

    @property
    def initializer_range(self) -> float:
        """The standard deviation of the random weights of a head."""
        return self.config.initializer_range

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        """The layer that holds the token embedding [V, H]."""
        raise NotImplementedError

    def text_vector(self, vectors: Any) -> Any:
        """Vectors of first tokens [..., H] to vectors of their texts [..., H], as `pooled_output` is made."""
        raise NotImplementedError

    def masked_language_model_head(self, name: str) -> keras.layers.Layer:
        """A layer (not yet built) of sequence_output [B, S, H] and positions int [B, P] to logits float32 [B, P, V]."""
        raise NotImplementedError

    def write_onnx(self, graph: Any) -> str:
        """Adds the encoder to a graph whose inputs are named `input_names`; returns the name of [B, S, H].

        Args:
            graph: `tfbert.export.onnx.graph.GraphWriter`.
        """
        raise NotImplementedError

    def write_onnx_text_vector(self, graph: Any, sequence_output: str) -> str:
        """Adds what makes the text vector of [B, S, H]; returns the name of [B, H]."""
        raise NotImplementedError
