"""The loop of an evaluation: on one device, or shared out among all replicas of all hosts. B batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfbert.data import columns
from tfbert.data.batching.static_shapes import IS_REAL, real
from tfbert.training.replicas import is_shared
from tfbert.training.step import is_static
from tfbert.training.strategy import across_hosts, num_hosts

if TYPE_CHECKING:
    from tfbert.data.batching.batches import Batches
    from tfbert.training.model import TrainedModel

Answer = dict[str, np.ndarray]


def evaluated(model: TrainedModel, batches: Batches) -> Iterator[tuple[dict[str, Any], Answer, np.ndarray]]:
    """Yields, batch by batch, (running metrics, answers, the numbers of the examples that they are to).

    On several replicas each takes a batch of its own, and those of this host are yielded.
    """
    strategy = model.distribute_strategy
    if not is_shared(strategy):

        def evaluate_and_answer(example, features, target):
            logs, outputs = model.step.evaluate((features, target))
            return logs, _answer(model, example, features, outputs)

        dataset = batches.once()
        step = model.traced("evaluate", evaluate_and_answer, *dataset.element_spec)
        for example_ids, batch in zip(batches.plan(0), dataset, strict=True):
            logs, answer = step(*batch)
            yield logs, _arrays(answer), example_ids
        return
    contexts = []

    def shared_out(context):
        contexts.append(context)
        return batches.once(context)

    # Strings stay with the host, where the answers are made; replicas take what the network and the loss read.
    options = tf.distribute.InputOptions(experimental_fetch_to_device=False)
    iterator = iter(strategy.distribute_datasets_from_function(shared_out, options))
    step = model.traced("evaluate on replicas", _step_on_replicas(model))
    answer_of = model.traced("answer of outputs", lambda *batch: _answer(model, *batch))
    (context,) = contexts
    own = strategy.num_replicas_in_sync // context.num_input_pipelines
    first = context.input_pipeline_id * own
    plan = batches.plan(0)
    for start in range(0, len(plan), strategy.num_replicas_in_sync):
        logs, of_replicas = step(iterator)
        for i, of_replica in enumerate(of_replicas):
            number = start + first + i
            if number < len(plan):  # else this replica has had none
                yield logs, _arrays(answer_of(*of_replica)), plan[number]


def joined(strategy: tf.distribute.Strategy, answers: list[Answer], example_ids: list[np.ndarray]) -> Answer:
    """Answers of all batches of all hosts as one dict of arrays in the order of the data, the same on every host.

    Args:
        answers: of this host's batches.
        example_ids: the numbers of the examples in these batches.
    """
    order = np.concatenate(example_ids) if example_ids else np.zeros(0, np.int64)
    own = columns.collected(answers, slice(None)) if answers else {}
    if num_hosts(strategy) == 1:
        return {name: values[np.argsort(order)] for name, values in own.items()}
    parts = [_unpacked(part) for part in _of_all_hosts(strategy, _packed({**own, _EXAMPLE_IDS: order}))]
    order = np.argsort(np.concatenate([part.pop(_EXAMPLE_IDS) for part in parts]))
    return columns.collected([part for part in parts if part], order)


_EXAMPLE_IDS = "number of the row"  # no answer has this name


def _answer(model, example, features, outputs):
    """The task's answer, without padding rows."""
    task = model.task
    if is_static(features):
        is_real, named = features[IS_REAL], task.named(outputs)
        rows = {name: value for name, value in named.items() if task.has_rows(name)}
        features, rows = real((features, rows), is_real)
        outputs = task.as_head({**named, **rows})
    return task.answer(example, features, outputs)


def _step_on_replicas(model):
    """A function of an iterator: one step on all replicas, the logs of the first, and of each what it answers from."""
    strategy = model.distribute_strategy

    def step(iterator):
        example, features, target = next(iterator)
        logs, outputs = strategy.run(model.step.evaluate, args=(model.what_devices_read(features, target),))
        logs = {name: _local(strategy, value)[0] for name, value in logs.items()}
        parts = [_local_structures(strategy, part) for part in (example, features)]
        named = _local_structures(strategy, model.task.named(outputs))
        return logs, list(zip(*parts, map(model.task.as_head, named), strict=True))

    return step


def _local(strategy, value):
    return strategy.experimental_local_results(value)


def _local_structures(strategy, values):
    of_replicas = {name: _local(strategy, value) for name, value in values.items()}
    return [dict(zip(of_replicas, of_one, strict=True)) for of_one in zip(*of_replicas.values(), strict=True)]


def _arrays(answer):
    return {name: value.numpy() for name, value in answer.items()}


def _packed(arrays):
    """Arrays, of strings too, as bytes."""
    values = [tf.io.serialize_tensor(tf.convert_to_tensor(value)) for value in arrays.values()]
    names = [f"{name}\n{tf.convert_to_tensor(value).dtype.name}" for name, value in arrays.items()]
    return tf.io.serialize_tensor(tf.stack([names, values]) if names else tf.zeros([2, 0], tf.string)).numpy()


def _unpacked(packed):
    names, values = tf.io.parse_tensor(packed, tf.string).numpy()
    parts = (name.decode().split("\n") for name in names)
    return {name: tf.io.parse_tensor(value, dtype).numpy() for (name, dtype), value in zip(parts, values, strict=True)}


def _of_all_hosts(strategy, packed):
    """The bytes of each host, in the order of the hosts; every host calls it at the same point."""
    sizes = across_hosts(strategy, len(packed))
    # Collectives know no strings and no bytes.
    numbers = np.frombuffer(packed + b"\0" * (-len(packed) % 4), np.int32)
    empty = numbers[:0]
    mine = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(numbers if _is_first_of_host(strategy, context) else empty)
    )
    everything, parts = strategy.gather(mine, axis=0).numpy(), []
    for size in sizes:
        length = -(-size // 4)
        parts.append(everything[:length].tobytes()[:size])
        everything = everything[length:]
    return parts


def _is_first_of_host(strategy, context):
    return context.replica_id_in_sync_group % (strategy.num_replicas_in_sync // num_hosts(strategy)) == 0
