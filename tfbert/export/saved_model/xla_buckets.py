"""The network alone under XLA, at few shapes. W rows, S sequence; their buckets are W' and S'.

XLA compiles anew for each shape, about a second each. The tokenizer is strings, which XLA does not have, and the
answers are shapes that depend on values: both stay outside.
"""

import tensorflow as tf

LENGTHS = (16, 32, 64, 96, 128, 192, 256, 384, 512)  # S', as far as a task's max_length
ROWS = (1, 2, 4, 8, 16, 32, 64)  # W'; more rows are computed 64 at a time


def lengths_of(task):
    """The buckets that a task needs, the last at least its `max_length`.

    >>> lengths_of(tfbert.load("runs/mine").task)
    (16, 32, 64, 96, 128)
    """
    longer = [length for length in LENGTHS if length >= task.max_length]
    return (*(length for length in LENGTHS if length < task.max_length), min(longer, default=task.max_length))


def bucketed(model):
    """`features -> outputs` of a task model, whose network is compiled; padding is taken off again."""
    network = model.network
    # No longer than the position table, whatever the buckets say.
    limit = model.encoder.max_tokens
    lengths = tf.constant([min(length, limit) for length in lengths_of(model.task)])
    rows_at_once = tf.constant(ROWS)
    compiled = tf.function(lambda inputs: network(inputs, training=False), jit_compile=True, autograph=False)
    of_tokens = len(network.output.shape) > 1 and network.output.shape[1] is None

    def call(features):
        inputs = {name: features[name] for name in network.input}
        rows, length = tf.unstack(tf.shape(inputs["token_ids"]))
        to_length = _least(lengths, length)
        at_once = _least(rows_at_once, tf.minimum(rows, ROWS[-1]))
        parts = tf.maximum(1, -(-rows // at_once))

        def padded(value):  # [W, …] -> [parts, W', …]
            rank = len(value.shape)
            pads = [[0, parts * at_once - rows], [0, to_length - length]][:rank]
            return tf.reshape(tf.pad(value, pads), [parts, at_once, to_length][: rank + 1])

        inputs = {name: padded(value) for name, value in inputs.items()}
        if model.task.reads_windows:
            spec = tf.TensorSpec(network.output.shape, tf.float32)
            outputs = tf.map_fn(compiled, inputs, fn_output_signature=spec, parallel_iterations=1)
        else:  # a loop costs what is worth more than the padding of a large batch
            outputs = compiled({name: _joined(value) for name, value in inputs.items()})[None]
        outputs = _joined(outputs)[:rows]
        if of_tokens:  # the padding is at the end; before the tokens there may be others, see `TagTransitions`
            outputs = outputs[:, : tf.shape(outputs)[1] - to_length + length]
        return tf.ensure_shape(outputs, network.output.shape)

    return call


def _joined(values):
    """[parts, W', …] -> [parts x W', …]."""
    return tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))


def _least(sizes, wanted):
    """The smallest of ascending sizes that is at least what is wanted."""
    return tf.gather(sizes, tf.minimum(tf.reduce_sum(tf.cast(sizes < wanted, tf.int32)), tf.size(sizes) - 1))
