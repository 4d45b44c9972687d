"""The order of the examples: batches of like length, as a function of (seed, epoch) alone.

Pure numpy, so that any framework can be given the very same batches.
"""

import numpy as np

WINDOW = 50  # batches sorted together: what Hugging Face's LengthGroupedSampler takes


def batches_of_epoch(lengths, batch_size, *, seed=0, epoch=0, shuffle=True):
    """The row numbers of each batch of one epoch.

    Rows are shuffled, then sorted by length within windows of `WINDOW` batches, so that a batch pads
    little and an epoch is still random; the order of the batches is shuffled too. Without `shuffle` all
    rows are sorted by length, for evaluation.

    Args:
        lengths: token counts, int [rows].
        batch_size: rows in a batch; only one batch of the epoch may be smaller.

    Returns:
        A list of int64 arrays, each row exactly once.

    >>> [rows.tolist() for rows in batches_of_epoch([3, 1, 2], batch_size=2, shuffle=False)]
    [[0, 2], [1]]
    """
    lengths = np.asarray(lengths)
    if not shuffle:
        rows = np.argsort(-lengths, kind="stable")
        return _cut(rows, batch_size)
    random = np.random.default_rng((seed, epoch))
    rows = random.permutation(len(lengths))
    batches = []
    for window in _cut(rows, batch_size * WINDOW):
        window = window[np.argsort(-lengths[window], kind="stable")]
        batches += _cut(window, batch_size)
    return [batches[i] for i in random.permutation(len(batches))]


def parts_of(rows, replicas=None):
    """The parts of a batch that the replicas of a `tf.distribute.InputContext` take, as even as can be; some empty."""
    if replicas is None:
        return [rows]
    parts = np.array_split(rows, replicas.num_replicas_in_sync)
    return [parts[i] for i in own_replicas(replicas)]


def own_replicas(replicas):
    """The numbers of the replicas that a `tf.distribute.InputContext` is for, a range."""
    own = replicas.num_replicas_in_sync // replicas.num_input_pipelines
    return range(replicas.input_pipeline_id * own, (replicas.input_pipeline_id + 1) * own)


def _cut(rows, size):
    return [rows[i : i + size] for i in range(0, len(rows), size)]
