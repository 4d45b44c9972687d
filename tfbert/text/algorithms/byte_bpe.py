"""Byte-level byte-pair encoding: texts -> tokens as GPT-2, RoBERTa and ModernBERT make them, and back. B texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.text.algorithms.algorithm import Trim
from tfbert.text.algorithms.apart import Stage, apart
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.algorithms.byte_letters import LETTERS, bytes_of, raw
from tfbert.text.algorithms.byte_runs import runs_of
from tfbert.text.algorithms.byte_words import ByteWords
from tfbert.text.algorithms.composed import Composed
from tfbert.text.algorithms.literals import Literals
from tfbert.text.algorithms.stages import Normalized
from tfbert.text.algorithms.strips import Strips
from tfbert.text.pieces import Pieces, when
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.vocabulary import WHITE_SPACE, Vocabulary

_VALID = r"[\x{0}-\x{D7FF}\x{E000}-\x{10FFFF}]*"  # UTF-8 as Python decodes it: without surrogates
_SPACE_LETTER = LETTERS[0x20]
_BEGINS_WORD = tuple(LETTERS[byte] for byte in b" \t\n\r\v\f")


class ByteBpe:
    """An `Algorithm`: words are bytes, which merges join to tokens in the order of their ranks.

    Malformed UTF-8 becomes U+FFFD; texts are split at special and added tokens, then normalized, then split once more
    at the added tokens that are to be found in normalized text. What is left goes to `ByteWords`. Valid texts that
    spell out no such token go there at once.

    Args:
        vocabulary: a Vocabulary with merges.
        rules: `ByteBpeRules`.
        special_tokens, added_tokens: as Tokenizer's; a special token that is also added is found as the latter says.
        portable: must be False: LiteRT has none of the operations.

    Raises ConfigError or VocabularyError.

    Attributes:
        rules: what decides a text's tokens besides the vocabulary, as plain JSON values.
        trim: takes white space off offsets; None where the rules keep it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        rules: ByteBpeRules,
        special_tokens: SpecialTokens,
        added_tokens: Sequence[AddedToken],
        portable: bool,
    ) -> None:
        if portable:
            raise ConfigError(
                "LiteRT has no regular expressions and no SentencePiece operation with merges, which byte-level BPE "
                "needs: export a LiteRT model that takes ids, and tokenize before it"
            )
        unknown_id = vocabulary[special_tokens.unknown] if rules.has_unknown else None
        merges = hashlib.sha256("\n".join(map(" ".join, vocabulary.merges)).encode("utf-8", "replace"))
        settings = {name: value if isinstance(value, bool) else str(value) for name, value in rules.to_json().items()}
        self.rules: dict[str, bool | str] = {"algorithm": "byte_bpe", **settings, "merges": merges.hexdigest()}
        self._vocabulary, self._added = vocabulary, frozenset((*special_tokens, *(t.content for t in added_tokens)))
        named = {name: AddedToken(name, special=True) for name in special_tokens.in_vocabulary(vocabulary)}
        found = {**named, **{token.content: token for token in added_tokens}}
        in_text = [token for token in found.values() if not token.normalized]
        in_normalized = [token for token in found.values() if token.normalized]

        self._widens = not rules.trim_offsets
        self._keeps_one = rules.trim_offsets and rules.trim_keeps_first_space
        self._steps = [_Step(step) for step in rules.steps]
        # With a prefix, the text after each of them begins with a space of its own.
        runs = {} if rules.add_prefix_space else runs_of(in_normalized, self._normalized)
        in_normalized = [token for token in in_normalized if token not in runs.values()]
        run_ids = {length: vocabulary[token.content] for length, token in runs.items()}
        self._words = apart(ByteWords(vocabulary, unknown_id, rules.add_prefix_space, run_ids))
        inner: Stage = self._in_words
        inner, self._second = self._literals(in_normalized, inner, normalized=True)
        for step in reversed(self._steps):
            inner = step.before(inner)
        inner, self._first = self._literals(in_text, inner, normalized=False)
        self._long_way = apart(Normalized({}, inner, malformed="\ufffd"))
        self._raw = np.array([raw(token) for token in vocabulary], object)
        self.trim: Trim | None = self._trimmer(rules.trim_keeps_first_space) if rules.trim_offsets else None

    def _literals(
        self, tokens: Sequence[AddedToken], inner: Stage, *, normalized: bool
    ) -> tuple[Stage, Literals | None]:
        """The stage that finds tokens, and the same as Literals; the inner one and None where there are none."""
        by_content: dict[str, AddedToken] = {}
        for token in tokens:
            content = self._normalized(token.content) if normalized else token.content
            if content:  # else nothing is left of it to be found
                by_content[content] = token
        if not by_content:
            return inner, None
        ids = {content: self._vocabulary[token.content] for content, token in by_content.items()}
        strips = {content: (token.lstrip, token.rstrip) for content, token in by_content.items()}
        # What the second stage is given need not begin where the text does.
        keeps_one = self._keeps_one and not normalized
        stage = Literals(ids, inner, Strips(strips, widens=self._widens, keeps_one=keeps_one))
        return stage, stage

    def _normalized(self, content: str) -> str:
        """Returns the text of an added token normalized."""
        for step in self._steps:
            content = step.of(content)
        return content

    def _in_words(self, text: tf.Tensor, places: bool) -> Pieces:
        """The last stage."""
        return Pieces(*self._words[places](text))

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        """Returns the tokens of `text`, strings [B]; with `places`, where each lies in its text."""
        plain = tf.strings.regex_full_match(text, _VALID)
        if self._first is not None:
            plain &= ~tf.strings.regex_full_match(text, self._first.pattern)
        changed = [text]
        for step in self._steps:
            changed.append(step.replace(changed[-1]))
        if self._second is not None:
            plain &= ~tf.strings.regex_full_match(changed[-1], self._second.pattern)
        if self._steps and places:  # places in what was normalized need the stages
            plain &= tf.equal(changed[-1], text)
        return when(
            tf.reduce_all(plain),
            lambda: self._in_words(changed[-1], places),
            lambda: self._both_ways(text, changed[-1], plain, places),
        )

    def _both_ways(self, text: tf.Tensor, changed: tf.Tensor, plain: tf.Tensor, places: bool) -> Pieces:
        """The tokens of a batch of which only the texts that are not `plain`, bool [B], go the long way."""
        rows = [tf.where(of)[:, 0] for of in (plain, ~plain)]
        first = self._in_words(tf.gather(changed, rows[0]), places)
        second = self._long_way[places](tf.gather(text, rows[1]))
        splits = tf.concat([first.row_splits, second.row_splits[1:] + first.row_splits[-1]], 0)
        row = tf.math.invert_permutation(tf.cast(tf.concat(rows, 0), tf.int32))
        order = tf.gather(tf.RaggedTensor.from_row_splits(tf.range(splits[-1]), splits, validate=False), row)

        def both(name: str) -> tf.Tensor | None:
            values = [getattr(pieces, name) for pieces in (first, second)]
            return None if values[0] is None else tf.gather(tf.concat(values, 0), order.values)

        return Pieces(both("ids"), order.row_splits, both("firsts"), both("lasts"), both("begins"))

    def detokenize(self, ids: tf.RaggedTensor, clean_up: bool) -> tf.Tensor:
        """Returns texts, strings [B], of ids [B, (tokens)].

        Tokens have their own spaces: `clean_up` changes nothing.
        """
        texts = tf.strings.reduce_join(tf.gather(tf.constant(self._raw), ids), -1)
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")

    def continues_word(self, token: str) -> bool:
        """Whether a token of the vocabulary begins with no white space, so that it continues the word before it."""
        return token not in self._added and bytes_of(token) is not None and not token.startswith(_BEGINS_WORD)

    def joined(self, tokens: Sequence[str]) -> str:
        """Returns tokens of the vocabulary as readable text, special tokens included."""
        return b"".join(map(raw, tokens)).decode("utf-8", "replace")

    def _trimmer(self, keeps_first_space: bool) -> Trim:
        """`tokenizers`' process_offsets of pre_tokenizers/byte_level.rs, in the order of its steps."""
        leading, trailing = (np.array(counts, np.int32) for counts in zip(*map(_spaces, self._vocabulary), strict=True))

        def trim(ids: tf.Tensor, first: tf.Tensor, after: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            before, behind = tf.gather(leading, ids), tf.gather(trailing, ids)
            if keeps_first_space:  # of several, none is the one that was put there
                before = tf.where((first == 0) & (before == 1), 0, before)
            first = tf.minimum(first + before, after)
            return first, tf.where(after >= behind, tf.maximum(after - behind, first), after)

        return trim


class _Step:
    """A normalizer: one of Unicode's forms, or a map of characters."""

    def __init__(self, step: str | Mapping[int, str]) -> None:
        self._step = step
        self._stage = self.before(_nothing)

    def before(self, inner: Stage) -> Composed | Normalized:
        """The stage of the normalizer with another after it."""
        return Composed(self._step, inner) if isinstance(self._step, str) else Normalized(self._step, inner)

    def replace(self, text: tf.Tensor) -> tf.Tensor:
        """Returns normalized texts [B]."""
        return self._stage.replace(text) if isinstance(self._stage, Composed) else self._stage.replace(text, False)[0]

    def of(self, content: str) -> str:
        """Returns one text normalized."""
        with tf.init_scope():
            return self.replace(tf.constant([content])).numpy()[0].decode("utf-8")


def _nothing(text: tf.Tensor, places: bool) -> Pieces:
    raise NotImplementedError


def _spaces(token: str) -> tuple[int, int]:
    """How many white spaces a token begins and ends with."""

    def is_space(char: str) -> bool:
        return char == _SPACE_LETTER or char in WHITE_SPACE

    leading = next((i for i, char in enumerate(token) if not is_space(char)), len(token))
    trailing = next((i for i, char in enumerate(reversed(token)) if not is_space(char)), len(token))
    return leading, trailing
