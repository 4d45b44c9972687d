"""Sentence embeddings: a vector of each text. B batch, K texts of an example, W = K x B texts, D dimensions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.encoders.layers.pooling import POOLINGS, unit_length
from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_not_negative, check_positive
from tfbert.tasks.evaluation import Answers, Evaluation
from tfbert.tasks.sentence_embedding import (
    examples as sentence_embedding_examples,
)
from tfbert.tasks.sentence_embedding import (
    golden as sentence_embedding_golden,
)
from tfbert.tasks.sentence_embedding import (
    head as sentence_embedding_head,
)
from tfbert.tasks.sentence_embedding import (
    metrics as sentence_embedding_metrics,
)
from tfbert.tasks.sentence_embedding.loss import OBJECTIVES, SentenceEmbeddingLoss
from tfbert.tasks.task import Tensors, TrainableTask, check_max_length, check_settings
from tfbert.text import Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter

TEXTS = ("text", "text_pair", "negative")  # the columns of an example's texts, in the order of its rows
_EMBEDDINGS = ("embedding", "embedding_pair", "embedding_negative")


@dataclasses.dataclass(frozen=True)
class SentenceEmbedding(TrainableTask):
    """A text gets a vector; the angle between vectors is small if texts are similar in meaning.

    The model learns from pairs with a score of their similarity, from pairs that belong together, or from triplets with
    a third text that does not. Outputs are embeddings [W, D] of the batch's texts, those of an example one after the
    other. Source: Reimers & Gurevych 2019; sentence-transformers.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        objective: "cosine": the cosine of a pair shall be its score; "in_batch_negatives": a text's pair shall be
            found among the pairs (and negatives) of the whole batch; "triplet": a text shall be nearer to its pair than
            to its negative.
        score_range: the scores that mean the cosines 0 and 1.
        pooling: "mean" over the tokens, "cls", the first one's vector, "max", "lasttoken", or a mean of another kind:
            "weightedmean", "mean_sqrt_len_tokens".
        prompt: what is put before each text, such as "query: ".
        include_prompt: whether the prompt's tokens are pooled, too.
        prompts: prompts by name, of which `SentenceEncoder.encode` takes one instead of `prompt`.
        dense_units: outputs of a dense layer after the pooling, as some models of sentence-transformers have; 0: none.
        dense_activation, dense_bias: of that layer.
        dimensions: length of the embedding, the first of all; 0 for all.
        normalize: embeddings of length 1.
        scale: in_batch_negatives: what cosines are multiplied with before the softmax.
        margin: triplet: by how much the cosines should differ at least.
        max_length: tokens kept of a text, specials included.
        columns: names of the table's text, text_pair, negative and score columns where they differ from these words.

    >>> task = SentenceEmbedding(tokenizer, score_range=(0.0, 5.0))
    """

    tokenizer: Tokenizer
    objective: str = "cosine"
    score_range: tuple[float, float] = (0.0, 1.0)
    pooling: str = "mean"
    dimensions: int = 0
    normalize: bool = True
    dense_units: int = 0
    dense_activation: str = "tanh"
    dense_bias: bool = True
    scale: float = 20.0
    margin: float = 0.5
    max_length: int = 128
    columns: dict = dataclasses.field(default_factory=dict)
    prompt: str = ""
    include_prompt: bool = True
    prompts: dict = dataclasses.field(default_factory=dict)

    name = "sentence_embedding"
    pipeline_tag = "sentence-similarity"
    outputs = {"embedding": "W D"}
    reads_pooler = False
    has_several_texts = True
    target_column = "score"

    @property
    def checkpoint_heads(self) -> tuple[str, ...]:
        return ("dense",) if self.dense_units else ()

    def __post_init__(self) -> None:
        check_choice(self, "objective", OBJECTIVES)
        check_choice(self, "pooling", POOLINGS)
        check_choice(self, "dense_activation", ACTIVATIONS)
        if len(self.score_range) != 2 or not self.score_range[0] < self.score_range[1]:
            raise ConfigError(f"score_range is the least and the highest score, not {self.score_range}")
        check_not_negative(self, "dimensions", "dense_units")
        check_positive(self, "scale", "margin")
        check_max_length(self)

    # 1 example
    @classmethod
    def settings_for(
        cls, table: Table, *, objective: str = "", score_range: Sequence[float] = (), **settings: Any
    ) -> dict[str, Any]:
        """The settings that a training table asks for: the objective by its columns, the range of its scores."""
        check_settings(cls, settings)
        columns = settings.get("columns", {})
        objective = objective or sentence_embedding_examples.objective_for(table, columns)
        if objective == "cosine":
            score_range = score_range or sentence_embedding_examples.score_range(table, columns)
        if score_range:
            settings["score_range"] = tuple(score_range)
        return {**settings, "objective": objective}

    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        return sentence_embedding_examples.read(self, table, labelled=labelled, training=training)

    def unread_columns(self, table: Table, *, training: bool = False) -> dict[str, str]:
        score = self.columns.get("score", "score")
        if not training or self.objective == "cosine" or score not in table.columns:
            return {}
        return {score: f'the objective "{self.objective}" learns from no scores; make it with objective="cosine"'}

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        strings = tf.TensorSpec([None], tf.string)
        return {"serving_default": {"text": strings}, "similarity": {"text": strings, "text_pair": strings}}

    def columns_of_tuple(self, size: int) -> tuple[str, ...]:
        return TEXTS[:size] if size <= len(TEXTS) else ()

    @property
    def skipped_tokens(self) -> int:
        """The tokens that are not pooled: those of the prompt, and the special ones before it."""
        if self.include_prompt or not self.prompt:
            return 0
        ids = self.tokenizer([self.prompt], max_length=self.max_length)["token_ids"][0].numpy()
        return len(ids) - int(ids[-1] in self.tokenizer.special_ids)

    def features(self, example: Tensors) -> Tensors:
        """All texts of all examples, those of an example one after the other: W = K x B rows.

        A column "prompt" counts instead of the setting.
        """
        texts = [tf.convert_to_tensor(example[name], tf.string) for name in TEXTS if name in example]
        rows = tf.repeat(tf.range(tf.size(texts[0])), len(texts))
        if self.tokenizer.portable and len(texts) > 1 and not self.prompt and "prompt" not in example:
            return {**self._interleaved(texts), "rows": rows}
        # One text alone needs no stacking.
        texts = tf.reshape(tf.stack(texts, axis=1), [-1]) if len(texts) > 1 else texts[0]
        if "prompt" in example:
            texts = tf.strings.join([tf.gather(example["prompt"], rows), texts])
        elif self.prompt:
            texts = tf.strings.join([self.prompt, texts])
        features = self.tokenizer(texts, max_length=self.max_length)
        return {**features, "rows": rows}

    def _interleaved(self, texts):
        """The features of several columns, for LiteRT, which can stack numbers, but no strings."""
        columns = [self.tokenizer(text, max_length=self.max_length) for text in texts]
        length = tf.reduce_max(tf.stack([tf.shape(column["token_ids"])[1] for column in columns]))
        joined = {}
        for name in columns[0]:
            fill = self.tokenizer.padding_id if name == "token_ids" else 0
            wide = [
                tf.pad(column[name], [[0, 0], [0, length - tf.shape(column[name])[1]]], constant_values=fill)
                for column in columns
            ]
            joined[name] = tf.reshape(tf.stack(wide, axis=1), tf.stack([-1, length]))
        return joined

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        """The score of each row's example, from 0 to 1, [W]; where none is learned, which of its texts it is [W, K]."""
        count = sum(name in example for name in TEXTS)
        if "score" in example and count == 2 and self.objective != "in_batch_negatives":
            low, high = self.score_range
            scores = (tf.cast(example["score"], tf.float32) - low) / (high - low)
            return tf.gather(scores, features["rows"])
        return tf.tile(tf.eye(count), [tf.size(example["text"]), 1])

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return sentence_embedding_head.head(self, encoder)

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        sentence_embedding_head.write_onnx(self, graph, network, sequence_output)

    # 4 loss and metrics
    def loss(self) -> keras.losses.Loss:
        return SentenceEmbeddingLoss(self.objective, scale=self.scale, margin=self.margin)

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        return sentence_embedding_metrics.metrics(examples, answers)

    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Answers | Evaluation:
        return sentence_embedding_metrics.evaluation(self, examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        count = sum(name in example for name in TEXTS)
        answer = {name: outputs[i::count] for i, name in enumerate(_EMBEDDINGS[:count])}
        text, *others = [unit_length(embedding) for embedding in answer.values()]
        for name, other in zip(("similarity", "similarity_negative"), others, strict=False):
            answer[name] = tf.reduce_sum(text * other, axis=-1)
        return answer

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        columns = {name: values.tolist() for name, values in answer.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return sentence_embedding_golden.golden_inputs(self.signatures[signature])
