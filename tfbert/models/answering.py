"""What a task model does once it is trained: evaluate, predict, answer. B batch, W windows, S sequence."""

import keras
import numpy as np
import tensorflow as tf
import tqdm

from tfbert.data import columns
from tfbert.data.batching.batches import ROWS_PER_LENGTH_CALL, Batches, tokens_and_windows
from tfbert.data.batching.static_shapes import IS_REAL, real
from tfbert.models import inputs
from tfbert.training.evaluation import evaluated, joined
from tfbert.training.step import is_static
from tfbert.training.strategy import num_hosts

_TOKENS_OF_SHORT_TEXTS = 4096  # of a batch; from 2,000 on a token costs about the same on two cores
BATCH_SIZE = 32  # where `fit`, `evaluate` and `predict` are given none; Keras' own default


class Answering:
    """Mixin before `keras.Model`, for a model with a `task`: evaluation and prediction on strings."""

    # evaluation

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        callbacks=None,
        return_dict=False,
        *,
        sample_weight=None,
        **kwargs,
    ):
        """Loss, the metrics given to `compile` or else the task's own, over a labelled data set.

        `sample_weight` weighs the loss and Keras' `weighted_metrics`, not the task's own. On a `tf.data.Dataset` it
        takes what Keras' takes, such as `steps`.
        """
        self._assert_compile_called("evaluate")
        data = self._batches(x, y, batch_size, shuffle=False, sample_weight=sample_weight)
        if not isinstance(data, Batches):
            return super().evaluate(data, verbose=verbose, callbacks=callbacks, return_dict=return_dict, **kwargs)
        refuse(kwargs, "evaluate")
        logs, _ = self.evaluate_answers(data, verbose=verbose, callbacks=callbacks)
        return logs if return_dict else list(logs.values())

    def evaluate_answers(self, batches, *, verbose=0, callbacks=None):
        """The metrics, and the answers to the examples in the order of the data: a dict of arrays."""
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.callbacks.CallbackList(callbacks, model=self)
        self.reset_metrics()
        callbacks.on_test_begin()
        answers, rows, own_steps = [], [], -(-batches.steps_per_epoch // num_hosts(self.distribute_strategy))
        found = _progress(evaluated(self, batches), own_steps, verbose, "evaluate")
        for i, (logs, answer, numbers) in enumerate(found):
            callbacks.on_test_batch_begin(i)
            answers.append(answer)
            rows.append(numbers)
            callbacks.on_test_batch_end(i, logs)
        logs = {name: float(value) for name, value in self.get_metrics_result().items()}
        answers = joined(self.distribute_strategy, answers, rows)
        if self._task_metrics:
            logs.update(self.task.metrics(batches.examples, answers))
        callbacks.on_test_end(logs)
        return logs, answers

    def evaluate_and_answer(self, example, features, target):
        """A batch's (running metrics, answers)."""
        logs, outputs = self.evaluate_step((features, target))
        return logs, self.answer_of_outputs(example, features, outputs)

    def answer_of_outputs(self, example, features, outputs):
        """The task's answer, of a batch of static shape too."""
        if is_static(features):
            is_real, named = features[IS_REAL], self.task.named(outputs)
            rows = {name: value for name, value in named.items() if self.task.has_rows(name)}
            features, rows = real((features, rows), is_real)
            outputs = self.task.as_head({**named, **rows})
        return self.task.answer(example, features, outputs)

    # prediction

    def predict(self, x, batch_size=None, verbose="auto", **kwargs):
        """Answers for strings, as a list of dicts; on features (a dict of tensors, a Dataset) Keras' outputs."""
        table = inputs.to_table(x, None, self.task)
        if table is None:
            x = inputs.to_features(x, self.task)
            outputs = super().predict(x, batch_size=batch_size, verbose=verbose, **kwargs)
            if isinstance(outputs, dict):  # Keras joins the batches' also where they have no rows, and are all alike
                for name in outputs:
                    if not self.task.has_rows(name):
                        outputs[name] = outputs[name][: self.network.output[name].shape[0]]
            return outputs
        refuse(kwargs, "predict")
        size = len(table)
        if not size:
            return []
        examples = self.task.examples(table, labelled=False)
        answer = self.traced("answer", self.answer, columns.specs(examples))
        answers = [None] * size
        batches = self.batches_of_like_length(examples, size, batch_size)
        for rows in _progress(batches, len(batches), verbose, "predict"):
            example = {name: columns.tensor([column[i] for i in rows]) for name, column in examples.items()}
            values = {name: value.numpy() for name, value in answer(example).items()}
            for row, readable in zip(rows, self.task.readable(values), strict=True):
                answers[row] = readable
        return answers

    def batches_of_like_length(self, examples, size, batch_size=None):
        """The row numbers of each batch of `size` rows: those of like many tokens, so that they pad little.

        A batch has `batch_size` rows; without one 32, and more of short texts, which a processor is not busy with.
        """
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be positive, not {batch_size}")
        if size <= (batch_size or BATCH_SIZE):
            return [np.arange(size)]

        def tokens(example):
            rows = tf.shape(next(iter(example.values())))[0]
            return tokens_and_windows(self.task.features(example), rows)[:, 0]

        count = self.traced("lengths", tokens, columns.specs(examples))
        counted = []
        for start in range(0, size, ROWS_PER_LENGTH_CALL):
            part = slice(start, start + ROWS_PER_LENGTH_CALL)
            counted.append(count({name: columns.tensor(values[part]) for name, values in examples.items()}))
        lengths = np.concatenate(counted)
        order = np.argsort(-lengths, kind="stable")
        batches, start = [], 0
        while start < size:
            rows = batch_size or max(BATCH_SIZE, _TOKENS_OF_SHORT_TEXTS // max(1, int(lengths[order[start]])))
            batches.append(order[start : start + rows])
            start += rows
        return batches

    def answer(self, example):
        """Columns [B] -> the task's answer as tensors, in graph operations: what is served."""
        features = self.task.features(example)
        return self.task.answer(example, features, self(features, training=False))

    # what they trace

    def traced(self, name, python_function, *specs):
        """A traced function, kept until `compile` or a new task makes it stale.

        With `specs` of its arguments, of which sizes may be None, it is traced once for all sizes.
        """
        if name not in self._functions:
            self._functions[name] = tf.function(python_function, reduce_retracing=True, autograph=False)
            if specs:
                self._functions[name].get_concrete_function(*specs)
        return self._functions[name]

    def set_task(self, task):
        """Replaces the task by one with other thresholds; the network stays."""
        self.task, self._functions = task, {}


def refuse(kwargs, verb):
    """Raises TypeError for arguments that would go unread."""
    given = [name for name, value in kwargs.items() if value is not None]
    if given:
        raise TypeError(f"{verb} on a Table or lists of strings takes no {', '.join(given)}")


def _progress(iterable, total, verbose, description):
    """A bar where someone looks on: "auto" is no bar for what a moment does."""
    shown = total > 20 if verbose == "auto" else bool(verbose)
    return tqdm.tqdm(iterable, total=total, desc=description, disable=not shown, leave=False)
