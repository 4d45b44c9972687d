"""BERT's WordPiece: texts -> tokens by the rules of google-research/bert, and tokens -> text. B texts."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tensorflow as tf

from tfbert.text.algorithms import characters
from tfbert.text.algorithms.detokenizer import detokenized
from tfbert.text.algorithms.literals import Literals
from tfbert.text.algorithms.stages import CONTINUATION, LONG_WORD, Normalized, Words
from tfbert.text.pieces import Pieces, when
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.vocabulary import Vocabulary


class WordPiece:
    """An `Algorithm`: words are cut into the longest pieces of the vocabulary, those that continue a word marked "##".

    Texts are split at special and added tokens, then normalized, then become tokens of words. Where added tokens are
    to be found in normalized text, that text exists as such: it is split once more before words are set apart.

    A batch that spells out no such token and has no word over BERT's limit needs two ops only. The graph looks which
    it is; a portable one, which has only ops of LiteRT, takes the whole way always.

    Args:
        vocabulary: a Vocabulary.
        lower_case, strip_accents, tokenize_chinese_chars: as Tokenizer's, none of them None.
        special_tokens, added_tokens, portable: as Tokenizer's.

    Raises VocabularyError for a vocabulary that tensorflow_text refuses.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s"])
    >>> algorithm = WordPiece(vocabulary, True, True, True, SpecialTokens(), (), portable=False)
    >>> algorithm(tf.constant(["A film", "films"]), places=False).ids.numpy().tolist()
    [4, 5, 5, 6]
    """

    continuation = CONTINUATION

    def __init__(
        self,
        vocabulary: Vocabulary,
        lower_case: bool,
        strip_accents: bool,
        tokenize_chinese_chars: bool,
        special_tokens: SpecialTokens,
        added_tokens: Sequence[AddedToken],
        portable: bool,
    ) -> None:
        rules = tuple(map(bool, (lower_case, strip_accents, tokenize_chinese_chars)))
        self.rules = dict(zip(("lower_case", "strip_accents", "tokenize_chinese_chars"), rules, strict=True))
        added = {token.content: token for token in added_tokens}
        verbatim = dict.fromkeys(special_tokens.in_vocabulary(vocabulary))
        verbatim.update(dict.fromkeys(content for content, token in added.items() if not token.normalized))
        normalized = [content for content, token in added.items() if token.normalized and content not in verbatim]

        self._tokens = vocabulary.tokens
        self._words = Words(vocabulary, special_tokens.unknown, tokenize_chinese_chars)
        if normalized:
            by_character = characters.bert_normalizer(*rules)
            ids = {content.translate(by_character): vocabulary[content] for content in normalized}
            ids.pop("", None)  # nothing is left of it to be found
            inner = Normalized(characters.set_apart({}, tokenize_chinese_chars), self._words)
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

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        """Returns the tokens of `text`, strings [B]; with `places`, where each lies in its text."""
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

    def detokenize(self, ids: tf.RaggedTensor, clean_up: bool) -> tf.Tensor:
        """Returns texts, strings [B], of ids [B, (tokens)]; `clean_up` removes spaces before punctuation."""
        return detokenized(ids, self._tokens, self.continuation, clean_up)

    def continues_word(self, token: str) -> bool:
        """Whether a token of the vocabulary continues the word of the token before it."""
        return token.startswith(self.continuation)

    def joined(self, tokens: Sequence[str]) -> str:
        """Returns tokens of the vocabulary as readable text, special tokens included."""
        return " ".join(tokens).replace(f" {self.continuation}", "")
