"""The task contract: what training, evaluation, prediction and export share.

Shapes: B batch (examples), W rows of the network (texts, or windows of texts), S sequence, C what a task scores.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from tfbert.errors import ConfigError, ExportError
from tfbert.settings import checked
from tfbert.tasks.golden_texts import default_inputs

if TYPE_CHECKING:
    import tensorflow as tf

    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.evaluation import Answers, Evaluation

Tensors = dict[str, Any]  # {name: tf.Tensor or tf.RaggedTensor}
Axes = Mapping[str, str]  # {name: its axes, letters between spaces}


class Task(abc.ABC):
    """What a model can predict and export: example, features, head, answer. A `TrainableTask` can be trained too.

    A subclass is a frozen dataclass. Its fields are its settings, and among them are always `tokenizer`, `max_length`
    (tokens of a row of the network at most) and `columns` (the table's names for parts of the example, where they
    differ). `features` and `answer` use graph operations alone, so that the code that trains is the code that is
    served.

    `outputs` names what the head gives, and the axes of each: `{"logits": "W S C", "transitions": "C C"}`. W stands
    for the rows of the network and S for its tokens; other letters are the task's own. Where there is one output,
    `head`, `loss` and `answer` have the tensor itself, else a dict of them.
    """

    name: str
    tokenizer: Any
    max_length: int
    columns: dict

    # A task states the following as attributes of its class, or as properties if its settings decide.
    @property
    @abc.abstractmethod
    def outputs(self) -> Axes:
        """What `head` gives: {name: axes}."""

    @property
    def extra_inputs(self) -> Axes:
        """What `head` reads besides the encoder's inputs, int32: {name: axes}."""
        return {}

    @property
    def labels(self) -> tuple[str, ...]:
        """What answers name, such as "positive"; () where they name nothing."""
        return ()

    @property
    def pipeline_tag(self) -> str | None:
        """What the Hugging Face hub calls the task, such as "text-classification", for the model card."""
        return None

    @property
    def hugging_face_head(self) -> str:
        """Hugging Face's name of the head, such as "SequenceClassification"; "" for the encoder alone."""
        return ""

    @property
    def checkpoint_heads(self) -> tuple[str, ...]:
        """The layers of `head` that a checkpoint holds."""
        return ()

    @property
    def reads_pooler(self) -> bool:
        """Whether outputs depend on the encoder's text vector, whose pooler a checkpoint must then have."""
        return True

    @property
    def reads_token_vectors(self) -> bool:
        """Whether outputs depend on the encoder's `token_vectors`."""
        return False

    @property
    def reads_windows(self) -> bool:
        """Whether a text may have several windows."""
        return False

    # 1 example
    @abc.abstractmethod
    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        """Checks a table and returns its columns as {name: list or array [B]}; `labelled` adds the target columns.

        `training` also refuses a table from which nothing can be learned.

        Raises:
            DataError: a missing column, an unknown label, …, with file and row.
        """

    def unread_columns(self, table: Table, *, training: bool = False) -> dict[str, str]:
        """{column that is a part of an example, but that this task's settings leave unread: what to do}."""
        return {}

    # 2 features
    @abc.abstractmethod
    def features(self, example: Tensors) -> Tensors:
        """Columns [B] -> token_ids, segment_ids, padding_mask int32 [W, S] and what else the task reads.

        In graph operations. All have W first; where W is not B, "rows" int32 [W], in order, is the number of the
        example that each is of.
        """

    @property
    @abc.abstractmethod
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        """{"serving_default": {column: tf.TensorSpec}, …}: what the served graphs take."""

    @property
    def text_inputs(self) -> tuple[str, ...]:
        """The columns of the default signature, in order."""
        return tuple(self.signatures["serving_default"])

    def columns_of_tuple(self, size: int) -> tuple[str, ...]:
        """The columns that a tuple of so many is, in order; () for a size that is none of the task's."""
        return self.text_inputs if size == len(self.text_inputs) else ()

    # 3 head
    @abc.abstractmethod
    def head(self, encoder: Encoder) -> keras.Model:
        """A Keras model from features to `outputs` on top of an encoder."""

    def inputs(self, encoder: Encoder) -> dict[str, str]:
        """What `head` reads: {name: axes}, the encoder's inputs and `extra_inputs`."""
        return {**dict.fromkeys(encoder.input_names, "W S"), **self.extra_inputs}

    def keras_inputs(self, encoder: Encoder) -> dict[str, Any]:
        """`keras.Input`s of `inputs`, whose sizes are all free."""
        return {
            name: keras.Input((None,) * (len(axes.split()) - 1), dtype="int32", name=name)
            for name, axes in self.inputs(encoder).items()
        }

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        """Adds the head to an ONNX graph, with nodes named as `outputs`.

        Args:
            network: what `head` made; `network.get_layer(name)` has its weights.
            sequence_output: the node of the encoder's vectors [W, S, H].

        Raises:
            ExportError: the task does not have one.
        """
        raise ExportError(
            f"task {self.name} has no head in ONNX: give {type(self).__name__} a method write_onnx_head, or export "
            "the other formats"
        )

    def has_rows(self, output: str) -> bool:
        """Whether an output has the network's rows as its first axis."""
        return self.outputs[output].startswith("W")

    def named(self, outputs: Any) -> Tensors:
        """{name: tensor} of outputs as `head` gives them."""
        if isinstance(outputs, dict):
            return outputs
        (name,) = self.outputs
        return {name: outputs}

    def as_head(self, named: Tensors) -> Any:
        """{name: tensor} as `head` gives it, and `loss` and `answer` take it: the tensor itself where there is one."""
        return named if len(self.outputs) > 1 else next(iter(named.values()))

    # 5 answer
    @abc.abstractmethod
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        """Columns, features and outputs -> what the graph serves, in graph operations.

        A dict of dense tensors, B first. Rows with less of a thing than others are filled up: strings with "",
        integers with -1, floats with 0.
        """

    @abc.abstractmethod
    def readable(self, answer: dict[str, Any]) -> list[dict]:
        """The answer of a batch as numpy arrays -> a list of dicts, one per example: what `predict` returns."""

    def tf_serving_calls(self) -> dict[str, Callable[[Tensors], Tensors]]:
        """TF Serving's calls of serialized tf.Examples: {"classify" or "regress": answer -> what the call returns}."""
        return {}

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        """Values for one of the signatures, {column: array [B, …]}, that an export is checked on."""
        return default_inputs(self.signatures[signature])

    # what is saved
    @property
    def logit_names(self) -> tuple[str, ...]:
        """Names of the logits in their order, such as labels; () where they have none."""
        return ()

    def hugging_face_config(self) -> dict[str, Any]:
        """More keys of config.json, such as id2label."""
        return names_of_logits(self.logit_names) if self.logit_names else {}

    def settings(self) -> dict[str, Any]:
        """All but the tokenizer as a JSON object; `from_settings` reads it back."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        del values["tokenizer"]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], tokenizer: Any) -> Self:
        """The task of `settings()`. Raises ConfigError for a setting that the task does not have."""
        return cls(tokenizer=tokenizer, **check_settings(cls, settings))  # type: ignore[call-arg]

    @classmethod
    def given_settings(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Settings as users may give them, such as labels that are numbers, in the types of the fields."""
        return settings

    @classmethod
    def settings_for(cls, table: Table, **settings: Any) -> dict[str, Any]:
        """The settings that a training table asks for, such as its labels, where they are not given."""
        check_settings(cls, settings)
        return settings

    def with_columns(self, columns: dict[str, str]) -> Self:
        """The task reading other columns of a table."""
        return dataclasses.replace(self, columns=columns)  # type: ignore[type-var]


class TrainableTask(Task):
    """A task that is trained on labelled examples: a `Task` with a target, a loss and metrics."""

    target_column = "label"  # the part of the example that `y` of `fit(x, y)` is
    has_several_texts = False  # whether neighbouring rows of a batch, of one example, are one term of the loss
    weighs_examples = False  # whether each example is a term of the loss by itself, which `sample_weight` multiplies

    @abc.abstractmethod
    def target(self, example: Tensors, features: Tensors) -> Any:
        """Columns [B] and their features [W, ...] -> what the loss compares the outputs with, [W, ...]."""

    # 4 loss and metrics
    @abc.abstractmethod
    def loss(self) -> keras.losses.Loss:
        """The Keras loss of (target, outputs)."""

    def loss_terms(self, target: Any) -> Any:
        """How many terms `loss` is the mean of; None if they are the examples, or the windows of long ones."""
        return None

    def keras_metrics(self) -> list[keras.metrics.Metric]:
        """Keras metrics to show while training; [] if the task's metric cannot be averaged over batches."""
        return []

    @abc.abstractmethod
    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        """Labelled examples and their answers, all of a data set -> {metric: value}; the first is the task's own."""

    def trained_on(self, examples: Mapping[str, Any], loss: Any) -> TrainableTask:
        """The task with what its `loss` takes from the examples that are trained on; the loss gets it too."""
        return self

    def tuned_on(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> TrainableTask:
        """The task with what is chosen on dev data, such as thresholds; itself where nothing is."""
        return self

    @abc.abstractmethod
    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Evaluation | Answers:
        """What the report draws."""


def names_of_logits(names: Sequence[str]) -> dict[str, dict]:
    """Hugging Face's keys for them.

    >>> names_of_logits(("no", "yes"))
    {'id2label': {'0': 'no', '1': 'yes'}, 'label2id': {'no': 0, 'yes': 1}}
    """
    return {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def check_settings(task_class: type[Task], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the types of the task's fields; ConfigError for an unknown name or another type."""
    return checked(task_class, task_class.given_settings(settings), f"task {task_class.name}", without=("tokenizer",))


def check_max_length(task: Task, texts: int = 1) -> None:
    """Raises ConfigError if `max_length` leaves no place for a token of each of so many texts."""
    if task.tokenizer is None:  # as while the settings of a table are found
        return
    least = task.tokenizer.num_special_tokens(texts) + texts
    if task.max_length < least:
        what = "a token" if texts == 1 else f"a token of each of {texts} texts"
        raise ConfigError(f"max_length {task.max_length} leaves no place for {what}; it must be at least {least}")


def check_trainable(task: Task | type[Task], what: str) -> None:
    """Raises ConfigError if a task, or a class of tasks, cannot be trained and evaluated.

    Args:
        what: that needs it, for the message.
    """
    if not issubclass(task if isinstance(task, type) else type(task), TrainableTask):
        raise ConfigError(f"{what} needs a task with a loss and metrics, and {task.name} has none; it can predict")
