"""TextModel: a task's network that answers texts. B batch, S sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.encoder import Encoder
from tfbert.models import inputs
from tfbert.models.prediction import answers_in_batches
from tfbert.models.saving import Saving
from tfbert.tasks.task import Task
from tfbert.training.model import TrainedModel
from tfbert.training.step import check_features

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.models.stand_in import StandIn


class TextModel(Saving, TrainedModel):
    """A task on an encoder that answers texts. `TaskModel` and `Pretrainer` add training, each on its own kind of data.

    Args:
        task: the `Task`.
        encoder: an `Encoder`, or the configuration of one with random weights.
        dtype: of the computation, such as "mixed_bfloat16".
    """

    def __init__(self, task: Task, encoder: Encoder | EncoderConfig, *, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(dtype=dtype, **kwargs)
        if not isinstance(encoder, Encoder):
            encoder = families.encoder_of(encoder, dtype=dtype, name="encoder")
            encoder.build()
        self.task = task
        self.network = task.head(encoder)
        self.load_report, self.callers = None, 1
        self.stand_in: StandIn | None = None
        self.built = True

    @property
    def encoder(self) -> Encoder:
        """The encoder in the network."""
        return next(layer for layer in self.network.layers if isinstance(layer, Encoder))

    def __call__(self, features: Any, *args: Any, **kwargs: Any) -> Any:
        check_features(features)
        return super().__call__(features, *args, **kwargs)

    def only_predicts(self, callers: int = 1, stand_in: StandIn | None = None) -> None:
        """Prepares for `predict` of texts alone, until `compile`: what depends on weights alone is computed once.

        The weights must stay as they are.

        Args:
            callers: batches that `predict` computes at once. As many as processors are fastest where TensorFlow has one
                intra-op thread (`tf.config.threading.set_intra_op_parallelism_threads`).
            stand_in: what computes the outputs in place of `network`; so many threads call it at once.
        """
        self._functions, self._derived, self.callers, self.stand_in = {}, {}, callers, stand_in

    def compile(self, optimizer: Any, **kwargs: Any) -> None:
        """As Keras' `compile`; the network computes by itself again."""
        self.stand_in = None
        super().compile(optimizer, **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: str | int = "auto", **kwargs: Any) -> Any:
        """The answers to texts, or the network's outputs for features.

        Args:
            x: texts: a `Table`, a DataFrame, lists of strings, a list of dicts, a dict of columns; or features: a dict
                of tensors with token_ids, a `tf.data.Dataset`, a generator.
            batch_size: texts computed at once; by default 32, or more if they are short.
            kwargs: of Keras' `predict`, for features.

        Returns: for texts a list of dicts, one per text, as the task's `readable` makes them. For features what Keras'
            `predict` returns: arrays of the outputs.
        """
        table = inputs.to_table(x, None, self.task)
        if table is None:
            features = inputs.to_features(x, self.task)
            self.drop_stale_functions()
            outputs = super().predict(features, batch_size=batch_size, verbose=verbose, **kwargs)
            return self._of_one_batch(outputs)
        inputs.check_read(table, self.task)
        inputs.refuse(kwargs, "predict")
        return self.answers_to(table, batch_size, verbose)

    def _of_one_batch(self, outputs):
        """Keras concatenates the outputs of all batches; of an output without rows, this keeps the first copy only."""
        if isinstance(outputs, dict):
            for name in outputs:
                if not self.task.has_rows(name):
                    outputs[name] = outputs[name][: self.network.output[name].shape[0]]
        return outputs

    def answers_to(self, table: Table, batch_size: int | None, verbose: str | int) -> list[dict[str, Any]]:
        """The readable answers to a table: a list of dicts, as `predict` returns."""
        if not len(table):
            return []
        answers: list[dict] = [{}] * len(table)
        examples = self.task.examples(table, labelled=False)
        for example_ids, values in answers_in_batches(self, examples, len(table), batch_size, verbose=verbose):
            for i, readable in zip(example_ids, self.task.readable(values), strict=True):
                answers[i] = readable
        return answers

    def answer(self, example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Columns [B] -> the task's answer as tensors, in graph operations: what is served."""
        features = self.task.features(example)
        outputs = self(features, training=False) if self.stand_in is None else self._outputs_of(self.stand_in, features)
        return self.task.answer(example, features, outputs)

    def _outputs_of(self, stand_in, features):
        """What a stand-in for the network computes, in the graph."""
        shapes = {name: output.shape for name, output in self.task.named(self.network.output).items()}
        names = tuple(self.network.input)

        def outputs(*values):
            found = stand_in(dict(zip(names, values, strict=True)))
            return [found[name] for name in shapes]

        given = [features[name] for name in names]
        found = tf.numpy_function(outputs, given, [tf.float32] * len(shapes))
        named = {name: tf.ensure_shape(value, shapes[name]) for name, value in zip(shapes, found, strict=True)}
        return self.task.as_head(named)
