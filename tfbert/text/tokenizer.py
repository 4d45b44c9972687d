"""Strings -> token_ids, segment_ids, padding_mask, and back, as graph ops.

Shapes: B texts, W windows of all texts together, S = the longest row of the batch, V vocabulary.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfbert import hooks
from tfbert.text import inputs, kinds
from tfbert.text.algorithms.algorithm import Algorithm, AlgorithmRules
from tfbert.text.algorithms.rules import Rules
from tfbert.text.config import config_of, settings_of
from tfbert.text.folder import has_capitals, read_folder, write_folder
from tfbert.text.parts import PartMaker
from tfbert.text.special_tokens import AddedToken, SpecialTokens, are_special, check_added, unused_tokens
from tfbert.text.template import Template
from tfbert.text.truncation import check_truncation, truncated
from tfbert.text.vocabulary import Vocabulary
from tfbert.text.windows import windows_of

# There is no Python control flow over tensors below for AutoGraph to find: it would take seconds.
_as_it_stands = tf.autograph.experimental.do_not_convert


class Tokenizer:
    """Strings -> ids, equal to Hugging Face's tokenizers, eagerly, in tf.data and in a SavedModel; WordPiece in LiteRT.

    An `algorithm` cuts texts into tokens, and a `template` puts special tokens around them.

    Args:
        vocabulary: a Vocabulary.
        lower_case: lower-case the text. It and the next two are BERT's WordPiece; with `rules`, they follow from them.
        strip_accents: remove accents; None means as `lower_case`.
        tokenize_chinese_chars: make each Chinese character a word.
        max_length: tokens at most, the special ones included.
        special_tokens: the vocabulary's names for [UNK], [CLS], … where they are not the algorithm's own.
        added_tokens: `AddedToken`s of the vocabulary.
        template: a Template; the algorithm's own unless given.
        rules: the settings of an algorithm: `ByteBpeRules`, or the `Rules` of WordPiece where they are not BERT's.
        portable: build graphs for LiteRT, of the ops that it has with tensorflow_text's kernels alone.

    Attributes: the arguments, `algorithm`, `padding_id`, `unknown_id`, and `special_ids` of template and padding.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s"])
    >>> Tokenizer(vocabulary)(["A film", "films"])["token_ids"].numpy()
    array([[2, 4, 5, 3],
           [2, 5, 6, 3]], dtype=int32)
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        max_length: int = 512,
        *,
        special_tokens: SpecialTokens | None = None,
        added_tokens: Iterable[AddedToken] = (),
        template: Template | None = None,
        rules: AlgorithmRules | None = None,
        portable: bool = False,
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"vocabulary is {type(vocabulary).__name__}; expected a tfbert.text.Vocabulary")
        kind = kinds.kind_of(rules)
        special_tokens = special_tokens or kind.special_tokens
        special_tokens.check(vocabulary)
        if rules is not None:
            flags = rules.flags if isinstance(rules, Rules) else (False, False, False)
            lower_case, strip_accents, tokenize_chinese_chars = flags
        self.rules = None if isinstance(rules, Rules) and rules.is_bert else rules
        self.vocabulary = vocabulary
        self.lower_case = lower_case
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.max_length = max_length
        self.special_tokens = special_tokens
        self.added_tokens = check_added(added_tokens, vocabulary)
        self.template = template or kind.template(vocabulary, special_tokens)
        self.template.check(vocabulary)
        self.portable = portable
        self.padding_id: int = vocabulary[special_tokens.padding]
        self.unknown_id: int = vocabulary[special_tokens.unknown]
        self.special_ids: tuple[int, ...] = tuple(dict.fromkeys((*self.template.ids, self.padding_id)))
        self.algorithm: Algorithm = kind.algorithm(
            vocabulary, self._all_rules, special_tokens, self.added_tokens, portable
        )
        self._parts = PartMaker(self.algorithm, portable)
        self._is_special = np.array(are_special(vocabulary, special_tokens, self.added_tokens))

    @classmethod
    def from_checkpoint(cls, name: str | os.PathLike[str]) -> Tokenizer:
        """Reads the tokenizer of a checkpoint: a folder of any format that `tfbert.checkpoints` reads, or a hub id.

        Raises CheckpointError, VocabularyError or ConfigError.

        >>> tfbert.Tokenizer.from_checkpoint("path/or/hf-id")(["refund"])["token_ids"].shape
        TensorShape([1, 3])
        """
        return hooks.room("checkpoints").open_checkpoint(name).tokenizer()

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str], max_length: int | None = None) -> Tokenizer:
        """Reads a Hugging Face or Google folder: vocab.txt, tokenizer_config.json, tokenizer.json, ….

        `max_length` replaces the folder's model_max_length. Raises VocabularyError or ConfigError, naming the file.
        """
        vocabulary, settings = read_folder(folder)
        return cls(vocabulary, **settings if max_length is None else {**settings, "max_length": max_length})

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **settings: Any) -> Tokenizer:
        """Reads a vocab.txt; `settings` are the constructor's. Raises VocabularyError, naming the file.

        Unless `lower_case` is given, text is lower-cased if the vocabulary holds no word with a capital letter.
        """
        vocabulary = Vocabulary.from_file(path)
        return cls(vocabulary, **{"lower_case": not has_capitals(vocabulary), **settings})

    @_as_it_stands
    def __call__(
        self,
        text: inputs.Strings | inputs.Words,
        text_pair: inputs.Strings | inputs.Words | None = None,
        *,
        max_length: int | None = None,
        truncation: str = "longest_first",
        offsets: bool = False,
        is_split_into_words: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Returns {"token_ids", "segment_ids", "padding_mask"}, int32 [B, S]: [CLS] text [SEP] pair [SEP].

        Args:
            text, text_pair: strings [B] (tensor, list or array); with `is_split_into_words` strings [B, (words)]
                (RaggedTensor or lists), of which each is tokenized by itself.
            max_length: tokens at most; S is the batch's longest row, at least 1.
            truncation: "longest_first", "only_first" or "only_second".
            offsets: also return, int32, where each token is: "text_ids" [B, S], of `text` (0) or `text_pair` (1);
                "byte_offsets" and "character_offsets" [B, S, 2], its start and end in its text (in its word, where
                split into words); "word_ids" [B, S], the number of its word in the text. Special tokens and padding
                have -1, (0, 0) and -1. Characters are those of Python's `decode("utf-8", "replace")`.

        Raises TypeError or ValueError for what is not [B] strings, ValueError for a `max_length` without room
        for the special tokens.
        """
        check_truncation(truncation)
        parts = self._parts(text, text_pair, offsets, is_split_into_words)
        room = self.template.room(self.max_length if max_length is None else max_length, len(parts))
        parts = truncated(parts, room, truncation, check=not self.portable)
        return self.template.assemble(parts, self.padding_id, text_ids=offsets)

    @_as_it_stands
    def windows(
        self,
        text: inputs.Strings | inputs.Words,
        text_pair: inputs.Strings | inputs.Words | None = None,
        *,
        max_length: int | None = None,
        stride: int = 0,
        max_first_length: int | None = None,
        offsets: bool = False,
        is_split_into_words: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Cuts long texts into overlapping windows: `text`, or `text_pair` after all of its `text` (a question).

        Args:
            stride: tokens that a window shares with the one before, as Hugging Face's.
            max_first_length: tokens kept of `text` where there are pairs; 64, or half of what `stride` leaves of a
                short window, unless given.
            others: as for a call.

        Returns:
            What a call returns, for W windows in the order of the texts, and
            "rows": int32 [W], the text that a window is from;
            "best_context": int32 [W, S], 1 where no other window sees the token with more text on both sides.

        Raises ValueError for a stride that leaves no room for new tokens.
        """
        max_length = self.max_length if max_length is None else max_length
        parts = self._parts(text, text_pair, offsets, is_split_into_words)
        found = windows_of(parts, self.template, max_length, stride, max_first_length)
        batch = self.template.assemble(found.parts, self.padding_id, text_ids=offsets)
        best_context = found.best_context(tf.shape(batch["token_ids"])[1])
        return {**batch, "rows": found.rows, "best_context": best_context}

    @_as_it_stands
    def tokenize(self, text: inputs.Strings, offsets: bool = False) -> Any:
        """Returns the ids of `text` [B] without special tokens: RaggedTensor of int32 [B, (tokens)].

        With `offsets` a dict of "token_ids" and the places of tokens that a call adds, with ragged tokens.
        """
        part, splits = self._parts.of(inputs.strings(text, "text"), offsets)
        ragged = functools.partial(tf.RaggedTensor.from_row_splits, row_splits=splits, validate=False)
        features = {name: ragged(values) for name, values in part.features.items()}
        return features if offsets else features["token_ids"]

    @_as_it_stands
    def detokenize(self, ids: inputs.Ids, skip_special_tokens: bool = True, clean_up: bool = True) -> tf.Tensor:
        """Returns texts [B] of `ids`, int [B, S] or ragged [B, (tokens)], as Hugging Face's `decode`.

        `clean_up` removes the spaces before punctuation and in English contractions. Raises ValueError for ids
        that the vocabulary does not have (in a graph, InvalidArgumentError).
        """
        ids = inputs.ids(ids, len(self.vocabulary))
        if skip_special_tokens:
            ids = tf.ragged.boolean_mask(ids, ~tf.gather(tf.constant(self._is_special), ids))
        return self.algorithm.detokenize(ids, clean_up)

    def joined(self, tokens: Sequence[str]) -> str:
        """Returns tokens of the vocabulary as readable text, special tokens included.

        >>> tokenizer.joined(["a", "film", "##s"])
        'a films'
        """
        return self.algorithm.joined(tokens)

    def num_special_tokens(self, texts: int = 1) -> int:
        """Returns how many special tokens a call puts around one text or two."""
        return self.template.num_special_tokens(texts)

    def lowered(self) -> Tokenizer:
        """Returns the tokenizer that lower-cases texts before it does anything else."""
        rules = kinds.to_json(self._all_rules.lowered())
        return Tokenizer.from_config({**self.get_config(), "rules": rules}, portable=self.portable)

    @property
    def _all_rules(self) -> AlgorithmRules:
        """The rules, BERT's own too."""
        return self.rules or Rules.of_flags(
            bool(self.lower_case), self.strip_accents, bool(self.tokenize_chinese_chars)
        )

    def with_added_tokens(self, tokens: Iterable[AddedToken | str]) -> Tokenizer:
        """Returns the tokenizer that also finds these tokens in texts; those that are new get the next ids.

        As Hugging Face's `add_tokens`. `from_checkpoint` of a model takes such tokens as `added_tokens`, and adds the
        rows of their embeddings.

        >>> [token.content for token in tokenizer.with_added_tokens(["[E1]", "[/E1]"]).added_tokens]
        ['[E1]', '[/E1]']
        """
        asked = [token if isinstance(token, AddedToken) else AddedToken(token) for token in tokens]
        known = {*self.special_tokens, *(token.content for token in self.added_tokens)}
        added = {token.content: token for token in asked if token.content not in known}
        if not added:
            return self
        config = self.get_config()
        config["vocabulary"] = [*config["vocabulary"], *(name for name in added if name not in self.vocabulary)]
        config["added_tokens"] = [*config["added_tokens"], *(vars(token).copy() for token in added.values())]
        tokenizer = Tokenizer.from_config(config, portable=self.portable)
        tokenizer.vocabulary.source = self.vocabulary.source  # for messages
        return tokenizer

    @property
    def mask_id(self) -> int:
        """The id of the mask. Raises VocabularyError where the vocabulary has none."""
        return self.special_tokens.mask_id(self.vocabulary)

    @property
    def unused_tokens(self) -> list[str]:
        """The tokens that the vocabulary keeps free for new uses."""
        return unused_tokens(self.vocabulary, self.added_tokens)

    @functools.cached_property
    def continues_word(self) -> np.ndarray:
        """Whether each token of the vocabulary continues the word of the token before it: bool [V]."""
        return np.array([self.algorithm.continues_word(token) for token in self.vocabulary])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the files of its algorithm, for `from_folder` and for Hugging Face's tokenizers.

        WordPiece: vocab.txt and tokenizer_config.json, and tokenizer.json where BERT's own rules are not all.
        Byte-level BPE: vocab.json, merges.txt, tokenizer.json and tokenizer_config.json. Removes an earlier
        tokenizer's files. Raises DiskError, or VocabularyError for a token that the files cannot hold.
        """
        write_folder(folder, self)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain JSON values."""
        return config_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], **changes: Any) -> Tokenizer:
        """The inverse of `get_config`; `changes` are arguments of the constructor."""
        return cls(**{**settings_of(config), **changes})
