"""Multiple choice: which of several texts goes with a prompt.

Shapes: B batch, C choices of the batch's row with the most, W = B x C pairs of a prompt and a choice, S sequence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.encoders.layers.masking import is_masked
from tfbert.errors import ConfigError
from tfbert.settings import check_not_negative
from tfbert.tasks.evaluation import Answers
from tfbert.tasks.multiple_choice import examples as multiple_choice_examples
from tfbert.tasks.multiple_choice import golden as multiple_choice_golden
from tfbert.tasks.multiple_choice import head as multiple_choice_head
from tfbert.tasks.multiple_choice import metrics as multiple_choice_metrics
from tfbert.tasks.multiple_choice.loss import MultipleChoiceLoss
from tfbert.tasks.task import Tensors, TrainableTask, check_max_length
from tfbert.text import Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


@dataclasses.dataclass(frozen=True)
class MultipleChoiceTask(TrainableTask):
    """A prompt and two or more choices, of which one is right: the end of a story, the answer to a question.

    Each pair of the prompt and a choice gets a logit of its text vector, as in Hugging Face's multiple choice; a
    softmax over a row's choices makes probabilities of them. Rows may have different numbers of choices; "" pads those
    with fewer. Outputs are logits [W, 1], the pairs of a row one after the other. Source: Devlin et al. 2018,
    section 4.4.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        max_length: tokens kept of a prompt with one choice, specials included; the longer text loses first.
        first_label: the label of the first choice: 1 if labels count from 1. None: 0, and numbers that may well count
            from 1 are refused.
        columns: the table's names for prompt, choices and label, if they differ. For choices this is a column of
            lists, or the beginning of several columns' names: "ending" for ending0, ending1, … (or from 1, or
            endingA, …).

    >>> task = MultipleChoiceTask(tokenizer, columns={"choices": "ending"})
    """

    tokenizer: Tokenizer
    max_length: int = 128
    first_label: int | None = None
    columns: dict = dataclasses.field(default_factory=dict)

    name = "multiple_choice"
    pipeline_tag = "multiple-choice"
    hugging_face_head = "MultipleChoice"
    checkpoint_heads = ("classifier",)
    outputs = {"logits": "W 1"}
    has_several_texts = True

    def __post_init__(self) -> None:
        unknown = sorted(self.columns.keys() - set(multiple_choice_examples.PARTS))
        if unknown:
            raise ConfigError(f"multiple choice has the columns prompt, choices and label, but no {', '.join(unknown)}")
        check_max_length(self, 2)
        if self.first_label is not None:
            check_not_negative(self, "first_label")

    # 1 example
    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        return multiple_choice_examples.read(self, table, labelled=labelled, training=training)

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        return {
            "serving_default": {
                "prompt": tf.TensorSpec([None], tf.string),
                "choices": tf.TensorSpec([None, None], tf.string),  # "" pads at the end
            }
        }

    def features(self, example: Tensors) -> Tensors:
        """All pairs of all rows, those of a row one after the other; padding is a pair without tokens."""
        choices = _dense(example["choices"])
        count = tf.shape(choices)[1]
        given = tf.not_equal(choices, "")
        prompts = tf.repeat(tf.convert_to_tensor(example["prompt"], tf.string), count)
        prompts = tf.where(given, tf.reshape(prompts, tf.shape(choices)), "")
        prompts, pairs = (tf.reshape(texts, [-1]) for texts in (prompts, choices))
        features = self.tokenizer(prompts, pairs, max_length=self.max_length)
        features["padding_mask"] *= tf.reshape(tf.cast(given, tf.int32), [-1, 1])
        return {**features, "rows": tf.repeat(tf.range(tf.shape(choices)[0]), count)}

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        """The number of the right choice in each pair's row, and C: int32 [W, 2]."""
        count = tf.shape(_dense(example["choices"]))[1]
        label = tf.gather(tf.cast(example["label"], tf.int32), features["rows"])
        return tf.stack([label, tf.fill(tf.shape(label), count)], axis=1)

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return multiple_choice_head.head(self, encoder)

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        multiple_choice_head.write_onnx(graph, network, encoder, sequence_output)

    # 4 loss and metrics
    def loss(self) -> keras.losses.Loss:
        return MultipleChoiceLoss()

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        return multiple_choice_metrics.metrics(examples, answers)

    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Answers:
        return multiple_choice_metrics.evaluation(examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        choices = _dense(example["choices"])
        logits = tf.reshape(outputs, tf.shape(choices))  # [B, C]
        given = tf.not_equal(choices, "")
        best = tf.argmax(logits, axis=1, output_type=tf.int32)
        any_given = tf.reduce_any(given, axis=1)
        return {
            "choice": tf.where(any_given, best, -1),
            "text": tf.where(any_given, tf.gather(choices, best, batch_dims=1), ""),
            "probabilities": tf.where(given, tf.nn.softmax(logits), 0.0),
            "logits": logits,
        }

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        rows = []
        columns = (answer[name] for name in ("choice", "text", "probabilities", "logits"))
        for choice, text, probabilities, logits in zip(*columns, strict=True):
            given = (~is_masked(logits)).nonzero()[0]
            rows.append(
                {
                    "choice": int(choice),
                    "text": text.decode("utf-8", "replace"),
                    "score": float(probabilities[choice]) if len(given) else 0.0,
                    "probabilities": probabilities[: given[-1] + 1].tolist() if len(given) else [],
                }
            )
        return rows

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return multiple_choice_golden.golden_inputs(self.signatures[signature])


def _dense(choices: Any) -> tf.Tensor:
    """Choices as a dense tensor [B, C] with "" as padding; C is at least 1, so that each row has a largest logit."""
    if isinstance(choices, tf.RaggedTensor):
        choices = choices.to_tensor("")
    choices = tf.convert_to_tensor(choices, tf.string)
    rows, count = tf.unstack(tf.shape(choices))
    return tf.concat([choices, tf.fill([rows, tf.maximum(1 - count, 0)], "")], axis=1)
