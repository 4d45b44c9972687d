"""The stages of a tokenizer put together. B texts."""

import functools

import tensorflow as tf

from tfbert.text.algorithms import characters
from tfbert.text.algorithms.literals import Literals
from tfbert.text.algorithms.wordpiece import LONG_WORD, Normalized, WordPiece
from tfbert.text.pieces import when


class Stages:
    """Texts [B] -> Pieces, by the rules of a Tokenizer's arguments.

    Texts are split at special and added tokens, then normalized, then become WordPiece tokens. Where added tokens
    are to be found in normalized text, that text exists as such: it is split once more before words are set apart.

    A batch that spells out no such token and has no word over BERT's limit needs two ops only. The graph looks which
    it is; a portable one, which has only ops of LiteRT, takes the whole way always.
    """

    def __init__(self, vocabulary, rules, special_tokens, added_tokens, portable):
        """rules: lower case, strip accents, tokenize Chinese characters; bools."""
        added = {token.content: token for token in added_tokens}
        verbatim = dict.fromkeys(special_tokens.in_vocabulary(vocabulary))
        verbatim.update(dict.fromkeys(content for content, token in added.items() if not token.normalized))
        normalized = [content for content, token in added.items() if token.normalized and content not in verbatim]

        self._words = WordPiece(vocabulary, special_tokens.unknown, rules[2])
        if normalized:
            by_character = characters.bert_normalizer(*rules)
            ids = {content.translate(by_character): vocabulary[content] for content in normalized}
            ids.pop("", None)  # nothing is left of it to be found
            inner = Normalized(characters.set_apart({}, rules[2]), self._words)
            self._normalized = Normalized(by_character, Literals(ids, inner) if ids else inner)
        else:
            self._normalized = Normalized(characters.end_to_end_normalizer(*rules), self._words)
        self._all = Literals({content: vocabulary[content] for content in verbatim}, self._normalized)
        self._has_short_cut = not (normalized or portable)
        # Functions of their own, which stay apart: traced once, and not a hundred idle ops in every short cut's graph.
        self._long_way = {
            places: tf.function(
                functools.partial(self._all, places=places),
                input_signature=[tf.TensorSpec([None], tf.string)],
                autograph=False,
                experimental_attributes={"_noinline": True},
            )
            for places in (False, True)
        }

    def __call__(self, text, places):
        if not self._has_short_cut:
            return self._all(text, places)
        # One op after the other: handing work to another thread would cost a single text more than it saves.
        has_literal = tf.strings.regex_full_match(text, self._all.pattern)
        with tf.control_dependencies([has_literal]):
            normalized, offsets = self._normalized.replace(text, places)
        is_long = tf.strings.regex_full_match(normalized, LONG_WORD)
        with tf.control_dependencies([is_long]):
            pieces = self._normalized.placed(self._words.tokens(normalized, places), offsets)
        found = tf.reduce_any(is_long | has_literal)
        return when(found, lambda: self._long_way[places](text), lambda: pieces)
