"""The other hosts of a run: waiting for them at the start, and noticing one that can no longer be reached.

TensorFlow's heartbeats go from each host to the first one. A sum goes over other connections too, and waits for ever
where one of these is dead while heartbeats still arrive. Here are all private names of TensorFlow that this takes.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

from tfbert.errors import TrainingError

WAIT = 1800  # seconds that hosts wait for each other at the start, unless --host_timeout says another number
_EVERY = 15.0  # seconds between two questions to each host
_TIMEOUT = 10.0  # of one question
_TIMES = 3  # that a host does not answer before it is lost
_AGAIN = 1.0  # seconds until it is asked again
_FAULTS = {tf.errors.DeadlineExceededError: "does not answer", tf.errors.FailedPreconditionError: "was started again"}


@contextlib.contextmanager
def waiting(seconds: int) -> Iterator[None]:
    """Where a strategy of several hosts is made: TrainingError if one of them is not there after some seconds."""
    of_process = context.context()
    configure = of_process.configure_coordination_service

    @functools.wraps(configure)
    def with_timeout(*args: Any, **kwargs: Any) -> None:
        configure(*args, cluster_register_timeout_in_ms=seconds * 1000, **kwargs)
        # else the first host, which has registered at itself, waits for an hour
        of_process.coordination_service.cluster_register_with_barrier = True

    of_process.configure_coordination_service = with_timeout
    try:
        yield
    except (tf.errors.OpError, RuntimeError) as error:
        if not isinstance(error, tf.errors.DeadlineExceededError):
            raise TrainingError(
                "this host cannot take part: check that --worker_index is its own, and that nobody else, such as an "
                f"earlier run, listens to its port in --workers (or TF_CONFIG). TensorFlow says: {said(error)}"
            ) from error
        raise TrainingError(
            f"the hosts did not find each other in {seconds} seconds: check that all of --workers (or TF_CONFIG) are "
            f"started and can reach each other; --host_timeout changes the time. TensorFlow says: {said(error)}"
        ) from error
    finally:
        del of_process.configure_coordination_service


@contextlib.contextmanager
def watched(strategy: tf.distribute.Strategy, *, every: float = _EVERY, timeout: float = _TIMEOUT) -> Iterator[None]:
    """Ends sums under way, and all later ones, with an error when another host does not answer three times.

    Args:
        every, timeout: in seconds.
    """
    names = _other_hosts(strategy)
    if not names:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(names, stop, every, timeout), name="tfbert hosts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout + 1)


def _other_hosts(strategy):
    """{TensorFlow's name: HOST:PORT} of the hosts that train along."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return {}
    resolver = strategy.cluster_resolver
    own = resolver.task_type, resolver.task_id
    return {
        f"/job:{job}/replica:0/task:{number}": address
        for job, addresses in resolver.cluster_spec().as_dict().items()
        if job in ("chief", "worker")
        for number, address in enumerate(addresses)
        if (job, number) != own
    }


def _watch(names, stop, every, timeout):
    while not stop.wait(every):
        for name, address in names.items():
            for times in range(1, _TIMES + 1):
                try:
                    context.context().check_collective_ops_peer_health(name, timeout_in_ms=int(timeout * 1000))
                    break
                except tf.errors.OpError as error:
                    if stop.is_set():
                        return
                    if times == _TIMES:
                        fault = _FAULTS.get(type(error), "cannot be reached")
                        message = f"the host {address} ({name[1:]}) {fault}"
                        context.context().abort_collective_ops(tf.errors.UNAVAILABLE, message)
                        return
                    stop.wait(_AGAIN)


def said(error: Exception) -> str:
    """What an error of TensorFlow's says of the other hosts, in one line, without the graph and advice around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Detected at")]
    lines = lines or [type(error).__name__]
    found = (i for sign in ("aborted by", *SIGNS) for i, line in enumerate(lines) if sign in line)
    first = next(found, 0)
    last = next((i for i, line in enumerate(lines) if i > first and line.startswith(_ENDS)), first + 3)
    return " ".join(lines[first:last])[:400]


SIGNS = ("Collective", "task:", "oordination", "eadline")  # of a host that is lost, in TensorFlow's messages
_ENDS = ("The error could be", "The tasks have crashed", "Additional GRPC", "[[{{", ":{")
