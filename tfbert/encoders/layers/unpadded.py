"""The layout that computes tokens alone. B rows, S places of a row, T tokens, R sequences, W width.

A sequence is a row without its padding, or each of those that a packed row holds. For attention the sequences are
sorted by length and cut into groups, each as long as its longest. TensorFlow, not `keras.ops`: shapes depend on values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfbert.encoders.layers.layout import Layout, distances
from tfbert.encoders.layers.masking import MASKED

# The shorter half of the sequences, half of the others, and so on. Measured at mixed lengths in batches of 32: two
# groups compute 20 % fewer texts a second than four; six are as fast, and eight slower.
_GROUPS = 4
# oneDNN makes code for each shape of a product, which takes as long as the product of a few texts. So shapes are few:
# from 32 tokens on T is a multiple of 2, from 64 on of 4, and so on: at most a sixteenth more than there are tokens.
_MULTIPLES = tuple(2**i for i in range(20))
# For fewer tokens oneDNN wants weights in another order than for 8 to 64. Weights that are packed for those are then
# brought into it at each call: one token of MiniLM-L6 took 12 ms, and 8 take 7.
_LEAST_TOKENS = 8
_PLACES = 8  # L' is a multiple of it


@dataclasses.dataclass
class _Group:
    """Sequences that attention computes side by side: R' of them, of L' places."""

    index: tf.Tensor  # int32 [R', L']: which token stands at a place; any one where none does
    is_token: tf.Tensor  # bool [R', L']
    added: tf.Tensor | None = None  # float32 [R' or 1, N, L', L']

    @property
    def bias(self) -> tf.Tensor:
        bias = tf.where(self.is_token, 0.0, MASKED)[:, None, None, :]
        return bias if self.added is None else bias + self.added


class Unpadded(Layout):
    """Computes the places that `padding_mask` says are tokens, in any pattern, and a few more that nobody reads.

    What `rows` gives is 0 at padding.

    Args:
        padding_mask: bool or int [B, S] (1 = token).
        sequence_ids: int [B, S], the sequence of each token in a row that packs several; or None.
        training: whether gradients are wanted, for which tokens are scattered into groups: the gradient of that is a
            gather, and the gradient of a gather a sum of slices. Else sequences of equal length, such as a lone one,
            are not brought into groups at all, which is faster, but doubles the attention in the graph.

    >>> layout = Unpadded(tf.constant([[1, 1, 0], [1, 0, 0]]))
    >>> layout.tokens(tf.constant([[5, 6, 0], [7, 0, 0]])).numpy().tolist()[:3]
    [5, 6, 7]
    """

    def __init__(self, padding_mask: Any, sequence_ids: Any = None, *, training: bool = False) -> None:
        is_token = tf.cast(padding_mask, tf.bool)
        self._size, self._length = tf.unstack(tf.shape(is_token))  # B, S
        places = tf.cast(tf.where(is_token), tf.int32)  # [T, 2]
        row, self._places = places[:, 0], places[:, 0] * self._length + places[:, 1]
        lengths = tf.reduce_sum(tf.cast(is_token, tf.int32), axis=1)
        if sequence_ids is not None:
            row, lengths = self._sort_by_sequence(row, sequence_ids)
        self._sequence, self._lengths = row, lengths  # [tokens], [R]
        octave = tf.reduce_sum(tf.cast(tf.size(row) >= 32 * tf.constant(_MULTIPLES), tf.int32))
        more = -tf.size(row) % tf.gather((*_MULTIPLES, 2 * _MULTIPLES[-1]), octave)
        least = tf.minimum(_LEAST_TOKENS * tf.size(row), _LEAST_TOKENS)  # of no tokens none
        self._more = tf.maximum(more, least - tf.size(row))  # T is so many more than there are tokens
        self._of_equal_length = self._added = self._place = None
        self._biases: list[tf.Tensor] | None = None
        if not training:
            longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
            self._of_equal_length = tf.equal(longest * tf.size(lengths), tf.size(row))
        self._groups, self._back = self._cut()

    def _sort_by_sequence(self, row, sequence_ids):
        """Brings the tokens of each sequence together; returns the sequence of each token, and their lengths."""
        ids = tf.gather(tf.reshape(tf.cast(sequence_ids, tf.int32), [-1]), self._places)
        least = tf.reduce_min(tf.concat([ids, [0]], 0))
        different = tf.reduce_max(tf.concat([ids, [0]], 0)) - least + 1
        unique, sequence = tf.unique(row * different + ids - least)
        order = tf.argsort(sequence, stable=True)
        self._places, sequence = tf.gather(self._places, order), tf.gather(sequence, order)
        return sequence, tf.math.unsorted_segment_sum(tf.ones_like(sequence), sequence, tf.size(unique))

    def tokens(self, values: Any) -> Any:
        values = tf.convert_to_tensor(values)
        return tf.gather(tf.reshape(values, [-1, *values.shape[2:]]), tf.pad(self._places, [[0, self._more]]))

    def rows(self, tokens: Any) -> Any:
        width = list(tokens.shape[1:])
        values = tf.scatter_nd(self._places[:, None], self._real(tokens), [self._size * self._length, *width])
        return tf.reshape(values, [self._size, self._length, *width])

    def first(self, tokens: Any) -> Any:
        firsts = tf.where(tf.equal(self._places % self._length, 0))  # [F, 1]
        row = tf.gather_nd(self._places, firsts)[:, None] // self._length
        return tf.scatter_nd(row, tf.gather_nd(tokens, firsts), [self._size, tokens.shape[1]])

    def _real(self, tokens):
        return tokens[: tf.size(self._places)]

    def places(self) -> Any:
        return tf.pad(self._places % self._length, [[0, self._more]])

    @property
    def has_gaps(self) -> Any:
        return self._in_sequence()[1]

    def _in_sequence(self):
        """The place of each token in its sequence, and whether any sequence has gaps."""
        if self._place is None:
            begins = tf.gather(tf.cumsum(self._lengths, exclusive=True), self._sequence)
            place = self._places % self._length
            place -= tf.gather(place, begins)
            self._place = place, tf.reduce_any(tf.not_equal(place, tf.range(tf.size(place)) - begins))
        return self._place

    def add_bias(self, function: Callable) -> None:
        place, has_gaps = self._in_sequence()

        def added(places):  # [R', L'] -> [R', N, L', L'], or of one sequence if no padding stands between tokens
            size = tf.shape(places)[0]
            return function(distances(places[: tf.where(has_gaps, size, tf.minimum(size, 1))]))

        for group in self._groups:
            beyond = tf.range(tf.shape(group.index)[1])
            group.added = added(tf.where(group.is_token, tf.gather(place, group.index), beyond))
        if self._of_equal_length is not None:
            # Once. For training a sum in each call of `attend`: the gradient of a lone one would be a sum of as many
            # parts as there are calls, each of all R' sequences.
            self._biases = [group.bias for group in self._groups]
            places = tf.cond(
                self._of_equal_length,
                lambda: tf.reshape(place, self._side_by_side()),
                lambda: tf.zeros([0, 0], tf.int32),
            )
            self._added = added(places)

    def attend(self, function: Callable, *tokens: Any) -> Any:
        def in_groups():
            values = zip(*(self._gathered(each) for each in tokens), strict=True)
            biases = self._biases or [group.bias for group in self._groups]
            return self._joined([function(*each, bias) for each, bias in zip(values, biases, strict=True)])

        def side_by_side():
            shape = self._side_by_side()
            sides = (tf.reshape(self._real(each), [*shape, *each.shape[1:]]) for each in tokens)
            values = function(*sides, self._added)
            return tf.pad(tf.reshape(values, [-1, values.shape[-1]]), [[0, self._more], [0, 0]])

        if self._of_equal_length is None:
            return in_groups()
        return tf.cond(self._of_equal_length, side_by_side, in_groups)

    def _side_by_side(self):
        """[R, L] of sequences of equal length."""
        sequences = tf.size(self._lengths)
        return [sequences, tf.size(self._sequence) // tf.maximum(sequences, 1)]

    # groups

    def _cut(self) -> tuple[list[_Group], tf.Tensor]:
        """The groups, and for each token its place among those of all groups; nothing of both where none is needed."""
        if self._of_equal_length is None:
            flat = self._cut_by_length()
        else:
            none, nobody = tf.zeros([0, 0], tf.int32), tf.zeros([0, 0], tf.bool)
            nothing = (tf.zeros([0], tf.int32), *(none, nobody) * _GROUPS)
            flat = tf.cond(self._of_equal_length, lambda: nothing, self._cut_by_length)
        return [_Group(*flat[1 + 2 * i : 3 + 2 * i]) for i in range(_GROUPS)], flat[0]

    def _cut_by_length(self) -> tuple[tf.Tensor, ...]:
        lengths, sequences, tokens = self._lengths, tf.size(self._lengths), tf.size(self._sequence)
        begins = tf.cumsum(lengths, exclusive=True)  # [R], of the tokens
        order = tf.argsort(lengths, stable=True)
        bounds = [0, *(sequences - sequences // 2**i for i in range(1, _GROUPS)), sequences]
        flat, places, before = [], [], 0
        for begin, end in zip(bounds, bounds[1:], strict=False):
            members = order[begin:end]
            length = tf.gather(lengths, members)[:, None]  # [R', 1]
            longest = tf.reduce_max(tf.concat([length[:, 0], [0]], 0))
            longest += -longest % _PLACES
            place = tf.range(longest)[None]
            is_token = place < length
            index = tf.gather(begins, members)[:, None] + tf.where(is_token, place, 0)
            flat += [tf.minimum(index, tokens - 1), is_token]
            places.append(before + tf.range(end - begin) * longest)
            before += (end - begin) * longest
        # Where each sequence begins among the places of all groups, then where each token is.
        begin = tf.gather(tf.concat(places, 0), tf.math.invert_permutation(order))
        return tf.gather(begin - begins, self._sequence) + tf.range(tokens), *flat

    def _gathered(self, tokens):
        """[T, …] -> [R', L', …] of each group."""
        if self._of_equal_length is not None:
            return [tf.gather(tokens, group.index) for group in self._groups]
        shapes = [tf.shape(group.index) for group in self._groups]
        sizes = [tf.reduce_prod(shape) for shape in shapes]
        width = list(tokens.shape[1:])
        flat = tf.scatter_nd(self._back[:, None], self._real(tokens), [tf.add_n(sizes), *width])
        parts = tf.split(flat, sizes)
        return [tf.reshape(part, [*tf.unstack(shape), *width]) for part, shape in zip(parts, shapes, strict=True)]

    def _joined(self, values):
        """[R', L', W] of each group -> [T, W]."""
        return tf.pad(tf.gather(_in_a_row(values), self._back), [[0, self._more], [0, 0]])


def _in_a_row(values):
    """[R', L', W] of each group -> [places of all groups, W]."""
    return tf.concat([tf.reshape(each, [-1, each.shape[-1]]) for each in values], 0)
