"""Extractive summarization.

B documents, W windows, S sequence, N sentences of all documents together, K sentences of a summary.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.settings import check_not_negative, check_positive
from tfbert.tasks.columns import texts_of
from tfbert.tasks.evaluation import Answers
from tfbert.tasks.summarization import examples as summarization_examples
from tfbert.tasks.summarization import golden as summarization_golden
from tfbert.tasks.summarization import head as summarization_head
from tfbert.tasks.summarization import metrics as summarization_metrics
from tfbert.tasks.summarization.loss import SentenceLoss
from tfbert.tasks.summarization.packing import packed, sentences_of_tokens
from tfbert.tasks.summarization.selection import chosen
from tfbert.tasks.task import Tensors, TrainableTask
from tfbert.text import Tokenizer
from tfbert.text.sentences import SentenceSplitter

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


@dataclasses.dataclass(frozen=True)
class Summarization(TrainableTask):
    """A document of any length is summarized by some of its own sentences.

    Outputs are logits of tokens [W, S]; a sentence's is the mean of its tokens' in the window that holds most of
    them, which is a linear layer on their mean vector. Source: Liu 2019, Fine-tune BERT for Extractive
    Summarization, where each sentence has a first token of its own instead.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        max_length: tokens of a window, specials included; a long document is cut into windows.
        stride: tokens that a window shares with the one before; a quarter of `max_length` unless given.
        sentences: sentences of a summary at most.
        ratio: instead, the share of a document's sentences; 0 for none, and at least one sentence is taken.
        block_ngrams: a sentence is left out if it shares this many successive words with a better one; 0: never.
        columns: names of the table's document, summary, sentences and labels columns, if they differ.

    >>> task = Summarization(tokenizer, ratio=0.25)
    """

    tokenizer: Tokenizer
    max_length: int = 512
    stride: int | None = None
    sentences: int = 3
    ratio: float = 0.0
    block_ngrams: int = 3
    columns: dict = dataclasses.field(default_factory=dict)

    name = "summarization"
    pipeline_tag = "summarization"
    hugging_face_head = "ExtractiveSummarization"  # Hugging Face has no class for it
    checkpoint_heads = ("classifier",)
    outputs = {"logits": "W S"}
    reads_pooler = False
    reads_windows = True
    target_column = "summary"

    def __post_init__(self) -> None:
        check_positive(self, "sentences")
        check_not_negative(self, "block_ngrams")
        if not 0 <= self.ratio <= 1:
            raise ConfigError(f"ratio is a share of a document's sentences, from 0 to 1, not {self.ratio}")
        if not 0 <= self.shared_tokens < self.max_length - self.tokenizer.num_special_tokens(1):
            raise ConfigError(
                f"stride {self.shared_tokens} leaves a window of max_length {self.max_length} no new tokens"
            )
        for part in self.columns:
            if part not in summarization_examples.PARTS:
                raise ConfigError(
                    f"columns names {part!r}; the parts of the example are {', '.join(summarization_examples.PARTS)}"
                )

    @property
    def shared_tokens(self) -> int:
        """The stride in tokens."""
        return self.max_length // 4 if self.stride is None else self.stride

    @functools.cached_property
    def splitter(self) -> SentenceSplitter:
        """The rule that cuts documents into sentences."""
        return SentenceSplitter()

    def limits(self, lengths: Sequence[int] | tf.Tensor) -> tf.Tensor:
        """How many sentences the summaries of documents of `lengths` [B] sentences have at most: int32 [B]."""
        lengths = tf.cast(lengths, tf.int32)
        if not self.ratio:
            return tf.minimum(lengths, self.sentences)
        shares = tf.round(tf.cast(lengths, tf.float64) * self.ratio)
        return tf.minimum(lengths, tf.maximum(tf.cast(shares, tf.int32), 1))

    # 1 example
    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        return summarization_examples.read(self, table, labelled=labelled, training=training)

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        return {"serving_default": {"document": tf.TensorSpec([None], tf.string)}}

    def features(self, example: Tensors) -> Tensors:
        """Also "sentence_ids" int32 [W, S]: the number of a token's sentence in the batch, -1 for none."""
        windows = self.tokenizer.windows(
            example["document"], max_length=self.max_length, stride=self.shared_tokens, offsets=True
        )
        numbers = sentences_of_tokens(example["document"], windows, self.splitter(example["document"]))
        kept = ("token_ids", "segment_ids", "padding_mask", "rows")
        return {**{name: windows[name] for name in kept}, "sentence_ids": numbers}

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        """A token's sentence and whether the summary has it, int32 [W, S, 2]."""
        if "labels" not in example:
            raise ConfigError(
                "summaries become labels in a Table (tfbert.data.read, Table.from_columns) or lists, not in a "
                "tf.data.Dataset of strings"
            )
        numbers = features["sentence_ids"]
        labels = tf.pad(example["labels"].flat_values, [[1, 0]])
        return tf.stack([numbers, tf.gather(labels, numbers + 1)], axis=-1)

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return summarization_head.head(self, encoder)

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        summarization_head.write_onnx(graph, network, sequence_output)

    # 4 loss and metrics
    def loss(self) -> keras.losses.Loss:
        return SentenceLoss()

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        if "summary" not in examples:
            return summarization_metrics.of_sentences(examples["labels"], answers["sentence_ids"])
        documents = summarization_examples.sentence_texts(self, examples["document"])
        limits = np.asarray(self.limits([len(sentences) for sentences in documents]))
        return summarization_metrics.rouge(
            summarization_examples.sentence_texts(self, examples["summary"]),
            [[text for text in texts_of(row) if text] for row in answers["sentences"]],
            [sentences[:limit] for sentences, limit in zip(documents, limits, strict=True)],
        )

    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Answers:
        return summarization_metrics.evaluation(self, examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        """`summary` [B], and its sentences in the document's order [B, K].

        `sentences`, their probabilities `scores`, `start`, `end` (characters), `byte_start`, `byte_end`, and
        `sentence_ids`, their numbers in the document.
        """
        document = example["document"]
        sentences = self.splitter(document)
        texts = self.splitter.texts(document, sentences)
        numbers, size = tf.reshape(features["sentence_ids"], [-1]), tf.size(texts)
        logits = tf.math.unsorted_segment_mean(tf.reshape(outputs, [-1]), numbers, size)
        has_tokens = tf.math.unsorted_segment_sum(tf.ones_like(numbers), numbers, size) > 0
        scores = tf.where(has_tokens, tf.sigmoid(logits), -1.0)
        limits = self.limits(sentences.lengths)
        taken = chosen(scores, sentences, limits, texts, block_ngrams=self.block_ngrams)
        start, end = self.splitter.characters(document, sentences)
        return packed(
            sentences,
            taken,
            texts,
            scores=scores,
            start=start,
            end=end,
            byte_start=sentences.starts,
            byte_end=sentences.ends,
        )

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        rows = []
        for i, summary in enumerate(texts_of(answer["summary"])):
            values = zip(answer["sentences"][i], *(answer[name][i] for name in ("scores", "start", "end")), strict=True)
            parts = [
                {"text": text.decode("utf-8", "replace"), "score": float(score), "start": int(start), "end": int(end)}
                for text, score, start, end in values
                if start >= 0
            ]
            rows.append({"summary": summary, "sentences": parts})
        return rows

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return summarization_golden.golden_inputs()
