"""BERT's WordPiece: texts -> tokens by the rules of google-research/bert, and tokens -> text. B texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

from tfbert.text.algorithms import characters
from tfbert.text.algorithms.algorithm import Trim
from tfbert.text.algorithms.apart import apart
from tfbert.text.algorithms.detokenizer import detokenized
from tfbert.text.algorithms.literals import Literals
from tfbert.text.algorithms.rules import Rules
from tfbert.text.algorithms.split_words import SplitWords
from tfbert.text.algorithms.stages import LONG_WORD, Normalized, Words
from tfbert.text.pieces import Pieces, when
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.vocabulary import Vocabulary

Stage: TypeAlias = Callable[[tf.Tensor, bool], Pieces]


class WordPiece:
    """An `Algorithm`: words are cut into the longest pieces of the vocabulary; a mark begins all but a word's first.

    Texts are split at special and added tokens, then normalized, then become tokens of words. Where added tokens are
    to be found in normalized text, that text exists as such: it is split once more before words are set apart.

    A batch that spells out no such token and has no word over BERT's limit needs two ops only. The graph looks which
    it is; a portable one, which has only ops of LiteRT, takes the whole way always.

    Args:
        vocabulary: a Vocabulary.
        rules: `Rules`. Those that are not BERT's own take the whole way, by stages of their own.
        special_tokens, added_tokens, portable: as Tokenizer's.

    Raises VocabularyError for a vocabulary that tensorflow_text refuses.

    Attributes:
        trim: None: no token holds white space.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s"])
    >>> algorithm = WordPiece(vocabulary, Rules.of_flags(True, True, True), SpecialTokens(), (), portable=False)
    >>> algorithm(tf.constant(["A film", "films"]), places=False).ids.numpy().tolist()
    [4, 5, 5, 6]
    """

    trim: Trim | None = None

    def __init__(
        self,
        vocabulary: Vocabulary,
        rules: Rules,
        special_tokens: SpecialTokens,
        added_tokens: Sequence[AddedToken],
        portable: bool,
    ) -> None:
        self.continuation = rules.continuation
        names = ("lower_case", "strip_accents", "tokenize_chinese_chars")
        self.rules: dict[str, bool | str] = dict(zip(names, rules.flags, strict=True))
        added = {token.content: token for token in added_tokens}
        in_normalized = [content for content, token in added.items() if token.normalized]
        verbatim = dict.fromkeys([*special_tokens.in_vocabulary(vocabulary), *added])
        literals = {content: vocabulary[content] for content in verbatim if content not in in_normalized}

        self._tokens = vocabulary.tokens
        if rules.is_bert:
            self._words = Words(vocabulary, special_tokens.unknown, rules.flags[2])
            self._normalized = self._by_own_rules(rules.flags, {c: vocabulary[c] for c in in_normalized})
        else:
            self.rules |= {name: str(value) for name, value in rules.to_json().items()}
            self._normalized = self._by_any_rules(
                rules, SplitWords(vocabulary, special_tokens.unknown, rules), {c: vocabulary[c] for c in in_normalized}
            )
        self._all = Literals(literals, self._normalized)
        self._has_short_cut = rules.is_bert and not (in_normalized or portable)
        self._long_way = apart(self._all)

    def _by_own_rules(self, flags: tuple[bool, bool, bool], normalized: dict[str, int]) -> Normalized:
        """BERT's own rules; `normalized` are the added tokens, with their ids, that are found in normalized text."""
        if not normalized:
            return Normalized(characters.end_to_end_normalizer(*flags), self._words)
        by_character = characters.bert_normalizer(*flags)
        inner = Normalized(characters.set_apart({}, flags[2]), self._words)
        return Normalized(by_character, _found_in(by_character, normalized, inner))

    @staticmethod
    def _by_any_rules(rules: Rules, words: SplitWords, normalized: dict[str, int]) -> Normalized:
        by_character = characters.in_turn(rules.characters, words.reserved)
        inner = _found_in(by_character, normalized, words)
        return Normalized(by_character, inner, malformed="\ufffd".translate(by_character))

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
        return bool(self.continuation) and token.startswith(self.continuation)

    def joined(self, tokens: Sequence[str]) -> str:
        """Returns tokens of the vocabulary as readable text, special tokens included."""
        return " ".join(tokens).replace(f" {self.continuation}", "")


def _found_in(by_character: Mapping[int, str], ids: Mapping[str, int], inner: Stage) -> Stage:
    """The stage that finds tokens, given with their ids, in normalized text, and hands on the text between them."""
    normalized = {content.translate(by_character): number for content, number in ids.items()}
    normalized.pop("", None)  # nothing is left of it to be found
    return Literals(normalized, inner) if normalized else inner
