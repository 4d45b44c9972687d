"""A task of a user's own: passages are ranked for a query, and each gets a kind.

It has what the package's tasks do not have together: an input of rank 2, heads that no checkpoint knows, two outputs.
Shapes: B queries, K passages of the batch's row with the most, W = B x K pairs, C kinds.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tfbert.data.columns import tensor
from tfbert.encoders.layers.masking import MASKED
from tfbert.tasks.columns import column_name
from tfbert.tasks.dense_head import dense_layer, head_dropout, write_dense
from tfbert.tasks.evaluation import Answers
from tfbert.tasks.task import TrainableTask
from tfbert.text import Tokenizer

KINDS = ("answer", "other")


@keras.saving.register_keras_serializable("toy")
class ScorerLoss(keras.losses.Loss):
    """Binary cross-entropy of the relevance and cross-entropy of the kind, the mean over passages.

    Targets int [W, 2], -1 for no passage.
    """

    def call(self, target, outputs):
        relevant, kind = tf.unstack(tf.cast(tf.maximum(target, 0), tf.int32), axis=1)
        one = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(relevant, tf.float32), outputs["relevance"][:, 0])
        other = tf.nn.sparse_softmax_cross_entropy_with_logits(kind, outputs["kinds"])
        there = target[:, 0] >= 0
        share = tf.size(target[:, 0]) / tf.maximum(
            1, tf.math.count_nonzero(there, dtype=tf.int32)
        )  # Keras divides by W
        return tf.where(there, one + other, 0.0) * tf.cast(share, tf.float32)


@dataclasses.dataclass(frozen=True)
class PassageScorer(TrainableTask):
    """A query's passages with their relevance and kind."""

    tokenizer: Tokenizer
    kinds: tuple[str, ...] = KINDS
    max_length: int = 64
    columns: dict = dataclasses.field(default_factory=dict)

    name = "passage_scorer"
    outputs = {"relevance": "W 1", "kinds": "W C"}
    checkpoint_heads = ("relevance", "kinds")
    has_several_texts = True

    def examples(self, table, *, labelled=True, training=False):
        def column(part):
            return table.column(column_name(part, table, self.columns, {}))

        found = {"query": column("query"), "passages": column("passages")}
        if labelled:
            found["label"] = np.array(column("label"), np.int32)
            found["kinds"] = [np.array([self.kinds.index(kind) for kind in row], np.int32) for row in column("kinds")]
        return found

    @property
    def signatures(self):
        texts = tf.TensorSpec([None], tf.string)
        return {"serving_default": {"query": texts, "passages": tf.TensorSpec([None, None], tf.string)}}

    def features(self, example):
        passages = _dense(example["passages"])
        count = tf.shape(passages)[1]
        features = self.tokenizer(
            tf.repeat(tf.convert_to_tensor(example["query"]), count),
            tf.reshape(passages, [-1]),
            max_length=self.max_length,
        )
        return {**features, "rows": tf.repeat(tf.range(tf.shape(passages)[0]), count)}

    def target(self, example, features):
        passages = _dense(example["passages"])
        relevant = tf.one_hot(example["label"], tf.shape(passages)[1], dtype=tf.int32)
        kinds = example["kinds"].to_tensor(-1)
        target = tf.stack([tf.where(kinds >= 0, relevant, -1), kinds], axis=-1)
        return tf.reshape(target, [-1, 2])

    def head(self, encoder):
        inputs = self.keras_inputs(encoder)
        vector = head_dropout(encoder)(encoder(inputs)["pooled_output"])
        heads = {
            "relevance": dense_layer(encoder, 1, "relevance")(vector),
            "kinds": dense_layer(encoder, len(self.kinds), "kinds")(vector),
        }
        return keras.Model(inputs, heads)

    def write_onnx_head(self, graph, network, encoder, sequence_output):
        vector = encoder.write_onnx_text_vector(graph, sequence_output)
        for name in self.outputs:
            graph.op("Identity", write_dense(graph, network, vector, name), name=name)

    def loss(self):
        return ScorerLoss()

    def loss_terms(self, target):
        return tf.math.count_nonzero(target[:, 0] >= 0, dtype=tf.float32)

    def metrics(self, examples, answers):
        return {"accuracy": float(np.mean(answers["best"] == examples["label"]))}

    def evaluation(self, examples, answers, *, token_lengths, data):
        rows = list(zip(examples["passages"], examples["label"], answers["best"], strict=True))
        return Answers(
            texts=examples["query"],
            truth=[passages[label] for passages, label, _ in rows],
            predicted=[passages[best] for passages, _, best in rows],
            quality=[float(label == best) for _, label, best in rows],
            scores=answers["relevance"].max(axis=1),
            token_lengths=token_lengths,
            metrics=self.metrics(examples, answers),
            data=data,
        )

    def answer(self, example, features, outputs):
        passages = _dense(example["passages"])
        scores = tf.reshape(outputs["relevance"], tf.shape(passages))
        scores = tf.where(passages == "", MASKED, scores)
        kinds = tf.gather(tf.constant(self.kinds), tf.argmax(outputs["kinds"], axis=1))
        return {
            "best": tf.argmax(scores, axis=1, output_type=tf.int32),
            "relevance": tf.sigmoid(scores),
            "kinds": tf.where(passages == "", "", tf.reshape(kinds, tf.shape(passages))),
        }

    def readable(self, answer):
        rows = zip(answer["best"], answer["relevance"], answer["kinds"], strict=True)
        found = [
            (int(best), scores.tolist(), [kind.decode() for kind in kinds if kind]) for best, scores, kinds in rows
        ]
        return [
            {"best": best, "relevance": scores[: len(kinds)], "kinds": kinds}
            for best, scores, kinds in found  # rows with fewer passages are filled up at the end
        ]


def _dense(passages):
    """Strings [B, K], K at least 1; "" where a row has fewer."""
    if not tf.is_tensor(passages) and not isinstance(passages, tf.RaggedTensor):
        passages = tensor(passages)
    if isinstance(passages, tf.RaggedTensor):
        passages = passages.to_tensor("")
    return tf.pad(passages, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(passages)[1])]], constant_values="")
