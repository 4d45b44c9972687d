"""Task: what training, evaluation, prediction and export share. B batch, W windows, S sequence."""

import abc
import dataclasses
import difflib
import typing

import keras

from tfbert.errors import ConfigError


class Task(abc.ABC):
    """One fine-tuning task in its five parts: example, features, head, loss and metrics, answer.

    A subclass is immutable: its settings and its tokenizer are given once, and all five parts follow.
    `features` and `answer` use graph operations alone, so that the very same code trains and is served.
    """

    name: str
    tokenizer: object
    architecture: str  # Hugging Face's class for the same network, written to config.json
    head_names: tuple[str, ...] = ()  # layers of `head` that a checkpoint holds
    reads_pooler = True  # whether outputs depend on the encoder's pooler, which a checkpoint must then have
    reads_windows = False  # whether a text may have any number of windows
    has_several_texts = False  # whether neighbouring rows of a batch, of one example, are one term of the loss
    weighs_examples = False  # whether an example has terms of the loss to itself, which its weight multiplies

    # 1 example
    @abc.abstractmethod
    def examples(self, table, *, labelled=True, training=False):
        """Checks a table and returns its columns as a dict of arrays; `labelled` adds the target columns.

        `training` also refuses a table from which nothing can be learned.

        Raises:
            DataError: a missing column, an unknown label, …, with file and row.
        """

    # 2 features
    @abc.abstractmethod
    def features(self, example):
        """Columns [B] -> token_ids, segment_ids, padding_mask int32 [W, S] and what else the task reads.

        In graph operations. All have W first; where W is not B, "rows" int32 [W], in order, says whose window it is.
        """

    @abc.abstractmethod
    def target(self, example, features):
        """Columns [B] and their features [W, ...] -> what the loss compares the outputs with, [W, ...]."""

    # 3 head
    @abc.abstractmethod
    def head(self, encoder):
        """A Keras model from features to outputs on top of a `BertEncoder`."""

    # 4 loss and metrics
    @abc.abstractmethod
    def loss(self):
        """The Keras loss of (target, outputs)."""

    def loss_terms(self, target):
        """How many terms `loss` is the mean of; None where they are the examples, or the windows of long ones."""
        return None

    def keras_metrics(self):
        """Metrics that Keras may keep running while it trains; [] where the field's own do not run."""
        return []

    @abc.abstractmethod
    def metrics(self, examples, answers):
        """Labelled examples and their answers, all of a data set -> {metric: value}; the first is the task's own."""

    def tuned_on(self, examples, answers):
        """The task with what is chosen on dev data, such as thresholds; itself where nothing is."""
        return self

    @abc.abstractmethod
    def evaluation(self, examples, answers, *, token_lengths, data):
        """What the report draws: an `Evaluation`, or `Answers`."""

    # 5 answer
    @abc.abstractmethod
    def answer(self, example, features, outputs):
        """Columns, features and outputs -> what the graph serves, in graph operations.

        A dict of dense tensors, B first. Rows with less of a thing than others are filled up: strings with "",
        integers with -1, floats with 0.
        """

    @abc.abstractmethod
    def readable(self, answer):
        """The answer of a batch as numpy arrays -> a list of dicts, one per example: what `predict` returns."""

    @property
    @abc.abstractmethod
    def signatures(self):
        """{"serving_default": {column: tf.TensorSpec}, …}: what the served graphs take."""

    @property
    def text_inputs(self):
        """The columns of the default signature, in order."""
        return tuple(self.signatures["serving_default"])

    def columns_of_tuple(self, size):
        """The columns that a tuple of so many is, in order; () for a size that is none of the task's."""
        return self.text_inputs if size == len(self.text_inputs) else ()

    target_column = "label"  # the part of the example that `y` of `fit(x, y)` is

    def settings(self):
        """All but the tokenizer as a JSON object; `from_settings` reads it back."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del values["tokenizer"]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    @abc.abstractmethod
    def settings_for(cls, table, **settings):
        """The settings that a training table asks for, such as its labels, where they are not given."""

    def with_columns(self, columns):
        """The task reading other columns of a table."""
        return dataclasses.replace(self, columns=columns)

    @classmethod
    def from_settings(cls, settings, tokenizer):
        """The task of `settings()`. Raises ConfigError for a setting that the task does not have."""
        check_settings(cls, settings)
        tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
        return cls(tokenizer=tokenizer, **tuples)

    def hugging_face_config(self):
        """Further keys of config.json, such as id2label."""
        return {}

    @staticmethod
    def encoder_inputs():
        """Keras inputs named as the features."""
        return {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        }


def names_of_logits(names):
    """Hugging Face's keys for them."""
    return {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def check_settings(task_class, settings):
    """Raises a ConfigError that names a setting of a wrong type, or one that the task does not have and the nearest."""
    known = {field.name: field.type for field in dataclasses.fields(task_class) if field.name != "tokenizer"}
    for key, value in settings.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise ConfigError(f"task {task_class.name} has no setting {key!r}; {hint}")
        kind = known[key]
        if typing.get_origin(kind) is not tuple:
            wrong, wanted = [] if _fits(value, kind) else [value], getattr(kind, "__name__", kind)
        elif not isinstance(value, (tuple, list)):
            wrong, wanted = [value], "a tuple"
        else:
            part = typing.get_args(kind)[0]
            wrong, wanted = [one for one in value if not _fits(one, part)], "texts" if part is str else "numbers"
        if wrong:
            raise ConfigError(f"{key} of task {task_class.name} must be {wanted}, not {wrong[0]!r}")


def _fits(value, kind):
    fits = isinstance(value, int | float if kind is float else kind)
    return fits and (kind is bool or not isinstance(value, bool))
