"""Where a run is trained: the `tf.distribute` strategy of this machine, of hosts, of a TPU."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import tensorflow as tf

from tfbert.errors import ConfigError, DiskError, TrainingError
from tfbert.temporary import temporary_folder
from tfbert.training import peers


class Saved(Protocol):
    """What saves a run."""

    newest: int | None  # step of the newest checkpoint


STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")


def strategy_of(
    name: str = "auto",
    *,
    tpu: str = "",
    workers: Sequence[str] = (),
    worker_index: int = 0,
    host_timeout: int = peers.WAIT,
) -> tf.distribute.Strategy:
    """The strategy to build and train a model under; call it before TensorFlow has run any operation.

    Args:
        name: "auto" is a TPU if one is named, all workers if there are several, all GPUs if there are several, else
            one device.
        tpu: name or gRPC address of a TPU, or "local" on a TPU VM.
        workers: HOST:PORT of each worker, the same list on each; TF_CONFIG where empty.
        worker_index: which of them this process is.
        host_timeout: seconds that the workers wait for each other.

    Raises:
        ConfigError: there is no such strategy, or the devices that it needs are not there.
        TrainingError: a worker has not come in time.

    >>> strategy_of("one_device").num_replicas_in_sync
    1
    """
    if name not in STRATEGIES:
        raise ConfigError(f"strategy {name!r} is not one of {', '.join(STRATEGIES)}")
    if workers:
        if not 0 <= worker_index < len(workers):
            raise ConfigError(f"worker_index {worker_index} is not the number of one of {len(workers)} workers, from 0")
        task = {"type": "worker", "index": worker_index}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": list(workers)}, "task": task})
    hosts = _workers_of_tf_config()
    if name == "auto":
        several = len(tf.config.list_physical_devices("GPU")) > 1
        name = "tpu" if tpu else "multi_worker" if len(hosts) > 1 else "mirrored" if several else "one_device"
    if name == "tpu":
        return _tpu_strategy(tpu)
    if name == "multi_worker":
        if not hosts:
            raise ConfigError("strategy multi_worker needs --workers=HOST:PORT,… and --worker_index, or TF_CONFIG")
        with peers.waiting(host_timeout):
            return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run folder: it is the only one, or the first of the workers."""
    if num_hosts(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return resolver.task_type == first and not resolver.task_id


def num_hosts(strategy: tf.distribute.Strategy) -> int:
    """How many processes train together, each running this program."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    cluster = strategy.cluster_resolver.cluster_spec()
    return max(1, sum(cluster.num_tasks(job) for job in cluster.jobs if job in ("chief", "worker")))


def across_hosts(strategy: tf.distribute.Strategy, number: int) -> list[int]:
    """The numbers of all hosts, each of which gives its own; every host calls it at the same point."""
    if num_hosts(strategy) == 1:
        return [number]
    resolver = strategy.cluster_resolver
    # Workers are counted after a chief, whose own number is 0 too.
    place = resolver.task_id + ("chief" in resolver.cluster_spec().jobs and resolver.task_type == "worker")
    own = tf.one_hot(place, num_hosts(strategy), number, 0, dtype=tf.int32)
    return _summed(strategy)(own).numpy().tolist()


@functools.cache
def _summed(strategy):
    """The function, traced once, that sums a tensor of each host over all hosts."""
    replicas_of_host = strategy.num_replicas_in_sync // num_hosts(strategy)

    @tf.function(autograph=False)
    def total(value):
        of_replicas = strategy.run(tf.identity, args=(value,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, of_replicas, axis=None) // replicas_of_host

    return total


@contextlib.contextmanager
def lost_hosts(strategy: tf.distribute.Strategy, state: Saved) -> Iterator[None]:
    """Turns the error of a sum in which some host takes no part into a `TrainingError`.

    Each host asks the others whether they are there, and ends a sum that would wait for one that is not.

    Args:
        state: the `RunState`, or what else has the step of the newest checkpoint as `newest`.
    """
    try:
        with peers.watched(strategy):
            yield
    except (tf.errors.OpError, RuntimeError, DiskError) as error:
        # A checkpoint takes sums too: what it could not write for want of a host is no fault of the disk.
        signs = ("Collective ops is aborted",) if isinstance(error, DiskError) else peers.SIGNS
        if num_hosts(strategy) == 1 or not any(sign in str(error) for sign in signs):
            raise
        saved = f"the checkpoint of step {state.newest} is the newest" if state.newest else "no checkpoint is saved yet"
        raise TrainingError(
            f"another host has ended or cannot be reached; {saved}. The same commands, started again on all hosts, "
            f"resume from there. TensorFlow says: {peers.said(error)}"
        ) from error


@contextlib.contextmanager
def folder_to_write(strategy: tf.distribute.Strategy, folder: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields the folder to the process that writes the run, and to each other one a folder that is removed afterwards.

    All processes must take part in writing a checkpoint of the variables that they share.
    """
    if is_chief(strategy):
        yield pathlib.Path(folder)
        return
    with temporary_folder() as aside:
        yield aside / pathlib.Path(folder).name


def _workers_of_tf_config():
    text = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(text or "{}").get("cluster", {})
        return [*cluster.get("chief", []), *cluster.get("worker", [])]
    except (json.JSONDecodeError, AttributeError) as error:
        raise ConfigError(f"TF_CONFIG is no JSON object with a cluster and a task: {text!r}") from error


def _tpu_strategy(tpu):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu or "local")
    except (ValueError, tf.errors.OpError) as error:
        raise ConfigError(f"no TPU {tpu or 'local'!r} is to be found: {str(error).splitlines()[0]}") from error
    return tf.distribute.TPUStrategy(resolver)
