"""TaskModel: what every task's Keras model does. B batch, W windows, S sequence."""

import warnings

import keras
import tensorflow as tf

from tfbert.data.batches import SAMPLE_WEIGHT, Batches
from tfbert.data.static_shapes import IS_REAL
from tfbert.encoder import BertEncoder
from tfbert.models import inputs
from tfbert.models.answering import BATCH_SIZE, Answering, refuse
from tfbert.models.saving import Saving
from tfbert.training.optimizer import AdamW
from tfbert.training.replicas import is_shared, takes_summed_gradients
from tfbert.training.train_step import TrainStep, is_static
from tfbert.training.validation import Validation

WINDOWS_AT_ONCE = 64  # of long texts, outside of training: a book's memory is that of these


class TaskModel(Answering, Saving, TrainStep, keras.Model):
    """A `Task` on an encoder. A task's own class names its `task_class` and is otherwise empty.

    Args:
        task: the `Task`.
        encoder: a `BertEncoder`, or its `BertConfig` for random weights.

    `call` takes features (`task.features` of strings) and gives the head's outputs; `fit`, `evaluate` and
    `predict` take strings as well: a `Table`, lists, dicts of columns, a `tf.data.Dataset`.
    """

    def __init__(self, task, encoder, *, dtype=None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        if not isinstance(encoder, BertEncoder):
            encoder = BertEncoder(encoder, dtype=dtype, name="encoder")
            encoder.build()
        self.task = task
        self.network = task.head(encoder)
        self.load_report = None
        self.built = True
        self._functions = {}

    @property
    def encoder(self):
        return next(layer for layer in self.network.layers if isinstance(layer, BertEncoder))

    def call(self, features, training=False):
        inputs = {name: features[name] for name in self.network.input}
        if training or not self.task.reads_windows:
            return self.network(inputs, training=training)
        parts = tf.maximum(1, -(-tf.shape(inputs["token_ids"])[0] // WINDOWS_AT_ONCE))  # without windows, one

        def part(i, outputs):
            cut = {name: value[i * WINDOWS_AT_ONCE : (i + 1) * WINDOWS_AT_ONCE] for name, value in inputs.items()}
            return i + 1, outputs.write(i, self.network(cut, training=False))

        shape = self.network.output.shape
        outputs = tf.TensorArray(tf.float32, parts, infer_shape=False, element_shape=shape)
        _, outputs = tf.while_loop(lambda i, _: i < parts, part, (0, outputs), parallel_iterations=1)
        return tf.ensure_shape(outputs.concat(), shape)

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
        super().compile(
            optimizer=AdamW() if optimizer is None else optimizer,
            loss=self.task.loss() if loss is None else loss,
            metrics=self.task.keras_metrics() if metrics is None else metrics,
            **kwargs,
        )
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

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_data=None,
        shuffle=True,
        *,
        seed=0,
        total_steps=None,
        steps_per_epoch=None,
        initial_epoch=0,
        validation_batch_size=None,
        validation_freq=1,
        validation_steps=None,
        sample_weight=None,
        **kwargs,
    ):
        """As Keras' `fit`, on strings.

        Args:
            x: a `Table` or pandas DataFrame with labels; strings with `y` (names or numbers); pairs as a tuple or
                dict of two lists; or a `tf.data.Dataset` of (strings or features, target).
            sample_weight: float [rows], of each row in the loss, for text classifiers.
            seed: the order of the batches is a function of it and of the epoch.
            total_steps: what the learning-rate schedule spans from step 0, where a run is fitted in pieces. Without
                it and `steps_per_epoch`, data of unknown size are trained on at the peak rate.
        """
        if validation_data is not None:
            *given, weight = inputs.validation(validation_data)
            size = validation_batch_size or batch_size
            data = self._batches(*given, size, shuffle=False, sample_weight=weight)
            if isinstance(data, Batches):
                refuse({"validation_steps": validation_steps}, "fit")
            callbacks = [Validation(data, validation_freq, validation_steps), *(callbacks or [])]
        data = self._batches(x, y, batch_size, shuffle=shuffle, seed=seed, training=True, sample_weight=sample_weight)
        if isinstance(data, Batches):
            steps_per_epoch = steps_per_epoch or data.steps_per_epoch
            data = self.on_all_replicas(data, initial_epoch * steps_per_epoch)
        self._plan(data, epochs - initial_epoch, steps_per_epoch, total_steps)
        self.steps_of_epoch = steps_per_epoch
        return super().fit(
            data,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            steps_per_epoch=steps_per_epoch,
            initial_epoch=initial_epoch,
            shuffle=False,  # done; Keras warns otherwise
            **kwargs,
        )

    def on_all_replicas(self, batches, start_step):
        """The endless data set of batches from a step on, each shared out among the replicas."""
        if not is_shared(self.distribute_strategy):
            return batches.repeated(start_step).map(self.what_devices_read)
        return self.distribute_strategy.distribute_datasets_from_function(
            lambda context: batches.repeated(start_step, context).map(self.what_devices_read)
        )

    def what_devices_read(self, features, *others):
        """A batch without what only answers are made from."""
        read = {*self.network.input, "rows", IS_REAL, SAMPLE_WEIGHT}
        return {name: value for name, value in features.items() if name in read}, *others

    def _plan(self, data, epochs, steps_per_epoch, total_steps):
        """Spans the optimizer's schedule over a `fit`; of data of unknown size the rate is the peak, with a warning."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not isinstance(optimizer, AdamW) or not optimizer.is_planned:
            return
        if steps_per_epoch is None and isinstance(data, tf.data.Dataset):
            size = int(data.cardinality())
            steps_per_epoch = size if size >= 0 else None
        if total_steps is not None:
            changed = optimizer.plan(total_steps, start=0)
        elif steps_per_epoch is not None:
            changed = optimizer.plan(steps_per_epoch * epochs)
        else:
            changed = optimizer.plan(None)
            warnings.warn(
                "the data set does not say how many batches it has, so the learning rate stays at its peak of "
                f"{float(optimizer.learning_rate):g}, without warm-up and decay; give steps_per_epoch or total_steps",
                stacklevel=3,
            )
        if changed:
            self.make_train_function(force=True)  # the schedule's numbers are part of the traced step

    def _batches(self, x, y, batch_size, *, shuffle, seed=0, training=False, sample_weight=None):
        if isinstance(x, tf.data.Dataset) and sample_weight is not None:
            raise TypeError("a data set brings its sample weights along: (strings or features, target, weight)")
        if isinstance(x, (Batches, tf.distribute.DistributedDataset)):
            return x
        table = inputs.to_table(x, y, self.task)
        if table is None:
            if not isinstance(x, tf.data.Dataset):
                raise inputs.unreadable(x)
            dataset = inputs.featurized(x, self.task)
            features = dataset.element_spec[0] if isinstance(dataset.element_spec, tuple) else dataset.element_spec
            if self.distribute_strategy.num_replicas_in_sync > 1 and "rows" in features:
                # TensorFlow cuts batches row by row, and rows of one example would come apart.
                raise TypeError("on several replicas this task takes a Table or lists of strings, no tf.data.Dataset")
            return dataset
        examples = self.task.examples(table, training=training)
        return Batches(
            examples,
            self.task.features,
            self.task.target,
            batch_size=batch_size or BATCH_SIZE,
            shuffle=shuffle,
            seed=seed,
            sample_weight=inputs.sample_weights(sample_weight, len(table), self.task),
        )


def _texts(x):
    """How many texts the windows of a batch are from; 1 where there are none, as on a replica without a row."""
    rows = x["rows"]  # in order, and of a part of a batch not from 0
    return tf.where(tf.size(rows) > 0, tf.reduce_max(rows) - tf.reduce_min(rows) + 1, 1)
