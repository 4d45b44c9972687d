"""The flags that say where a run is trained. They are no part of its config, which trains the same anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    import tensorflow as tf

_STRATEGY = flags.DEFINE_string(
    "strategy",
    "auto",
    "Devices that train together: auto (all that are found), one_device, mirrored, multi_worker or tpu.",
)
_TPU = flags.DEFINE_string("tpu", "", "Name or address of a TPU; local on a TPU VM.")
_WORKERS = flags.DEFINE_list("workers", [], "HOST:PORT of each process, the one that writes first; or TF_CONFIG.")
_WORKER_INDEX = flags.DEFINE_integer("worker_index", 0, "Which of --workers this process is, from 0.")
_HOST_TIMEOUT = flags.DEFINE_integer(
    "host_timeout", 1800, "Seconds that the processes wait for each other at the start.", 1
)


def strategy_of_flags() -> tf.distribute.Strategy:
    """The strategy that the command line asks for."""
    from tfbert.training.strategy import strategy_of

    return strategy_of(
        _STRATEGY.value,
        tpu=_TPU.value,
        workers=_WORKERS.value,
        worker_index=_WORKER_INDEX.value,
        host_timeout=_HOST_TIMEOUT.value,
    )
