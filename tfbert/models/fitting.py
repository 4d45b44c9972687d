"""How a task model is given its batches, to train on them or to evaluate. B batch."""

import warnings

import tensorflow as tf

from tfbert.data.batching.batches import SAMPLE_WEIGHT, Batches
from tfbert.data.batching.static_shapes import IS_REAL
from tfbert.models import inputs
from tfbert.models.answering import BATCH_SIZE, refuse
from tfbert.tasks.task import check_trainable
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.replicas import is_shared
from tfbert.training.validation import Validation


class Fitting:
    """Mixin before `keras.Model`, for a model with a `task`: `fit` on strings."""

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
        validation_split=0.0,
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
            validation_split: the share of the rows, the last ones, to validate on instead of `validation_data`.
            sample_weight: float [rows], of each row in the loss, for text classifiers.
            seed: the order of the batches is a function of it and of the epoch.
            total_steps: what the learning-rate schedule spans from step 0, where a run is fitted in pieces. Without
                it and `steps_per_epoch`, data of unknown size are trained on at the peak rate.
        """
        self._assert_compile_called("fit")
        if validation_split and validation_data is None:
            x, sample_weight, validation_data = inputs.split(x, y, sample_weight, validation_split, self.task)
            y = None
        if validation_data is not None:
            *given, weight = inputs.validation(validation_data)
            size = batch_size if validation_batch_size is None else validation_batch_size
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
        read = {*self.task.inputs(self.encoder), "rows", IS_REAL, SAMPLE_WEIGHT}
        return {name: value for name, value in features.items() if name in read}, *others

    def _plan(self, data, epochs, steps_per_epoch, total_steps):
        """Spans the optimizer's schedule over a `fit`; of data of unknown size the rate is the peak, with a warning."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not isinstance(optimizer, AdamW) or not optimizer.is_planned:
            return
        if steps_per_epoch is None and isinstance(data, tf.data.Dataset):
            size = int(data.cardinality())
            steps_per_epoch = size if size >= 0 else None
        start = None if total_steps is None else 0
        if total_steps is None and steps_per_epoch is not None:
            total_steps = steps_per_epoch * epochs
        with self.distribute_strategy.scope():  # it may make a variable, which each replica reads
            changed = optimizer.plan(total_steps, start)
        if total_steps is None:
            warnings.warn(
                "the data set does not say how many batches it has, so the learning rate stays at its peak of "
                f"{float(optimizer.learning_rate):g}, without warm-up and decay; give steps_per_epoch or total_steps",
                stacklevel=3,
            )
        if changed:
            self.make_train_function(force=True)  # the schedule is part of the traced step

    def _batches(self, x, y, batch_size, *, shuffle, seed=0, training=False, sample_weight=None):
        if isinstance(x, tf.data.Dataset) and sample_weight is not None:
            raise TypeError("a data set brings its sample weights along: (strings or features, target, weight)")
        if isinstance(x, (Batches, tf.distribute.DistributedDataset)):
            return x
        check_trainable(self.task, "training and evaluation")
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
            batch_size=BATCH_SIZE if batch_size is None else batch_size,
            shuffle=shuffle,
            seed=seed,
            sample_weight=inputs.sample_weights(sample_weight, len(table), self.task),
        )
