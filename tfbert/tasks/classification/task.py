"""Text classification: one label, several labels, or a number. B batch, W windows, S sequence, L labels."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_not_negative
from tfbert.tasks.classification import answers as classification_answers
from tfbert.tasks.classification import examples as classification_examples
from tfbert.tasks.classification import golden as classification_golden
from tfbert.tasks.classification import head as classification_head
from tfbert.tasks.classification import metrics as classification_metrics
from tfbert.tasks.classification.labels import REMEDY, names_of_labels
from tfbert.tasks.classification.loss import ClassificationLoss
from tfbert.tasks.evaluation import Evaluation
from tfbert.tasks.task import Tensors, TrainableTask, check_max_length, check_settings, names_of_logits
from tfbert.text import Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter

BALANCED = "balanced"
PROBLEMS = ("single_label", "multi_label", "regression")


@dataclasses.dataclass(frozen=True)
class Classification(TrainableTask):
    """A text, or a pair of texts, gets a label, several labels or a number.

    Outputs are logits [W, L] (L = 1 for regression) of the text vector, as in Hugging Face's sequence classification;
    W is B unless `windows`. Source: Devlin et al. 2018, section 4.1.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        labels: their names, in the order of the logits; () for regression.
        problem: "single_label", "multi_label" or "regression".
        pairs: whether each example has a second text.
        max_length: tokens kept of an example, specials included; the longer text of a pair loses first.
        windows: whether all of a long text (of a pair: the second) is read, in windows of `max_length` tokens. Each
            is trained on the text's label, and the answer is that of their mean logits.
        stride: tokens that a window shares with the one before.
        thresholds: multi_label: the lowest probability at which each label is given; 0.5 if empty.
        class_weights: weight of each label in the loss; () for none; "balanced" is scikit-learn's, of training data.
        columns: names of the table's text, text_pair and label columns, if they differ; "label" may be a list of
            columns that hold 0 and 1, one for each label.
        activation: regression: "linear", or "sigmoid" for a number from 0 to 1, as most cross-encoders give.
        label_separator: multi_label: the text between two labels of a cell.

    >>> task = Classification(tokenizer, labels=("negative", "positive"))
    """

    tokenizer: Tokenizer
    labels: tuple[str, ...] = ()
    problem: str = "single_label"
    pairs: bool = False
    max_length: int = 128
    windows: bool = False
    stride: int = 32
    thresholds: tuple[float, ...] = ()
    class_weights: str | tuple[float, ...] = ()
    columns: dict = dataclasses.field(default_factory=dict)
    label_separator: str = ","
    activation: str = "linear"

    name = "classification"
    pipeline_tag = "text-classification"
    weighs_examples = True
    hugging_face_head = "SequenceClassification"
    checkpoint_heads = ("classifier",)
    outputs = {"logits": "W C"}

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", names_of_labels(self.labels))
        check_choice(self, "problem", PROBLEMS)
        check_choice(self, "activation", ("linear", "sigmoid"))
        if self.activation != "linear" and self.problem != "regression":
            raise ConfigError(f"activation={self.activation!r} is of problem='regression', not of {self.problem!r}")
        if self.problem == "regression":
            if self.labels or self.class_weights:
                raise ConfigError("regression has neither labels nor class weights")
        elif len(self.labels) < (2 if self.problem == "single_label" else 1):
            fewest = "two labels" if self.problem == "single_label" else "one label"
            raise ConfigError(f"{self.problem} needs at least {fewest}, not {list(self.labels)}; {REMEDY}")
        check_max_length(self, 2 if self.pairs else 1)
        check_not_negative(self, "stride")
        if self.windows and not 0 <= self.stride < self.max_length - self.tokenizer.num_special_tokens(2):
            raise ConfigError(f"stride {self.stride} leaves a window of max_length {self.max_length} no new tokens")
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"a label occurs twice in {list(self.labels)}")
        if isinstance(self.class_weights, str) and self.class_weights != BALANCED:
            raise ConfigError(f"class_weights is {self.class_weights!r}; it is 'balanced', or a number for each label")
        for name, values in (("thresholds", self.thresholds), ("class_weights", self.class_weights)):
            if values and values != BALANCED and len(values) != len(self.labels):
                raise ConfigError(f"{len(values)} {name} for {len(self.labels)} labels")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds):
            raise ConfigError(f"thresholds are probabilities, from 0 to 1, not {list(self.thresholds)}")
        if not isinstance(self.class_weights, str) and not all(0 <= each < math.inf for each in self.class_weights):
            raise ConfigError(f"class_weights are numbers from 0 on, not {list(self.class_weights)}")

    # 1 example
    @classmethod
    def settings_for(
        cls,
        table: Table,
        *,
        labels: Sequence[str] = (),
        problem: str = "single_label",
        class_weights: Sequence[float] | str = (),
        **settings: Any,
    ) -> dict[str, Any]:
        """The settings that a training table asks for: pairs, labels and balanced class weights, unless given."""
        labels = names_of_labels(labels)
        check_settings(cls, {**settings, "labels": labels, "problem": problem, "class_weights": class_weights})
        columns, separator = settings.get("columns", {}), settings.get("label_separator", ",")
        settings.setdefault("pairs", classification_examples.has_pairs(table, columns))
        if not labels and problem != "regression":
            labels = classification_examples.labels_of(table, problem, columns, separator)
        settings.update(labels=tuple(labels), problem=problem)
        if class_weights == BALANCED:
            class_weights = classification_examples.balanced_weights(cls(None, **settings), table)
        return {**settings, "class_weights": tuple(class_weights)}

    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        found = classification_examples.read(self, table, labelled=labelled, training=training)
        if training and self.activation == "sigmoid":
            label = np.asarray(found["label"])
            for row in np.flatnonzero((label < 0) | (label > 1)):
                message = (
                    f"{label[row]:g} is not from 0 to 1, as activation='sigmoid' asks; divide the numbers by their "
                    "highest, or load the model with activation='linear'"
                )
                raise table.row_error(int(row), message, "a number that is not from 0 to 1")
        return found

    @classmethod
    def given_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**settings, "labels": names_of_labels(settings["labels"])} if "labels" in settings else settings

    def trained_on(self, examples: Mapping[str, Any], loss: Any) -> Classification:
        if self.class_weights != BALANCED:
            return self
        found = dataclasses.replace(self, class_weights=classification_examples.weights_of(self, examples["label"]))
        if isinstance(loss, ClassificationLoss):
            loss.class_weights = found.class_weights
        return found

    def unread_columns(self, table: Table, *, training: bool = False) -> dict[str, str]:
        return {} if self.pairs else classification_examples.pairs_unread(table, self.columns)

    # 2 features
    @property
    def reads_windows(self) -> bool:
        return self.windows

    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        names = ("text", "text_pair") if self.pairs else ("text",)
        return {"serving_default": {name: tf.TensorSpec([None], tf.string) for name in names}}

    def columns_of_tuple(self, size: int) -> tuple[str, ...]:
        return ("text", "text_pair")[:size] if size <= 2 else ()

    def features(self, example: Tensors) -> Tensors:
        texts = (example["text"], example["text_pair"] if self.pairs else None)
        if self.windows:
            return self.tokenizer.windows(*texts, max_length=self.max_length, stride=self.stride)
        return self.tokenizer(*texts, max_length=self.max_length)

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        return tf.gather(example["label"], features["rows"]) if self.windows else example["label"]

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return classification_head.head(self, encoder, len(self.labels) or 1)

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        classification_head.write_onnx(graph, network, encoder, sequence_output)

    # 4 loss and metrics
    def loss(self) -> ClassificationLoss:
        return ClassificationLoss(self.problem, self.class_weights, activation=self.activation)

    def keras_metrics(self) -> list[keras.metrics.Metric]:
        of_texts = self.problem == "single_label" and not self.windows
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")] if of_texts else []

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        logits = classification_metrics.logits_of(self, answers)
        return classification_metrics.metrics(
            self.problem, examples["label"], logits, self.thresholds, examples.get("unknown_labels")
        )

    def tuned_on(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> Classification:
        """multi_label: the same task with the thresholds that give each label its best F1 on these examples."""
        if self.problem != "multi_label":
            return self
        logits = classification_metrics.logits_of(self, answers)
        chosen = classification_metrics.best_thresholds(examples["label"], logits)
        return dataclasses.replace(self, thresholds=tuple(float(value) for value in chosen))

    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Evaluation:
        return classification_metrics.evaluation(self, examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: tf.Tensor) -> Tensors:
        if self.windows:
            outputs = tf.math.unsorted_segment_mean(outputs, features["rows"], tf.size(example["text"]))
        if self.problem == "regression":
            return {"score": tf.sigmoid(outputs[:, 0]) if self.activation == "sigmoid" else outputs[:, 0]}
        names = tf.constant(self.labels)
        if self.problem == "single_label":
            label = tf.gather(names, tf.argmax(outputs, axis=-1))  # [B]
            return {"label": label, "probabilities": tf.nn.softmax(outputs), "logits": outputs}
        probabilities = tf.sigmoid(outputs)
        given = probabilities >= tf.constant(self.thresholds or (0.5,) * len(self.labels), tf.float32)
        order = tf.argsort(tf.where(given, probabilities, -1.0), direction="DESCENDING", stable=True)
        number = tf.where(tf.gather(given, order, batch_dims=1), order, len(self.labels))
        label = tf.gather(tf.concat([names, [""]], 0), number)  # [B, L]; LiteRT selects numbers, but no strings
        return {"label": label, "probabilities": probabilities, "logits": outputs}

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        return classification_answers.readable(self.problem, self.labels, answer)

    def tf_serving_calls(self) -> dict[str, Callable[[Tensors], Tensors]]:
        """TF Serving's Regress: a number each, [B]; or its Classify: all labels with their probabilities, [B, L]."""
        if self.problem == "regression":
            return {"regress": lambda answer: {"outputs": answer["score"]}}

        def classify(answer: Tensors) -> Tensors:
            scores = answer["probabilities"]
            classes = tf.repeat(tf.constant(self.labels)[None], tf.shape(scores)[0], axis=0)
            return {"classes": classes, "scores": scores}

        return {"classify": classify}

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return classification_golden.golden_inputs(self.pairs)

    # what is saved
    @property
    def logit_names(self) -> tuple[str, ...]:
        return self.labels

    def hugging_face_config(self) -> dict[str, Any]:
        names = self.labels or ("LABEL_0",)  # transformers' own name for a regression output
        problem = self.problem if self.problem == "regression" else f"{self.problem}_classification"
        values = {**names_of_logits(names), "problem_type": problem}
        if self.activation == "sigmoid":  # for sentence-transformers' CrossEncoder
            values["sentence_transformers"] = {"activation_fn": "torch.nn.modules.activation.Sigmoid"}
        return values
