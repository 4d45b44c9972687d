"""Attention that reads what a token is and how far away it stands apart from each other.

H hidden, N heads, D head size, K buckets of distances; R sequences of L places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfbert.encoders.layers.attention import SelfAttention
from tfbert.encoders.layers.dense import LayerNorm, at_least_float32
from tfbert.encoders.layers.derived import derived
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.initializers import TruncatedNormal
from tfbert.encoders.layers.layout import Layout, distances

# Nodes of ONNX graphs: the number of tokens [1], and buckets [2 x S], by the sign of query - key from one to the next.
_LENGTH, _BUCKETS = "length", {"buckets_of_query": 1, "buckets_of_key": -1}


def bucket_of(distance: np.ndarray, buckets: int, farthest: int) -> np.ndarray:
    """The bucket of each distance, query - key, from 0 to `buckets` - 1; `buckets` / 2 is that of distance 0.

    Distances up to a quarter of `buckets` have one each, farther ones buckets whose width grows with the logarithm; the
    last is that of `farthest`, the number of tokens that a row can have, and of all beyond.
    Source: He et al. 2021, DeBERTa (v2), make_log_bucket_position.

    >>> bucket_of(np.array([-600, -1, 0, 1, 600]), 512, 512).tolist()
    [0, 255, 256, 257, 511]
    """
    span = buckets // 2
    near = span // 2
    far = np.maximum(np.abs(distance), near).astype(np.float32) / np.float32(near)
    # In float32, where a bucket begins, as PyTorch does.
    log = np.log(far) / np.log(np.float32((farthest - 1) / near)) * np.float32(near - 1)
    beyond = (np.ceil(log).astype(np.int32) + near) * np.sign(distance)
    return np.clip(np.where(np.abs(distance) <= near, distance, beyond) + span, 0, buckets - 1).astype(np.int32)


class RelativeEmbeddings(keras.layers.Layer):
    """A vector for each bucket of distances, normalized.

    >>> relative = RelativeEmbeddings(512, 4, farthest=512)
    >>> relative.build()
    >>> relative.vectors().shape
    TensorShape([512, 4])
    """

    def __init__(
        self,
        buckets: int,
        hidden_size: int,
        *,
        farthest: int,
        layer_norm_eps: float = 1e-7,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.buckets, self.hidden_size, self.farthest = buckets, hidden_size, farthest
        self.initializer_range = initializer_range
        self.layer_norm = LayerNorm(epsilon=layer_norm_eps, dtype=self.dtype_policy, name="layer_norm")

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            shape=(self.buckets, self.hidden_size),
            initializer=TruncatedNormal(stddev=self.initializer_range),
            name="embeddings",
        )
        self.layer_norm.build((None, self.hidden_size))

    def vectors(self) -> Any:
        """[K, H], float32 at least."""
        return self.layer_norm(tf.convert_to_tensor(self.embeddings))

    def buckets_of(self, distance: Any) -> Any:
        """The bucket of each distance, query - key, int32."""
        table = bucket_of(np.arange(-self.farthest, self.farthest + 1), self.buckets, self.farthest)
        return tf.gather(table, tf.clip_by_value(distance, -self.farthest, self.farthest) + self.farthest)

    def write_onnx(self, graph: Any, max_tokens: int) -> None:
        """Adds the buckets of the distances of a row, 2 for each token, for the layers of attention."""
        length = graph.op("Slice", graph.op("Shape", "token_ids"), graph.integers(1), graph.integers(2), name=_LENGTH)
        number = graph.integers(max_tokens)
        begin, end = graph.op("Sub", number, length), graph.op("Add", number, length)
        for name, sign in _BUCKETS.items():
            table = bucket_of(sign * np.arange(-max_tokens, max_tokens), self.buckets, self.farthest)
            graph.op("Slice", graph.weight(f"{name}_table", table.astype(np.int64)), begin, end, name=name)


class DisentangledAttention(SelfAttention):
    """`SelfAttention` whose scores also have the products of a query and of a key with the vector of their distance.

    score = (query . key + query . K(distance) + key . Q(distance)) / sqrt(3 D), where K and Q are the layer's own.
    Source: He et al. 2021, section 3.1; Hugging Face DisentangledSelfAttention with share_att_key.

    Args:
        relative: the encoder's `RelativeEmbeddings`, built; the encoder owns its weights.
        relative_dropout: of the vectors of distances.

    >>> relative = RelativeEmbeddings(8, 4, farthest=16)
    >>> relative.build()
    >>> DisentangledAttention(4, 2, relative=relative)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 3, 4])
    """

    products: ClassVar[int] = 3

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        relative: RelativeEmbeddings,
        relative_dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(hidden_size, num_heads, **kwargs)
        self._relative = lambda: relative  # a layer in an attribute would count twice
        self.relative_dropout = Dropout(relative_dropout, dtype=self.dtype_policy, name="relative_dropout")

    def scores(self, layout: Layout, training: bool) -> tuple[Callable, tuple]:
        if training:
            vectors = self._by_bucket(training=True)
        else:
            vectors = derived(self, "by_bucket", self._by_bucket)
        query_of, key_of = tf.unstack(vectors)
        relative, has_gaps = self._relative(), layout.has_gaps

        def side_by_side(query: Any, key: Any) -> Any:  # [R, N, query, key]
            length = tf.shape(query)[2]
            behind = tf.range(-length, length)
            of_key, of_query = (
                tf.gather(vectors, relative.buckets_of(distance), axis=1)  # [N, 2 x L, D]
                for vectors, distance in ((key_of, -behind), (query_of, behind))
            )
            by_key = _skewed(tf.matmul(query, of_key, transpose_b=True))
            by_query = _skewed(tf.matmul(key, of_query, transpose_b=True))
            return _at_least_float32(by_key) + _at_least_float32(tf.transpose(by_query, (0, 1, 3, 2)))

        def anywhere(query: Any, key: Any, places: Any) -> Any:
            buckets = relative.buckets_of(-distances(places))  # [R, query, key]
            by_key = _picked(tf.matmul(query, key_of, transpose_b=True), buckets)  # [R, query, key, N]
            by_query = _picked(tf.matmul(key, query_of, transpose_b=True), tf.transpose(buckets, (0, 2, 1)))
            return tf.transpose(by_key + tf.transpose(by_query, (0, 2, 1, 3)), (0, 3, 1, 2))

        def summed(query: Any, key: Any, *places: Any) -> Any:
            if has_gaps is False:
                more = side_by_side(query, key)
            else:
                more = tf.cond(has_gaps, lambda: anywhere(query, key, *places), lambda: side_by_side(query, key))
            return ops.cast(tf.matmul(query, key, transpose_b=True), more.dtype) + more

        return summed, (() if has_gaps is False else (layout.places(),))

    def _by_bucket(self, *, training: bool = False) -> Any:
        """Q and K of the vector of each bucket, [2, N, K, D]; Q with the scale of the scores."""
        table = self.relative_dropout(self._relative().vectors(), training=training)
        kernel, bias = (self.qkv(part)[..., : 2 * self.hidden_size] for part in ("kernel", "bias"))
        both = tf.nn.bias_add(tf.matmul(ops.cast(table, self.compute_dtype), kernel), bias)  # [K, 2 x H]
        return tf.transpose(tf.reshape(both, (-1, 2, self.num_heads, self.head_size)), (1, 2, 0, 3))

    def write_onnx_scores(self, graph: Any, query: str, key: str, name: str) -> str:
        query_of, key_of = (np.asarray(each)[None] for each in tf.unstack(self._by_bucket()))
        key_of = key_of / np.float32(self._root)  # the graph's query is not scaled
        parts = (("key", key_of, query), ("query", query_of, graph.op("Transpose", key, perm=[0, 1, 3, 2])))
        by_key, by_query = (self._write_onnx_part(graph, name, *part) for part in parts)
        scores = graph.op("Add", super().write_onnx_scores(graph, query, key, name), by_key)
        return graph.op("Add", scores, graph.op("Transpose", by_query, perm=[0, 1, 3, 2]))

    def _write_onnx_part(self, graph, name, part, of_bucket, x):
        """Products of x [B, N, S, D] with those of the vectors [1, N, K, D] that are as far away: [B, N, S, S]."""
        # Behind a node: int8 files have tables in int8, but not these.
        table = graph.op("Identity", graph.weight(f"{name}.{part}_by_bucket", of_bucket))
        vectors = graph.op("Gather", table, f"buckets_of_{part}", axis=2)  # [1, N, 2 x S, D]
        products = graph.op("MatMul", x, graph.op("Transpose", vectors, perm=[0, 1, 3, 2]))
        # As _skewed.
        flat = graph.op("Reshape", products, graph.integers(0, 0, -1))
        flat = graph.op("Slice", flat, _LENGTH, graph.integers(np.iinfo(np.int64).max), graph.integers(2))
        shape = graph.op("Concat", graph.integers(0, 0), _LENGTH, graph.integers(-1), axis=0)
        rows = graph.op("Reshape", flat, shape)
        return graph.op("Slice", rows, graph.integers(0), _LENGTH, graph.integers(3))


def _skewed(products):
    """Of [R, N, L, 2 x L], for distances from -L on, those from a place to each other place: [R, N, L, L].

    In row i the place 0 is that of distance -i, so that each row begins a number earlier than the one before: without
    the first L numbers, rows that are a number shorter are what is wanted. Source: Huang et al. 2018, section 3.4.1.
    """
    sequences, heads, length, _ = tf.unstack(tf.shape(products))
    flat = tf.reshape(products, [sequences, heads, 2 * length * length])
    flat = tf.slice(flat, [0, 0, length], [-1, -1, -1])  # the gradient of [...] takes twice as long
    rows = tf.reshape(flat, [sequences, heads, length, tf.maximum(2 * length - 1, 0)])
    return tf.slice(rows, [0, 0, 0, 0], [-1, -1, -1, length])


def _picked(scores, buckets):
    """Of scores [R, N, L, K] those of buckets [R, L, L'], float32 at least: [R, L, L', N]."""
    return _at_least_float32(tf.gather(tf.transpose(scores, (0, 2, 3, 1)), buckets, axis=2, batch_dims=2))


def _at_least_float32(x):
    return ops.cast(x, at_least_float32(x.dtype))
