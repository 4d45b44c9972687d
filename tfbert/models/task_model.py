"""TaskModel: what every task's Keras model does. B batch, W windows, S sequence."""

import keras
import tensorflow as tf

from tfbert.encoders import families
from tfbert.encoders.encoder import Encoder
from tfbert.models.answering import Answering
from tfbert.models.fitting import Fitting
from tfbert.models.saving import Saving
from tfbert.tasks.task import TrainableTask
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.outputs import OutputsOfParts
from tfbert.training.replicas import takes_summed_gradients
from tfbert.training.step import TrainStep, check_features, is_static

WINDOWS_AT_ONCE = 64  # of long texts, outside of training: a book's memory is that of these


class TaskModel(Fitting, Answering, Saving, TrainStep, keras.Model):
    """A `Task` on an encoder. A task's own class names its `task_class` and is otherwise empty.

    Args:
        task: the `Task`.
        encoder: an `Encoder`, or the configuration of one with random weights.

    `call` takes features (`task.features` of strings) and gives the head's outputs; `fit`, `evaluate` and
    `predict` take strings as well: a `Table`, lists, dicts of columns, a `tf.data.Dataset`.
    """

    def __init__(self, task, encoder, *, dtype=None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        if not isinstance(encoder, Encoder):
            encoder = families.encoder_of(encoder, dtype=dtype, name="encoder")
            encoder.build()
        self.task = task
        self.network = task.head(encoder)
        self.load_report = None
        self.built = True
        self._functions = {}

    @property
    def encoder(self):
        return next(layer for layer in self.network.layers if isinstance(layer, Encoder))

    def __call__(self, features, *args, **kwargs):
        check_features(features)
        return super().__call__(features, *args, **kwargs)

    def call(self, features, training=False):
        inputs = {name: features[name] for name in self.network.input}
        if training or not self.task.reads_windows:
            return self.network(inputs, training=training)
        parts = tf.maximum(1, -(-tf.shape(inputs["token_ids"])[0] // WINDOWS_AT_ONCE))  # without windows, one

        of_parts = OutputsOfParts(self.task, self.network)

        def part(i, outputs):
            cut = {name: value[i * WINDOWS_AT_ONCE : (i + 1) * WINDOWS_AT_ONCE] for name, value in inputs.items()}
            return i + 1, of_parts.with_part(outputs, i, self.network(cut, training=False))

        start = (0, of_parts.empty(parts))
        _, outputs = tf.while_loop(lambda i, _: i < parts, part, start, parallel_iterations=1)
        return of_parts.joined(outputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not (self._task_loss and len(self.task.outputs) > 1):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        # Keras would ask for a loss of each output; a task's own takes all of them.
        return self.loss(y, y_pred, sample_weight) + sum(self.losses)

    # training

    def parts(self, x):
        """`accumulation`, or more of long texts: a part has at most twice as many windows as texts go to a part."""
        if not self.task.reads_windows or "rows" not in x or is_static(x):
            return self.accumulation
        windows, texts = tf.shape(x["rows"])[0], _texts(x)
        return tf.maximum(self.accumulation, -(-windows * self.accumulation // (2 * texts)))

    def rows_together(self, x):
        """Of windows each stands alone; of an example's several texts all go together, equally many of each."""
        if self.task.reads_windows or "rows" not in x:
            return 1
        return tf.maximum(1, tf.shape(x["rows"])[0] // _texts(x))

    def terms(self, x, y):
        own = self._own_terms(y)
        return super().terms(x, y) if own is None else own

    def real_terms(self, x, y):
        own = self._own_terms(y)
        return super().real_terms(x, y) if own is None else own

    def filler_weights(self, x, y):
        return super().filler_weights(x, y) if self._own_terms(y) is None else None  # fillers have none of its terms

    def _own_terms(self, y):
        return self.task.loss_terms(y) if self._task_loss else None

    def compile(self, optimizer=None, loss=None, metrics=None, *, accumulation=1, **kwargs):
        """As Keras'; optimizer, loss and metrics default to `AdamW` and the task's own.

        The task's own metrics are those of the field, over all examples of an `evaluate`; Keras' callbacks
        know the direction of `val_accuracy` and `val_loss` only: give them `mode="max"` for the others.

        Args:
            accumulation: parts that a batch is computed in, to bound memory; the step is the same.
        """
        if accumulation < 1:
            raise ValueError(f"accumulation must be positive, not {accumulation}")
        self.accumulation = accumulation
        self._task_metrics, self._task_loss = not metrics, loss is None
        self._functions = {}
        # XLA would compile anew for each length that a batch is padded to.
        kwargs.setdefault("jit_compile", False)
        trainable = isinstance(self.task, TrainableTask)
        if metrics is None:
            metrics = self.task.keras_metrics() if trainable else []
        if self._task_loss and trainable:
            loss = self.task.loss()
        takes_all_outputs = self._task_loss and len(self.task.outputs) > 1
        super().compile(
            optimizer=AdamW() if optimizer is None else optimizer,
            loss=None if takes_all_outputs else loss,
            metrics=metrics,
            **kwargs,
        )
        if takes_all_outputs:
            self.loss, self._compile_loss = loss, None  # and none of an earlier compile
        if self.distribute_strategy.num_replicas_in_sync > 1:
            takes_summed_gradients(self.optimizer)

    def get_compile_config(self):
        config = super().get_compile_config()
        if not config:
            return config
        config["accumulation"] = self.accumulation
        # The task's own, as objects in the file, would be the user's in the loaded model.
        if self._task_loss:
            config["loss"] = None
        if self._task_metrics and config["metrics"]:  # the user's own [] keeps none running
            config["metrics"] = None
        return config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


def _texts(x):
    """How many texts the windows of a batch are from; 1 where there are none, as on a replica without a row."""
    rows = x["rows"]  # in order, and of a part of a batch not from 0
    return tf.where(tf.size(rows) > 0, tf.reduce_max(rows) - tf.reduce_min(rows) + 1, 1)
