"""The encoder contract: what every family provides, and all that the rest of the package may use of it.

Shapes: B batch, S sequence, T tokens, H hidden, N heads, V vocabulary, P predictions of a row.
"""

from __future__ import annotations

import pathlib
import warnings
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfbert import hooks
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.layers.dense import at_least_float32
from tfbert.encoders.layers.layout import Layout
from tfbert.encoders.layers.layouts import layout_of


class Encoder(keras.Model):
    """Token ids to vectors. A family's class is made of the layers in `tfbert.encoders.layers`.

    Inputs: a dict of int tensors [B, S] with the names `input_names`. `padding_mask` (1 = token) defaults to all 1. S
    is at most `max_tokens`. A row may pack several sequences: `sequence_ids` then gives the sequence of each token, and
    `position_ids` its position in that sequence. A token attends to its own sequence only, and `pooled_output` is the
    first sequence's.

    Outputs: a dict of `sequence_output` [B, S, H] and `pooled_output` [B, H], the family's text vector. On request also
    `hidden_states`, a list of [B, S, H] (embeddings first), and `attention_probs`, a list of [B, N, S, S].

    Padding is not computed (`tfbert.encoders.layers.unpadded`), and its vectors are 0, unless `padded_rows` or
    attention probabilities ask for it; its vectors then are what the network makes of padding.

    >>> encoder = tfbert.Encoder.from_checkpoint("path/or/hf-id")
    >>> encoder({"token_ids": keras.ops.ones((1, 3), "int32")})["sequence_output"].shape
    TensorShape([1, 3, 32])
    """

    config_class: ClassVar[type[EncoderConfig]]
    input_names: ClassVar[tuple[str, ...]] = ("token_ids", "padding_mask")

    pools_tokens: ClassVar[bool] = False  # whether `token_vectors` reads the pooler
    tells_replaced_tokens: ClassVar[bool] = False  # whether it has a `replaced_token_head`

    has_trained_pooler = True  # False if the checkpoint had none; `save` then writes none
    blocks: list[keras.layers.Layer]  # (hidden [T, H], layout, training, return_probs) -> hidden, or also probs

    def __init__(self, config: EncoderConfig | dict[str, Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config if isinstance(config, EncoderConfig) else self.config_class.from_dict(config)

    @classmethod
    def from_checkpoint(cls, name: str | pathlib.Path, *, dtype: Any = None) -> Self:
        """The encoder of a checkpoint: a folder of any format that tfbert reads, or a hub id.

        Args:
            dtype: of the computation, such as "mixed_bfloat16".

        Raises:
            CheckpointError: no checkpoint, a damaged one, or one of another family than this class.

        >>> tfbert.Encoder.from_checkpoint("path/or/hf-id").config.model_type
        'bert'
        """
        return hooks.room("checkpoints").store.load_encoder(name, cls, dtype=dtype)

    def save(self, filepath: str | pathlib.Path, overwrite: bool = True, **kwargs: Any) -> None:
        """Writes a Hugging Face folder (config.json and the weights), or Keras' own file if the path ends in .keras."""
        if str(filepath).endswith(".keras"):
            super().save(filepath, overwrite=overwrite, **kwargs)
        else:
            hooks.room("checkpoints").store.save_encoder(self, filepath)

    # what the rest of the package reads

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
        """The largest S, special tokens included."""
        return self.config.max_tokens

    @property
    def head_dropout(self) -> float:
        """The dropout rate before a head."""
        rate = self.config.classifier_dropout
        return self.config.hidden_dropout_prob if rate is None else rate

    @property
    def initializer_range(self) -> float:
        """The standard deviation of a head's random weights."""
        return self.config.initializer_range

    def flops_per_token(self, length: float, predictions: float) -> float:
        """Floating-point operations of training per token: the forward pass, and twice as many for the backward pass.

        Only matrix products count: projections and feed-forward of each layer, attention within a row, and the head of
        the masked language model. Source: Kaplan et al. 2020, table 1, with a head on some of the tokens. A family
        with other layers overrides it.

        Args:
            length: tokens in a row.
            predictions: tokens in a row that go through the head.
        """
        hidden = self.hidden_size
        layer = 2 * (4 * hidden**2 + 2 * hidden * self.config.intermediate_size) + 4 * length * hidden
        head = predictions / length * 2 * (hidden**2 + hidden * self.vocab_size)
        return 3 * (self.config.num_hidden_layers * layer + head)

    def keras_inputs(self) -> dict[str, keras.KerasTensor]:
        """Symbolic inputs, int32 [B, S], for a functional model on the encoder."""
        return {name: keras.Input((None,), dtype="int32", name=name) for name in self.input_names}

    # what a family provides

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        """The layer that holds the token embedding [V, H]."""
        raise NotImplementedError

    def position_ids(self, inputs: dict[str, Any]) -> Any:
        """The position of each place of a row, int [B, S]: 0, 1, 2, … unless a family counts otherwise."""
        shape = ops.shape(inputs["token_ids"])
        return ops.broadcast_to(ops.arange(shape[1], dtype="int32"), shape)

    def embed(self, tokens: dict[str, Any], training: bool) -> Any:
        """The vectors [T, H] that the first block reads.

        Args:
            tokens: int [T] of T tokens: those of `input_names` that were given, but for padding_mask; and position_ids.
        """
        raise NotImplementedError

    def prepare(self, layout: Layout) -> None:
        """Gives the layout of a batch what attention asks it for, such as a bias by distance; most give nothing."""

    def block_inputs(self, tokens: dict[str, Any]) -> dict[str, Any]:
        """What each block is given by name besides the vectors, such as rotary positions; `tokens` as in `embed`."""
        return {}

    def finish(self, hidden: Any) -> Any:
        """The last block's vectors [T, H] -> those of `sequence_output`."""
        return hidden

    def first_vectors(self, hidden: Any, layout: Layout, inputs: dict[str, Any]) -> Any:
        """The vectors [B, H] that `text_vector` reads: of first tokens, unless a family takes others.

        Args:
            hidden: the tokens' vectors [T, H].
            inputs: as in `call`.
        """
        return layout.first(hidden)

    def token_vectors(self, vectors: Any, training: bool = False) -> Any:
        """Turns `sequence_output` [B, S, H] into the vectors that a head of each token reads."""
        return vectors

    def text_vector(self, vectors: Any, training: bool = False) -> Any:
        """Turns vectors of first tokens [..., H] into text vectors [..., H]; makes `pooled_output`."""
        return vectors

    def masked_language_model_head(self, name: str) -> keras.layers.Layer:
        """An unbuilt layer: sequence_output [B, S, H] and positions int [B, P] -> logits float32 [B, P, V]."""
        raise NotImplementedError

    def replaced_token_head(self, name: str) -> keras.layers.Layer:
        """An unbuilt layer: sequence_output [B, S, H] -> logits float32 [B, S] of tokens that were replaced."""
        raise NotImplementedError

    def with_same_embeddings(self, config: EncoderConfig) -> Encoder:
        """An unbuilt encoder of other sizes that reads this built one's embeddings of tokens, positions and segments.

        Of an encoder that `tells_replaced_tokens`.
        """
        raise NotImplementedError

    def write_onnx(self, graph: Any) -> str:
        """Adds the encoder to a graph with the inputs `input_names`; returns the name of `sequence_output` [B, S, H].

        Args:
            graph: a `tfbert.export.onnx.graph.GraphWriter`.
        """
        raise NotImplementedError

    def write_onnx_token_vectors(self, graph: Any, sequence_output: str) -> str:
        """Adds the nodes of `token_vectors`; returns the name of their output [B, S, H]."""
        return sequence_output

    def write_onnx_text_vector(self, graph: Any, sequence_output: str) -> str:
        """Adds the nodes from `sequence_output` [B, S, H] to the text vector [B, H]; returns its name."""
        return graph.first_token(sequence_output)

    # the computation

    def call(
        self,
        inputs: dict[str, Any],
        training: bool = False,
        return_hidden_states: bool = False,
        return_attention_probs: bool = False,
    ) -> dict[str, Any]:
        token_ids = inputs["token_ids"]
        self._check_length(token_ids)
        self._check_segments(inputs.get("segment_ids"))
        mask, sequence_ids = inputs.get("padding_mask"), inputs.get("sequence_ids")
        layout = layout_of(token_ids, mask, sequence_ids, padded=return_attention_probs, training=training)
        self.prepare(layout)
        given = {name: inputs[name] for name in self.input_names if name in inputs and name != "padding_mask"}
        position_ids = inputs.get("position_ids")
        given["position_ids"] = self.position_ids(inputs) if position_ids is None else position_ids
        tokens = {name: layout.tokens(values) for name, values in given.items()}
        hidden, others = self.embed(tokens, training), self.block_inputs(tokens)
        hidden_states, attention_probs = [hidden], []
        for block in self.blocks:
            hidden = block(hidden, layout=layout, training=training, return_probs=return_attention_probs, **others)
            if return_attention_probs:
                hidden, probs = hidden
                attention_probs.append(probs)
            hidden_states.append(hidden)
        hidden_states[-1] = hidden = self.finish(hidden)
        text_vector = self.text_vector(self.first_vectors(hidden, layout, inputs), training)
        outputs = {"sequence_output": layout.rows(hidden), "pooled_output": ops.cast(text_vector, hidden.dtype)}
        if return_hidden_states:
            outputs["hidden_states"] = [layout.rows(each) for each in hidden_states]
        if return_attention_probs:
            outputs["attention_probs"] = attention_probs
        return outputs

    def compute_output_spec(
        self,
        inputs: dict[str, Any],
        training: bool = False,
        return_hidden_states: bool = False,
        return_attention_probs: bool = False,
    ) -> dict[str, Any]:
        batch, length = inputs["token_ids"].shape
        c = self.config

        def tensor(*shape):
            return keras.KerasTensor(shape, at_least_float32(self.compute_dtype))

        outputs = {
            "sequence_output": tensor(batch, length, c.hidden_size),
            "pooled_output": tensor(batch, c.hidden_size),
        }
        if return_hidden_states:
            outputs["hidden_states"] = [tensor(batch, length, c.hidden_size) for _ in range(c.num_hidden_layers + 1)]
        if return_attention_probs:
            shape = (batch, c.num_attention_heads, length, length)
            outputs["attention_probs"] = [
                keras.KerasTensor(shape, self.compute_dtype) for _ in range(c.num_hidden_layers)
            ]
        return outputs

    def _check_length(self, token_ids: Any) -> None:
        if len(token_ids.shape) != 2:
            raise ValueError(f"token_ids must have the shape [batch, sequence], not {tuple(token_ids.shape)}")
        length = token_ids.shape[1]
        if length is not None and length > self.max_tokens:
            raise ValueError(
                f"a sequence of {length} tokens is longer than the {self.max_tokens} that the encoder reads; give the "
                "tokenizer a max_length"
            )

    def _check_segments(self, segment_ids: Any) -> None:
        """Warns where a family without segments is called with two, as far as the numbers are known."""
        is_read = segment_ids is None or "segment_ids" in self.input_names
        if not is_read and tf.executing_eagerly() and np.any(segment_ids):
            warnings.warn(
                f"segment_ids are not all 0, but {type(self).__name__} has no segments and does not read them; its "
                "two texts are told apart by the tokens between them",
                stacklevel=3,
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": self.config.to_dict()}
