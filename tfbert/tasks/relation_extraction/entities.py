"""Texts -> the five parts of each around its two entities, in graph operations. B batch."""

from __future__ import annotations

import typing

import tensorflow as tf

# What marks the entities in a text, as in SemEval-2010 Task 8: their opening and closing.
HEAD_MARKS = ("<e1>", "</e1>")
TAIL_MARKS = ("<e2>", "</e2>")

# There is no Python control flow over tensors below for AutoGraph to find: it would take seconds.
_as_it_stands = tf.autograph.experimental.do_not_convert


class Entities(typing.NamedTuple):
    """Where the head and the tail stand in texts.

    parts: strings [B, 5]: what is before the first entity, that entity, between them, the second, what is after it.
    found: bool [B]; where it is not, the last part is the whole text and the others are empty.
    head_first: bool [B], whether the first entity is the head.
    """

    parts: tf.Tensor
    found: tf.Tensor
    head_first: tf.Tensor

    @property
    def head(self) -> tf.Tensor:
        """The texts of the heads, strings [B], "" where not found."""
        return tf.where(self.head_first, self.parts[:, 1], self.parts[:, 3])

    @property
    def tail(self) -> tf.Tensor:
        return tf.where(self.head_first, self.parts[:, 3], self.parts[:, 1])


@_as_it_stands
def of_marked(text: tf.Tensor) -> Entities:
    """The entities of texts [B] that mark them <e1>…</e1> and <e2>…</e2>, in any order.

    They are not found where one of the four marks is missing or out of its place, or an entity is empty.

    >>> of_marked(tf.constant(["a <e1>b</e1> <e2>c</e2>"])).parts.numpy().tolist()
    [[b'a ', b'b', b' ', b'c', b'']]
    """

    def span(marks):
        opening, closing = (_place(text, mark) for mark in marks)
        spans = [opening, opening + len(marks[0]), closing, closing + len(marks[1])]
        return tf.stack(spans, 1), (opening >= 0) & (closing >= 0)

    (head, has_head), (tail, has_tail) = span(HEAD_MARKS), span(TAIL_MARKS)
    return _cut(text, head, tail, has_head & has_tail)


@_as_it_stands
def of_spans(text: tf.Tensor, head: tf.Tensor, tail: tf.Tensor) -> Entities:
    """The entities of texts [B] at `head` and `tail`, int32 [B, 2]: first character and the one after the last.

    Spans that reach out of the text are clipped. They are not found where one is empty then, or they overlap. Bytes
    that are no UTF-8 become U+FFFD, so that characters are those of Python's `decode("utf-8", "replace")`.

    >>> of_spans(tf.constant(["déjà vu"]), [[0, 4]], [[5, 99]]).parts.numpy().tolist()
    [[b'', b'd\\xc3\\xa9j\\xc3\\xa0', b' ', b'vu', b'']]
    """
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
    sizes = tf.strings.length(text, unit="UTF8_CHAR")
    spans = tf.cast(tf.concat([head, tail], 1), tf.int32)  # [B, 4]; a data set of numpy arrays has int64
    spans = tf.clip_by_value(spans, 0, tf.expand_dims(sizes, 1))
    before = tf.strings.substr(tf.expand_dims(text, 1), tf.zeros_like(spans), spans, unit="UTF8_CHAR")
    head, tail = tf.split(tf.strings.length(before), 2, axis=1)  # in bytes
    doubled = [tf.gather(span, [0, 0, 1, 1], axis=1) for span in (head, tail)]  # no marks around them
    return _cut(text, doubled[0], doubled[1], tf.ones_like(sizes, tf.bool))


def _place(text, mark):
    """The byte at which `mark` first begins, int32 [B]; -1 where it does not occur."""
    pieces = tf.strings.split(text, mark, maxsplit=1)
    before = pieces.to_tensor("", shape=[None, 2])[:, 0]
    return tf.where(pieces.row_lengths() > 1, tf.strings.length(before), -1)


def _cut(text, head, tail, found):
    """`head`, `tail` int32 [B, 4], in bytes: begin of the mark, of the entity, end of the entity, of the mark."""
    head_first = head[:, 0] <= tail[:, 0]
    is_first = tf.expand_dims(head_first, 1)
    first, second = tf.where(is_first, head, tail), tf.where(is_first, tail, head)
    found &= (first[:, 1] < first[:, 2]) & (second[:, 1] < second[:, 2]) & (first[:, 3] <= second[:, 0])
    places = tf.where(tf.expand_dims(found, 1), tf.concat([first, second], 1), 0)
    # [B, 10]: where each of the five parts begins and ends. The op that cuts wants one static shape of both.
    places = tf.concat([tf.zeros_like(places[:, :1]), places, tf.expand_dims(tf.strings.length(text), 1)], 1)
    places = tf.ensure_shape(places, [text.shape[0], 10])
    begins, ends = places[:, ::2], places[:, 1::2]
    return Entities(tf.strings.substr(tf.expand_dims(text, 1), begins, ends - begins), found, head_first)
