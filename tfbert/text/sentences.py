"""Texts -> sentences, in graph operations. B texts, P pieces of all texts together, N sentences of all together."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfbert.text.offsets import CharacterTable
from tfbert.text.pieces import Pieces, row_ids

_SPACE = r"[\s\p{Z}]"
_SPACE_IN_LINE = r"[\t\p{Zs}]"
_CLOSING = r"""["'”’»)\]}」』）】》〉]"""  # quotes and brackets that belong to the sentence before them
_WORD_BEGINS = r"(?:^|[^\p{L}\p{N}'’])"  # RE2 has no look-behind, and its \b knows ASCII letters alone
_TITLES = (
    "Mr|Mrs|Ms|Messrs|Mme|Mlle|Dr|Prof|St|Mt|Gen|Col|Maj|Capt|Cmdr|Lt|Sgt|Cpl|Adm|Rev|Hon|Sen|Rep|Gov|Supt|vs|cf|al"
)
_BEFORE_LOWER_CASE = "Inc|Ltd|Co|Corp|Bros|Jr|Sr|etc|Dept|Est|approx|ca"
_BEFORE_NUMBER = "No|Nos|Fig|Figs|Vol|pp|p|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
# What looks like an end and is none: a mark in the middle of a sentence, …
_SPEECH_CONTINUES = rf"[.!?…]+{_CLOSING}+{_SPACE_IN_LINE}+\p{{Ll}}|(?:\.{{2,}}|…){_SPACE_IN_LINE}+\p{{Ll}}"
# … and the dot of an abbreviation.
_ABBREVIATION = (
    rf"{_WORD_BEGINS}(?:(?i:{_TITLES})\.{_SPACE_IN_LINE}+|(?:\p{{L}}\.)*\p{{L}}\.{_SPACE_IN_LINE}+"
    rf"|(?i:{_BEFORE_LOWER_CASE})\.{_SPACE_IN_LINE}+\p{{Ll}}|(?i:{_BEFORE_NUMBER})\.{_SPACE_IN_LINE}+\p{{N}})"
)
_END = (
    rf"{_SPACE}*[\n\r\x{{85}}\x{{2028}}\x{{2029}}]{_SPACE}*"
    rf"|[.!?…؟۔।॥]+{_CLOSING}*{_SPACE}+"
    rf"|[。！？｡]+{_CLOSING}*{_SPACE}*"
)
_SAYS_SOMETHING = r"\C*[\p{L}\p{N}]\C*"
_DELIMITER = f"{_SPEECH_CONTINUES}|{_END}|{_ABBREVIATION}"  # RE2 takes the first of them that matches at a place


class Sentences(NamedTuple):
    """Where the sentences of texts [B] are: int32 each."""

    row_splits: tf.Tensor  # [B + 1]
    starts: tf.Tensor  # [N], first byte in its text
    ends: tf.Tensor  # [N], byte after the last

    @property
    def lengths(self) -> tf.Tensor:
        """How many sentences each text has, int32 [B]."""
        return self.row_splits[1:] - self.row_splits[:-1]

    @property
    def rows(self) -> tf.Tensor:
        """The text of each sentence, int32 [N]."""
        return row_ids(self.row_splits, tf.size(self.starts))

    def ragged(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Returns values [N] as a RaggedTensor [B, (sentences)]."""
        return tf.RaggedTensor.from_row_splits(values, tf.cast(self.row_splits, tf.int64), validate=False)


class SentenceSplitter:
    """Cuts texts into sentences by rules, with tensorflow_text's operations: the same in Python and when served.

    A sentence ends with a line break; after `.`, `!`, `?`, `…` (and the marks of Arabic and Hindi), with the quotes
    and brackets that close there, if a space follows; and after the Chinese and Japanese `。！？`, whatever follows.

    It does not end with the dot of a title ("Mr. Smith"), of single letters ("U.S. economy", "e.g. this"), of "Inc."
    and the like before a small letter, or of "No." and months before a number; nor with marks within quotes, or `...`,
    before a small letter. A text without any mark is one sentence. What has no letter or digit is no sentence.

    >>> splitter = SentenceSplitter()
    >>> text = tf.constant(["Mr. Li said so. It fell 3.5%!"])
    >>> splitter.texts(text, splitter(text)).numpy()
    array([b'Mr. Li said so.', b'It fell 3.5%!'], dtype=object)
    """

    def __init__(self) -> None:
        import tensorflow_text

        self._regex_split = tensorflow_text.regex_split_with_offsets
        self._characters = CharacterTable()
        self._bytes = tensorflow_text.ByteSplitter()

    def __call__(self, text: tf.Tensor) -> Sentences:
        """Returns the `Sentences` of strings [B], without the spaces around them."""
        text = tf.convert_to_tensor(text, tf.string)
        pieces, begins, ends = self._regex_split(text, _DELIMITER, "(?s).*")  # keeps each delimiter as a piece
        splits = tf.cast(pieces.row_splits, tf.int32)
        rows = row_ids(splits, tf.size(pieces.flat_values))  # [P]
        is_last = tf.concat([tf.not_equal(rows[1:], rows[:-1]), tf.ones_like(rows[:1], tf.bool)], 0)
        closes = is_last | tf.strings.regex_full_match(pieces.flat_values, _END)
        opens = tf.concat([tf.ones_like(closes[:1]), closes[:-1]], 0)
        found = self._sentences(
            tf.boolean_mask(rows, closes),
            tf.cast(tf.boolean_mask(begins.flat_values, opens), tf.int32),
            tf.cast(tf.boolean_mask(ends.flat_values, closes), tf.int32),
            tf.size(text),
        )
        texts = self.texts(text, found)
        without_first = tf.strings.regex_replace(texts, f"^{_SPACE}+", "", replace_global=False)
        stripped = tf.strings.regex_replace(without_first, f"{_SPACE}+$", "", replace_global=False)
        starts = found.starts + tf.strings.length(texts) - tf.strings.length(without_first)
        ends = starts + tf.strings.length(stripped)
        kept = tf.strings.regex_full_match(stripped, _SAYS_SOMETHING)
        rows, starts, ends = (tf.boolean_mask(part, kept) for part in (found.rows, starts, ends))
        return self._sentences(rows, starts, ends, tf.size(text))

    def texts(self, text: tf.Tensor, sentences: Sentences) -> tf.Tensor:
        """Returns the sentences of `text` [B] themselves, strings [N]."""
        starts, ends = sentences.ragged(sentences.starts), sentences.ragged(sentences.ends)
        return self._bytes.split_by_offsets(text, starts, ends).flat_values

    def characters(self, text: tf.Tensor, sentences: Sentences) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the first character of each sentence, and the one after its last: int32 [N] each."""
        pieces = Pieces(sentences.starts, sentences.row_splits, sentences.starts, sentences.ends - 1, None)
        _, _, first, after = self._characters.spans_of_any(text, pieces)
        return first, after

    def _sentences(self, rows: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, size: tf.Tensor) -> Sentences:
        lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, size)
        return Sentences(tf.concat([[0], tf.cumsum(lengths)], 0), starts, ends)
