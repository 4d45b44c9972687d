"""What each exported file costs and keeps: latency, and the task's metrics on labelled data. B texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tqdm

from tfbert.data import columns
from tfbert.data.batching.batches import Batches
from tfbert.export import latency

if TYPE_CHECKING:
    from tfbert.export.artifact import Variant
    from tfbert.export.golden import Case
    from tfbert.models.task_model import TaskModel
    from tfbert.tasks.task import TrainableTask

_BATCH_SIZE = 32


@dataclasses.dataclass
class Figures:
    """Of one variant: metrics by name, and milliseconds for one text; None where not measured."""

    metrics: dict | None
    milliseconds: float | None


def measure(
    model: TaskModel,
    variants: Sequence[Variant],
    cases: dict[str, Case],
    examples: Mapping[str, Any] | None = None,
) -> list[Figures]:
    """`Figures` of each variant: metrics where there are labelled `examples`, latencies in any case.

    A file is asked by strings where it takes them; else the task's own code tokenizes and decodes, and the latency is
    that of the network alone. Each latency is taken in a process of its own (`latency`).
    """
    metrics = [None] * len(variants)
    if examples is not None:
        task: Any = model.task  # a TrainableTask, as it has labelled examples
        batches = Batches(examples, task.features, task.target, batch_size=_BATCH_SIZE, shuffle=False)
        metrics = [_metrics(task, variant, batches) for variant in variants]
    first = {name: values[:1] for name, values in cases["serving_default"].inputs.items()}
    figures = []
    for values, variant in zip(metrics, tqdm.tqdm(variants, desc="latencies", leave=False, disable=None), strict=True):
        figures.append(Figures(values, _milliseconds(model, variant, first)))
    return figures


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


def _milliseconds(model, variant, inputs):
    """Of a variant, for one text."""
    if "serving_default" in variant.signatures:
        return latency.milliseconds(variant.format, variant.path, "serving_default", inputs)
    features = model.task.features({name: tf.constant(values) for name, values in inputs.items()})
    features = {name: features[name].numpy() for name in model.task.inputs(model.encoder)}
    return latency.milliseconds(variant.format, variant.path, "ids", features)
