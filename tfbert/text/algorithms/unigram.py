"""SentencePiece models: texts -> tokens as SentencePiece's own library cuts them, and tokens -> text. B texts."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Sequence

import tensorflow as tf
from absl import logging

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.algorithm import Trim
from tfbert.text.algorithms.apart import apart
from tfbert.text.algorithms.composed import Composed
from tfbert.text.algorithms.literals import Literals
from tfbert.text.algorithms.sentencepiece_model import SPACE, SentencePieceModel
from tfbert.text.algorithms.sentencepiece_op import FastSentencePieceOp, SentencePieceOp
from tfbert.text.algorithms.stages import Normalized
from tfbert.text.algorithms.strips import Strips
from tfbert.text.algorithms.unigram_charsmap import becomes, with_pairs
from tfbert.text.algorithms.unigram_closed import Closed
from tfbert.text.algorithms.unigram_places import Places
from tfbert.text.algorithms.unigram_rules import QUOTES
from tfbert.text.algorithms.unigram_settings import UnigramRules
from tfbert.text.pieces import Pieces, when
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.vocabulary import WHITE_SPACE, Vocabulary

_UTF8 = r"[\x{0}-\x{D7FF}\x{E000}-\x{10FFFF}]*"  # RE2's, which matches what Python's decode() takes
_COMPOSED = r"[\x{0}-\x{2FF}]*"  # what form NFC leaves as it is, of the characters that most texts have
_BREAKS = "\t\n\r"
_QUOTES = {ord(two[0]): byte for byte, two in enumerate(QUOTES, 1)}  # control characters that stand for them
_GONE = "\x03"  # a control character that models delete
_CLEAN_UP = (  # transformers, tokenization_utils_base.py, clean_up_tokenization
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m")),
    *((" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


class Unigram:
    """An `Algorithm`: a SentencePiece model, Unigram or BPE, with special tokens that texts spell out.

    Texts are split at special and added tokens; what is between them is normalized and cut as a text of its own. Ids
    are those of SentencePiece's library, with places and without; ties after unknown characters may fall otherwise.

    Args:
        vocabulary: a Vocabulary that begins with the model's pieces; ids are theirs.
        rules: `UnigramRules`: the model, whose pieces that no text may match are CONTROL or UNUSED, and what happens
            before its own normalizer.
        special_tokens, added_tokens, portable: as Tokenizer's. A portable one gives no places.

    Raises VocabularyError or ConfigError: a model that tfbert cannot follow, with the reason.

    >>> pieces = [sp.Piece(b"<unk>", 0.0, sp.UNKNOWN), *(sp.Piece(t.encode(), -1.0) for t in ("▁", "▁a", "b"))]
    >>> vocabulary = Vocabulary([piece.text.decode() for piece in pieces])
    >>> model = SentencePieceModel(tuple(pieces))
    >>> algorithm = Unigram(vocabulary, UnigramRules(model), SpecialTokens(unknown="<unk>"))
    >>> algorithm(tf.constant(["a b", "ab"]), places=False).ids.numpy().tolist()
    [2, 1, 3, 2, 3]
    """

    trim: Trim | None = None  # of white space: what tokens cover is settled here

    def __init__(
        self,
        vocabulary: Vocabulary,
        rules: UnigramRules,
        special_tokens: SpecialTokens,
        added_tokens: Iterable[AddedToken] = (),
        portable: bool = False,
    ) -> None:
        model, before = rules.model, rules.before
        _check(model, vocabulary)
        self.model = model
        self.rules: dict[str, bool | str] = {
            "algorithm": "unigram",
            **{name: str(value) for name, value in before.to_json().items()},
            "model": hashlib.sha256(sp.write(model)).hexdigest(),
        }
        self._tokens, self._portable = vocabulary.tokens, portable
        characters = dict(before.characters)
        charsmap = model.charsmap
        if before.quotes:
            pairs = {byte: (chr(mark), '"') for mark, byte in _QUOTES.items()}
            charsmap = with_pairs(charsmap, pairs)
            # What is deleted keeps two marks apart: the model's map deletes it after it has looked at them.
            gone = _GONE if becomes(charsmap, _GONE) == "" else ""
            characters = {code: text or gone for code, text in characters.items()}
            characters |= {**dict.fromkeys(pairs, gone), **{mark: chr(byte) for mark, byte in _QUOTES.items()}}
        if not model.charsmap and before.splits_white_space:
            characters = {**dict.fromkeys(map(ord, WHITE_SPACE), " "), **characters}
        if not model.charsmap and not before.splits_white_space:
            # The fast operation would make spaces of them, which the library does not; no piece has the other one.
            characters = {**dict.fromkeys(map(ord, _BREAKS), "\v"), **characters}
        if becomes(charsmap, SPACE) is None:
            characters[ord(SPACE)] = " "  # else texts with it would have words of no characters
        model = _matchable(dataclasses.replace(model, charsmap=charsmap), vocabulary.source)
        self._closed = Closed(model)
        data = sp.write(self._closed.model)
        if before.composes and portable:
            raise ConfigError(f"{vocabulary.source}: LiteRT has no operation for Unicode's form NFC")
        # The fast operation would take a BPE model for a Unigram one.
        if model.kind != sp.UNIGRAM and portable:
            raise ConfigError(f"{vocabulary.source}: LiteRT has no operation for SentencePiece models but Unigram ones")
        self._op = FastSentencePieceOp(data) if model.kind == sp.UNIGRAM else SentencePieceOp(data)
        self._places = (
            None if portable else Places(self._closed.model, self._closed.characters, before.splits_white_space)
        )

        added = {token.content: token for token in added_tokens}
        names = dict.fromkeys([*special_tokens.in_vocabulary(vocabulary), *added])
        if in_normalized := [token.content for token in added.values() if token.normalized]:
            logging.warning("%s: found as they are spelt, and not in normalized text", ", ".join(in_normalized[:20]))
        # What a token takes along is white space, which the model drops anyway: only places change.
        of = {name: (token.lstrip, token.rstrip) for name, token in added.items()}
        strips = None if portable else Strips(of, widens=True, keeps_one=False)
        malformed = "\ufffd".translate(characters)
        self._has_map = bool(characters) or portable
        self._normalized = Normalized(characters, self._cut, malformed=malformed)
        self._composes = before.composes
        inner = Composed("NFC", self._normalized) if before.composes else self._normalized
        literals = Literals({name: vocabulary[name] for name in names}, inner, strips)
        self._pattern = literals.pattern
        self._all = Normalized({}, literals, malformed="\ufffd") if before.composes else literals
        self._long_way, self._one_step = apart(self._all), apart(self._cut)

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        """Returns the tokens of `text`, strings [B]; with `places`, where each lies in its text."""
        if self._portable:
            if places:
                raise ConfigError(
                    "LiteRT has no operation that finds the tokens of a SentencePiece model in texts: portable=True "
                    "goes without offsets"
                )
            return self._all(text, places)
        found = tf.strings.regex_full_match(text, self._pattern)
        if self._composes:
            found |= ~tf.strings.regex_full_match(text, _COMPOSED)
        elif not self._has_map:
            found |= ~tf.strings.regex_full_match(text, _UTF8)

        def short_way() -> Pieces:
            cut = self._cut if isinstance(self._op, FastSentencePieceOp) and not places else self._one_step[places]
            if not self._has_map:
                return cut(text)
            normalized, offsets = self._normalized.replace(text, places)
            return self._normalized.placed(cut(normalized), offsets)

        return when(tf.reduce_any(found), lambda: self._long_way[places](text), short_way)

    def _cut(self, text: tf.Tensor, places: bool = False) -> Pieces:
        """The tokens of normalized text without special tokens."""
        ids, row_splits = self._op.tokenize(text)
        if not places:
            return self._closed.opened(Pieces(ids, row_splits, None, None, None), self._portable)
        assert self._places is not None
        return self._closed.opened(self._places(text, ids, row_splits), portable=False)

    def detokenize(self, ids: tf.RaggedTensor, clean_up: bool) -> tf.Tensor:
        """Returns texts, strings [B], of ids [B, (tokens)]; `clean_up` removes spaces before punctuation."""
        texts = [token.replace(SPACE, " ") for token in self._tokens]
        after_others, at_first = tf.constant(texts), tf.constant([text.removeprefix(" ") for text in texts])
        parts = tf.concat([tf.gather(at_first, ids[:, :1]), tf.gather(after_others, ids[:, 1:])], 1)
        text = tf.strings.reduce_join(parts, -1)
        for before, after in _CLEAN_UP if clean_up else ():
            text = tf.strings.regex_replace(text, before.replace(".", r"\.").replace("?", r"\?"), after)
        return text

    def continues_word(self, token: str) -> bool:
        """Whether a token of the vocabulary continues the word of the token before it."""
        return token in self._continuing

    @functools.cached_property
    def _continuing(self) -> set[str]:
        pieces = ((piece.text.decode("utf-8"), piece.kind) for piece in self.model.pieces)
        return {text for text, kind in pieces if kind != sp.CONTROL and not text.startswith(SPACE)}

    def joined(self, tokens: Sequence[str]) -> str:
        """Returns tokens of the vocabulary as readable text, special tokens included."""
        return "".join(tokens).replace(SPACE, " ").removeprefix(" ")


def _check(model: SentencePieceModel, vocabulary: Vocabulary) -> None:
    """Raises ConfigError or VocabularyError: a model that tfbert cannot follow, or of other tokens."""
    source = vocabulary.source
    wrong = {
        "a space after each word": model.treat_whitespace_as_suffix,
        "no space before texts": not model.add_dummy_prefix,
        "tokens of several spaces": not model.remove_extra_whitespaces,
        "spaces that are not written as U+2581": not model.escape_whitespaces,
        "tokens of bytes": model.byte_fallback,
        "a token for each character": model.kind == sp.CHARACTERS,
    }
    for what, is_so in wrong.items():
        if is_so:
            raise ConfigError(f"{source}: a SentencePiece model with {what}, which tfbert does not have")
    if len(model.pieces) > len(vocabulary):
        raise VocabularyError(f"{source} has {len(vocabulary):,} tokens, and the model {len(model.pieces):,} pieces")
    characters = set("".join(piece.text.decode("utf-8") for piece in model.pieces if piece.kind != sp.CONTROL))
    if not model.charsmap and characters & {*_BREAKS, "\v"}:
        raise ConfigError(
            f"{source}: a SentencePiece model with tokens of tabs or line breaks, which tfbert does not have"
        )
    seen: dict[bytes, int] = {}
    has_space = False
    for number, piece in enumerate(model.pieces):
        if piece.text.decode("utf-8") != vocabulary.tokens[number]:
            raise VocabularyError(
                f"{source}: token {number} is {vocabulary.tokens[number]!r:.80}; the model has {piece.text!r:.80} there"
            )
        if seen.setdefault(piece.text, number) != number:
            raise VocabularyError(f"{source}: tokens {seen[piece.text]} and {number} are both {piece.text!r:.80}")
        has_space |= piece.text.decode("utf-8") == SPACE and piece.kind in (sp.NORMAL, sp.USER_DEFINED)
    if not has_space:
        raise VocabularyError(
            f"{source}: the SentencePiece model has no token {SPACE} (U+2581), which each word may need"
        )


def _matchable(model: SentencePieceModel, source: str) -> SentencePieceModel:
    """The model without pieces of several words, which no word matches; a warning names some."""
    several = [piece for piece in model.pieces if SPACE in piece.text.decode("utf-8")[1:] and piece.kind != sp.CONTROL]
    if not several:
        return model
    some = ", ".join(repr(piece.text.decode("utf-8")) for piece in several[:5])
    logging.warning("%s: %d tokens of several words match no text: %s", source, len(several), some)
    left_out = {piece.text for piece in several}
    pieces = (piece._replace(kind=sp.CONTROL) if piece.text in left_out else piece for piece in model.pieces)
    return dataclasses.replace(model, pieces=tuple(pieces))
