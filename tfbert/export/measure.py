"""What each exported file costs and keeps: latency, and the task's metrics on labelled data. B texts."""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tqdm

from tfbert.data import columns
from tfbert.data.batching.batches import Batches

if TYPE_CHECKING:
    from tfbert.export.artifact import Variant
    from tfbert.export.golden import Case
    from tfbert.models.task_model import TaskModel
    from tfbert.tasks.task import TrainableTask

_BATCH_SIZE = 32
_ROUNDS, _WARM = 20, 3


@dataclasses.dataclass
class Figures:
    """Of one variant: metrics by name (None where not measured), and milliseconds for one text."""

    metrics: dict | None
    milliseconds: float


def measure(
    model: TaskModel,
    variants: Sequence[Variant],
    cases: dict[str, Case],
    examples: Mapping[str, Any] | None = None,
) -> list[Figures]:
    """`Figures` of each variant: metrics where there are labelled `examples`, latencies in any case.

    A file is asked by strings where it takes them; else the task's own code tokenizes and decodes, and the latency is
    that of the network alone. Latencies are medians of rounds in which all variants take turns.
    """
    metrics = [None] * len(variants)
    if examples is not None:
        task: Any = model.task  # a TrainableTask, as it has labelled examples
        batches = Batches(examples, task.features, task.target, batch_size=_BATCH_SIZE, shuffle=False)
        metrics = [_metrics(task, variant, batches) for variant in variants]
    case = cases["serving_default"]
    calls = [_of_one_text(model.task, variant, case) for variant in variants]
    times: list[list[float]] = [[] for _ in variants]
    for i in range(_WARM + _ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            if i >= _WARM:
                taken.append(time.perf_counter() - began)
    return [Figures(values, 1e3 * statistics.median(taken)) for values, taken in zip(metrics, times, strict=True)]


def processors() -> int:
    """How many processors this process may run on; latencies are of so many."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _metrics(task, variant, batches):
    """The task's metrics, or None where the file has no signature of what the data are, such as of triplets."""
    collected = []
    description = f"{variant.path.name}, {variant.precision}"
    for example, features, *_ in tqdm.tqdm(
        batches.once(), total=batches.steps_per_epoch, desc=description, leave=False, disable=None
    ):
        answers = _answers(task, variant, example, features)
        if answers is None:
            return None
        collected.append(answers)
    back = np.argsort(np.concatenate(batches.plan(0)))
    return task.metrics(batches.examples, columns.collected(collected, back))


def _answers(task, variant, example, features):
    if variant.network is not None:
        outputs = variant.network({name: value.numpy() for name, value in features.items()})
        outputs = task.as_head({name: tf.constant(values) for name, values in outputs.items()})
        answers = task.answer(example, features, outputs)
        return {name: value.numpy() for name, value in answers.items()}
    name = signature_of(task, example)
    if name is None:
        return None
    given = {column: example[column] for column in task.signatures[name]}
    return variant.signatures[name](
        {
            column: (value.to_tensor("") if isinstance(value, tf.RaggedTensor) else value).numpy()
            for column, value in given.items()
        }
    )


def signature_of(task: TrainableTask, example: dict[str, Any]) -> str | None:
    """The signature that takes all texts of an example; None where there is none."""
    texts = {name for name, value in example.items() if value.dtype == tf.string and name != task.target_column}
    fitting = [name for name, columns_ in task.signatures.items() if texts <= columns_.keys() <= example.keys()]
    return max(fitting, key=lambda name: len(task.signatures[name]), default=None)


def _of_one_text(task, variant, case):
    """A call without arguments for the first golden example alone."""
    inputs = {name: values[:1] for name, values in case.inputs.items()}
    if "serving_default" in variant.signatures:
        return lambda: variant.signatures["serving_default"](inputs)
    features = task.features({name: tf.constant(values) for name, values in inputs.items()})
    features = {name: value.numpy() for name, value in features.items()}
    return lambda: variant.network(features)
