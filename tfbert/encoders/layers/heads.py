"""The heads of pretraining.

B batch, S sequence, P predictions of a row, H hidden, E width of the token embedding, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.initializers import TruncatedNormal

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder


class MaskedLanguageModelHead(keras.layers.Layer):
    """Vectors of masked tokens -> logits of all tokens of the vocabulary.

    Inputs: sequence_output [B, S, H], positions int [B, P]. Output: float32 [B, P, V]. The P vectors are gathered
    first, so the product with the embedding takes P / S of the time that all S vectors would.
    Source: google-research/bert, run_pretraining.py, get_masked_lm_output; Hugging Face BertLMPredictionHead.

    Args:
        token_embedding: the encoder's `keras.layers.Embedding` [V, E], built; the encoder owns its weights.
        hidden_size: H; E unless given.
        tied: True computes logits with the encoder's token embedding, as BERT does; False with a decoder of its own.
        use_bias, norm_bias: whether the dense layer before the logits and its LayerNorm have a bias.

    >>> embedding = keras.layers.Embedding(100, 8)
    >>> embedding.build()
    >>> head = MaskedLanguageModelHead(embedding)
    >>> head(keras.ops.ones((1, 3, 8)), keras.ops.array([[1]])).shape
    TensorShape([1, 1, 100])
    """

    def __init__(
        self,
        token_embedding: Any,
        *,
        hidden_size: int | None = None,
        hidden_act: str = "gelu",
        layer_norm_eps: float = 1e-12,
        initializer_range: float = 0.02,
        tied: bool = True,
        use_bias: bool = True,
        norm_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.embedding_width = token_embedding.input_dim, token_embedding.output_dim
        self.hidden_size = self.embedding_width if hidden_size is None else hidden_size
        self._embeddings = lambda: token_embedding.embeddings  # a layer in an attribute would count twice
        self.decoder = None
        if not tied:
            self.decoder = keras.layers.Embedding(
                self.vocab_size,
                self.embedding_width,
                embeddings_initializer=TruncatedNormal(stddev=initializer_range, always_drawn=True),
                dtype=self.dtype_policy,
                name="decoder",
            )
            self._embeddings = lambda: self.decoder.embeddings
        self.hidden_act, self.activation = hidden_act, activation(hidden_act)
        self.transform = keras.layers.Dense(
            self.embedding_width,
            use_bias=use_bias,
            kernel_initializer=TruncatedNormal(stddev=initializer_range, always_drawn=True),
            dtype=self.dtype_policy,
            name="transform",
        )
        self.layer_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_eps, center=norm_bias, dtype=self.dtype_policy, name="layer_norm"
        )

    @classmethod
    def of_encoder(cls, encoder: Encoder, name: str) -> MaskedLanguageModelHead:
        """The head that an encoder's configuration asks for."""
        config = encoder.config
        return cls(
            encoder.token_embedding,
            hidden_size=encoder.hidden_size,
            hidden_act=config.predictions_act or config.hidden_act,
            layer_norm_eps=config.predictions_layer_norm_eps or config.layer_norm_eps,
            initializer_range=config.initializer_range,
            tied=config.tie_word_embeddings,
            dtype=encoder.dtype_policy,
            name=name,
        )

    def build(self, sequence_output_shape: Any, positions_shape: Any = None) -> None:
        self.transform.build((None, self.hidden_size))
        self.layer_norm.build((None, self.embedding_width))
        if self.decoder is not None:
            self.decoder.build((None, None))
        self.output_bias = self.add_weight(shape=(self.vocab_size,), initializer="zeros", name="output_bias")
        self.built = True

    def call(self, sequence_output: Any, positions: Any) -> Any:
        # One gather from all B x S vectors instead of one in each row: its gradient is a single scatter.
        shape = ops.shape(sequence_output)
        rows = ops.expand_dims(ops.arange(shape[0], dtype="int32") * shape[1], 1) + ops.cast(positions, "int32")
        vectors = ops.take(ops.reshape(sequence_output, (-1, self.hidden_size)), ops.reshape(rows, (-1,)), axis=0)
        vectors = self.layer_norm(self.activation(self.transform(vectors)))  # [B x P, E]
        logits = ops.matmul(vectors, ops.transpose(ops.cast(self._embeddings(), self.compute_dtype)))
        logits = ops.cast(logits, "float32") + ops.cast(self.output_bias, "float32")
        return ops.reshape(logits, (shape[0], -1, self.vocab_size))

    def compute_output_spec(self, sequence_output: Any, positions: Any) -> Any:
        return keras.KerasTensor((*positions.shape, self.vocab_size), "float32")

    def write_onnx(self, graph: Any, sequence_output: Any, positions: Any, name: str) -> None:
        """Adds the head to an ONNX graph; its output [B, P, V] is named `name`.

        Args:
            graph: `tfbert.export.onnx.graph.GraphWriter`.
            sequence_output, positions: names of [B, S, H] and of int32 [B, P]; no position is negative.
        """
        places = graph.cast(graph.op("Unsqueeze", positions, axes=[2]), "int64")
        vectors = graph.op("GatherND", sequence_output, places, batch_dims=1)  # [B, P, H]
        vectors = graph.activation(self.hidden_act, graph.dense(self.transform, vectors, f"{self.name}.transform"))
        vectors = graph.layer_norm(self.layer_norm, vectors, f"{self.name}.layer_norm")
        # `graph.weight` returns the encoder's table if the encoder has written one of this name.
        table = "embeddings.token" if self.decoder is None else f"{self.name}.decoder"
        table = graph.weight(table, self._embeddings().numpy())
        logits = graph.op("MatMul", vectors, graph.op("Transpose", table, perm=[1, 0]))
        graph.op("Add", logits, graph.weight(f"{self.name}.output_bias", self.output_bias.numpy()), name=name)


class ReplacedTokenHead(keras.layers.Layer):
    """The vector of each token -> the logit of "another token stood here": float32 [B, S] of [B, S, H].

    Source: Clark et al. 2020, section 2; Hugging Face ElectraDiscriminatorPredictions.

    >>> head = ReplacedTokenHead(8)
    >>> head(keras.ops.ones((1, 3, 8))).shape
    TensorShape([1, 3])
    """

    def __init__(self, hidden_size: int, *, hidden_act: str = "gelu", initializer_range: float = 0.02, **kwargs: Any):
        super().__init__(**kwargs)
        self.hidden_size, self.hidden_act, self.activation = hidden_size, hidden_act, activation(hidden_act)
        initializer = {"kernel_initializer": TruncatedNormal(stddev=initializer_range, always_drawn=True)}
        self.transform = keras.layers.Dense(hidden_size, dtype=self.dtype_policy, name="transform", **initializer)
        self.score = keras.layers.Dense(1, dtype="float32", name="score", **initializer)

    def build(self, input_shape: Any = None) -> None:
        self.transform.build((None, self.hidden_size))
        self.score.build((None, self.hidden_size))
        self.built = True

    def call(self, vectors: Any) -> Any:
        return ops.squeeze(self.score(self.activation(self.transform(vectors))), -1)

    def compute_output_spec(self, vectors: Any) -> Any:
        return keras.KerasTensor(vectors.shape[:-1], "float32")

    def write_onnx(self, graph: Any, vectors: str, name: str) -> None:
        """Adds the head to an ONNX graph; its output [B, S] is named `name`."""
        x = graph.activation(self.hidden_act, graph.dense(self.transform, vectors, f"{self.name}.transform"))
        scores = graph.dense(self.score, x, f"{self.name}.score")
        graph.op("Squeeze", scores, axes=[2], name=name)
