"""Tokens of texts -> the dense batch that an encoder reads: special tokens around one text or two, and padding.

Shapes: T tokens of all texts together, R rows of the batch (texts, or windows of texts), S = the longest row, at
least 1. Dense ops only: they are faster than slicing and joining ragged tensors, which LiteRT cannot do.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence

import tensorflow as tf

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text.parts import NOWHERE, Part
from tfbert.text.special_tokens import SpecialTokens
from tfbert.text.vocabulary import Vocabulary

_LARGEST_SEGMENT = 2**31 - 1  # an int32


def _is_integer(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


@dataclasses.dataclass(frozen=True)
class Template:
    """Which special tokens stand around one text or two, by their ids.

    BERT's is [CLS] A [SEP] or [CLS] A [SEP] B [SEP]; RoBERTa's <s> A </s> or <s> A </s></s> B </s>.

    Args:
        before: ids before the first text.
        between: ids between two texts.
        after: ids after the last text.
        second_segment: the segment id of the second text and what follows it; 0 where the family has no segments.

    >>> template = Template(before=(101,), between=(102,), after=(102,))
    >>> template.num_special_tokens(1), template.num_special_tokens(2)
    (2, 3)
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    second_segment: int = 1

    def __post_init__(self) -> None:
        for name in ("before", "between", "after"):
            ids = getattr(self, name)
            if not isinstance(ids, (list, tuple)) or not all(map(_is_integer, ids)):
                raise ConfigError(f"the template's ids {name} texts must be integers, not {str(ids):.80}")
            object.__setattr__(self, name, tuple(ids))  # JSON has lists
        if not _is_integer(self.second_segment) or not 0 <= self.second_segment <= _LARGEST_SEGMENT:
            raise ConfigError(
                f"the segment of a second text must be an integer from 0, not {self.second_segment!s:.80}"
            )

    @classmethod
    def bert(cls, vocabulary: Vocabulary, special_tokens: SpecialTokens) -> Template:
        """Returns BERT's template with the ids that a vocabulary has for the special tokens."""
        start, separator = vocabulary[special_tokens.start], vocabulary[special_tokens.separator]
        return cls((start,), (separator,), (separator,))

    @classmethod
    def two_separators(cls, vocabulary: Vocabulary, special_tokens: SpecialTokens) -> Template:
        """Returns RoBERTa's template: two separators between texts, and no segments."""
        start, separator = vocabulary[special_tokens.start], vocabulary[special_tokens.separator]
        return cls((start,), (separator, separator), (separator,), second_segment=0)

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of its special tokens, each once."""
        return tuple(dict.fromkeys((*self.before, *self.between, *self.after)))

    def num_special_tokens(self, texts: int = 1) -> int:
        """Returns how many special tokens stand around so many texts."""
        return len(self.before) + (texts - 1) * len(self.between) + len(self.after)

    def room(self, max_length: int, texts: int) -> int:
        """Returns how many tokens of so many texts fit into `max_length`. Raises ValueError if no special ones do."""
        specials = self.num_special_tokens(texts)
        if max_length < specials:
            raise ValueError(f"max_length={max_length} leaves no room for the {specials} special tokens")
        return max_length - specials

    def check(self, vocabulary: Vocabulary) -> None:
        """Raises a VocabularyError that names an id which the vocabulary does not have."""
        for number in self.ids:
            if not 0 <= number < len(vocabulary):
                raise VocabularyError(
                    f"the template has the id {number}; {vocabulary.source} has 0 to {len(vocabulary) - 1}"
                )

    def assemble(self, parts: Sequence[Part], padding_id: int, *, text_ids: bool = False) -> dict[str, tf.Tensor]:
        """Returns rows of one or two `Part`s with the special tokens around them, padded to the longest.

        Args:
            parts: with the same features.
            text_ids: also return "text_ids", of which text a token is: 0 or 1, -1 for special tokens and padding.

        Returns:
            The parts' features [R, S, ...], "segment_ids" and "padding_mask", all int32 [R, S].
        """
        between = self.between if len(parts) > 1 else ()
        specials = (*self.before, *between, *self.after, padding_id)
        begin, padding = len(self.before), len(specials) - 1  # where the first text begins; padding's number
        # Every place of the batch is looked up in one list: the tokens of the first text, of the second, the specials.
        values = {name: [part.features[name] for part in parts] for name in parts[0].features}
        sizes = [tf.shape(tokens)[0] for tokens in values["token_ids"]]
        first_special = tf.add_n(sizes)
        lengths = tf.expand_dims(tf.add_n([part.lengths for part in parts]) + padding, 1)  # [R, 1]
        position = tf.expand_dims(tf.range(tf.maximum(tf.reduce_max(lengths), 1)), 0)  # [1, S]

        def special(number: int, count: int, place: tf.Tensor | int) -> tf.Tensor:
            """Where `count` specials, from `number` on, are in the list, if they begin at `place` of a row."""
            first = first_special + number if number else first_special
            return first if count == 1 else position + (first - place)

        in_row = position < lengths
        last = lengths - len(self.after)  # the place after the last text, [R, 1]
        index = tf.where(in_row, special(padding - len(self.after), len(self.after), last), first_special + padding)
        of_first = position + tf.expand_dims(parts[0].begins - begin, 1)
        if len(parts) == 1:
            index = tf.where(position < last, of_first, index)
            segment_ids = tf.zeros_like(index)
        else:
            end = tf.expand_dims(parts[0].lengths + begin, 1)  # the place after the first text, [R, 1]
            second = end + len(between)  # where the second text begins
            in_second = position >= second
            index = tf.where(position < last, position + tf.expand_dims(sizes[0] + parts[1].begins, 1) - second, index)
            index = tf.where(in_second, index, special(begin, len(between), end))
            index = tf.where(position < end, of_first, index)
            segment_ids = tf.cast(in_second & in_row, tf.int32)
            if self.second_segment != 1:
                segment_ids *= self.second_segment
        index = tf.where(position < begin, special(0, begin, 0), index)
        batch = {}
        for name, tokens in values.items():
            fill = specials if name == "token_ids" else [NOWHERE[name]] * len(specials)
            batch[name] = tf.gather(tf.concat([*tokens, tf.constant(fill, tokens[0].dtype)], 0), index)
        if text_ids:
            of_second = 0 if len(parts) == 1 else tf.cast(index >= sizes[0], tf.int32)
            batch["text_ids"] = tf.where(index < first_special, of_second, -1)
        return {**batch, "segment_ids": segment_ids, "padding_mask": tf.cast(in_row, tf.int32)}
