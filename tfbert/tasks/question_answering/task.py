"""Extractive question answering. B batch, W windows, S sequence, K answers of a question."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_positive
from tfbert.tasks.columns import texts_of
from tfbert.tasks.evaluation import Answers
from tfbert.tasks.question_answering import (
    examples as question_answering_examples,
)
from tfbert.tasks.question_answering import (
    golden as question_answering_golden,
)
from tfbert.tasks.question_answering import (
    head as question_answering_head,
)
from tfbert.tasks.question_answering import (
    metrics as question_answering_metrics,
)
from tfbert.tasks.question_answering.decoding import best_answers
from tfbert.tasks.question_answering.languages import AUTO, LANGUAGES, say_metric
from tfbert.tasks.question_answering.loss import SpanLoss
from tfbert.tasks.scripts import language_of
from tfbert.tasks.task import Tensors, TrainableTask, check_settings
from tfbert.text import Tokenizer
from tfbert.text.cuts import parts_of

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


@dataclasses.dataclass(frozen=True)
class QuestionAnswering(TrainableTask):
    """A question is answered by a span of its context, or by "" if the context has no answer.

    Outputs are logits [W, S, 2] of the answer's first and last token, as in Hugging Face's question answering.
    Source: Devlin et al. 2018, sections 4.2 and 4.3.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        max_length: tokens of a window, specials included; a long context is cut into windows.
        stride: tokens of the context that a window shares with the one before; a third of `max_length` unless given.
        max_question_length: tokens kept of a question; 64, or half of what `stride` leaves of a short window.
        answer_length: tokens of an answer at most.
        n_best: answers returned for each question.
        unanswerable: whether a question may have no answer, as in SQuAD 2.0.
        threshold: the answer is "" if no answer scores higher than the best span by more than this.
        language: what answers are compared by, one of `LANGUAGES`: "en" as SQuAD, "zh" as CMRC 2018, "ko" as KorQuAD,
            "mlqa-de", … as MLQA; "auto" finds it in the contexts of each data set.
        columns: names of the table's question, context and answers columns where they differ from these words.

    >>> task = QuestionAnswering(tokenizer, unanswerable=True)
    """

    tokenizer: Tokenizer
    max_length: int = 384
    stride: int | None = None
    max_question_length: int | None = None
    answer_length: int = 30
    n_best: int = 20
    unanswerable: bool = False
    threshold: float = 0.0
    language: str = AUTO
    columns: dict = dataclasses.field(default_factory=dict)

    name = "question_answering"
    pipeline_tag = "question-answering"
    hugging_face_head = "QuestionAnswering"
    checkpoint_heads = (question_answering_head.LAYER,)
    outputs = {"logits": "W S 2"}
    reads_pooler, reads_token_vectors = False, True
    reads_windows = True
    target_column = "answers"

    def __post_init__(self) -> None:
        check_positive(self, "answer_length", "n_best")
        check_choice(self, "language", LANGUAGES)
        question, room = self.max_question_length or 0, self.max_length - self.tokenizer.num_special_tokens(2)
        if question < 0 or self.shared_tokens < 0 or question + self.shared_tokens >= room:
            raise ConfigError(
                f"stride {self.shared_tokens} and max_question_length {question} leave a window of max_length "
                f"{self.max_length} no new tokens"
            )

    @property
    def shared_tokens(self) -> int:
        """The stride in tokens."""
        return self.max_length // 3 if self.stride is None else self.stride

    # 1 example
    @classmethod
    def settings_for(cls, table: Table, **settings: Any) -> dict[str, Any]:
        """The settings that a training table asks for: whether questions may have no answer."""
        check_settings(cls, settings)
        columns = settings.get("columns", {})
        if "unanswerable" not in settings:
            settings["unanswerable"] = question_answering_examples.has_unanswerable(table, columns)
        return settings

    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        return question_answering_examples.read(self, table, labelled=labelled, training=training)

    def unread_columns(self, table: Table, *, training: bool = False) -> dict[str, str]:
        start = "answer_start"
        if not training or start not in table.columns or start in self.columns.values():
            return {}
        return {start: "give it within the answers, as {'text': ['Rome'], 'answer_start': [40]}"}

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        return {"serving_default": {name: tf.TensorSpec([None], tf.string) for name in ("question", "context")}}

    def features(self, example: Tensors) -> Tensors:
        features = self.tokenizer.windows(
            example["question"],
            example["context"],
            max_length=self.max_length,
            stride=self.shared_tokens,
            max_first_length=self.max_question_length,
            offsets=True,
        )
        del features["word_ids"]
        return features

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        """The answer's first and last token, int32 [W, 2]; 0 twice for a window that does not hold all of it.

        The answer's characters are example["answer_start"] and "answer_end" [B], or, as a `tf.data.Dataset` has
        them, example["answers"] int [B, 2]; -1 for no answer.
        """
        if "answer_start" in example:
            span = tf.stack([example["answer_start"], example["answer_end"]], axis=-1)
        elif (span := tf.convert_to_tensor(example["answers"])).dtype.is_integer:
            span = tf.cast(span, tf.int32)
        else:
            raise TypeError(
                "the target of a Dataset is int [B, 2]: an answer's first character and the one after its last"
            )
        begin, end = tf.split(tf.gather(span, features["rows"]), 2, axis=1)  # [W, 1]
        starts, ends = features["character_offsets"][..., 0], features["character_offsets"][..., 1]
        is_context = features["text_ids"] == 1
        inside = is_context & (starts < end) & (ends > begin)
        from_before = tf.reduce_any(is_context & (starts <= begin), axis=1)
        to_behind = tf.reduce_any(is_context & (ends >= end), axis=1)
        whole = (begin[:, 0] >= 0) & from_before & to_behind & tf.reduce_any(inside, axis=1)
        inside = tf.cast(inside, tf.int32)
        first = tf.argmax(inside, axis=1, output_type=tf.int32)
        span = tf.stack([first, first + tf.reduce_sum(inside, axis=1) - 1], axis=-1)
        return tf.where(whole[:, None], span, 0)

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return question_answering_head.head(self, encoder)

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        question_answering_head.write_onnx(graph, network, encoder, sequence_output)

    # 4 loss and metrics
    def loss(self) -> keras.losses.Loss:
        return SpanLoss()

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        predicted = texts_of(answers["answer"])
        return question_answering_metrics.metrics(examples["answers"], predicted, **self.scoring(examples))

    def scoring(self, examples: Mapping[str, Any]) -> dict[str, Any]:
        """What the metrics of these examples ask for: their language, and whether they may have no answer."""
        language = self.language
        if language == AUTO:
            language = language_of(examples["context"])
            say_metric(language)
        return {"language": language, "unanswerable": self.unanswerable}

    def tuned_on(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> TrainableTask:
        """Where questions may have no answer, the task with the threshold of the best F1 on these examples."""
        if not self.unanswerable:
            return self
        chosen = question_answering_metrics.best_threshold(
            examples["answers"],
            texts_of(answers["answers"][:, 0]),
            answers["null_score_difference"],
            language=self.scoring(examples)["language"],
        )
        return dataclasses.replace(self, threshold=chosen)

    def evaluation(
        self, examples: Mapping[str, Any], answers: dict[str, np.ndarray], *, token_lengths: np.ndarray, data: str
    ) -> Answers:
        return question_answering_metrics.evaluation(self, examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        """`answer`, its `score` and `null_score_difference` [B]; the n-best spans with scores and places [B, K].

        Scores are a softmax over the n-best spans, and no answer where questions may have none.
        """
        best = best_answers(example["context"], features, outputs, n_best=self.n_best, answer_length=self.answer_length)
        span_scores, null_score = best.pop("span_scores"), best.pop("null_score")[:, None]
        difference = null_score[:, 0] - span_scores[:, 0]
        found = best["byte_start"] >= 0
        if self.unanswerable:
            probabilities = tf.nn.softmax(tf.concat([span_scores, null_score], axis=1))
            scores, of_none = probabilities[:, :-1], probabilities[:, -1]
            answered = found[:, 0] & (difference <= self.threshold)
        else:
            scores = tf.nn.softmax(span_scores)
            answered, of_none = found[:, 0], tf.zeros_like(difference)
        scores = tf.where(found, scores, 0.0)
        first = [tf.where(answered, best[name][:, 0], -1)[:, None] for name in ("byte_start", "byte_end")]
        answer, answers = (
            parts_of(example["context"], *places, portable=self.tokenizer.portable)
            for places in (first, (best["byte_start"], best["byte_end"]))
        )
        return {
            "answers": answers,
            **best,
            "scores": scores,
            "answer": tf.reshape(answer, [-1]),
            "score": tf.where(answered, scores[:, 0], of_none),
            "null_score_difference": difference,
        }

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        """Each question's answer and the n-best; "" without start and end if there is no answer."""
        rows = []
        parts = (answer[name] for name in ("answers", "scores", "start", "end"))
        for text, score, *of_spans in zip(texts_of(answer["answer"]), answer["score"], *parts, strict=True):
            spans = [
                {"answer": span, "score": float(score), "start": int(start), "end": int(end)}
                for span, score, start, end in zip(texts_of(of_spans[0]), *of_spans[1:], strict=True)
                if start >= 0
            ]
            place = {name: spans[0][name] if text else None for name in ("start", "end")}
            rows.append({"answer": text, "score": float(score), **place, "answers": spans})
        return rows

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return question_answering_golden.golden_inputs()
