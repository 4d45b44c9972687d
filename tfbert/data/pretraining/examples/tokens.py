"""Texts -> the tokens of their sentences, and where words begin.

Shapes: B texts, N sentences of all texts together, T tokens of all texts together.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfbert.text.sentences import SentenceSplitter
from tfbert.text.tokenizer import Tokenizer

_BATCH_BYTES = 1 << 18  # of text in one call of the graph


class Tokens(typing.NamedTuple):
    """The tokens of documents, sentence after sentence; no sentence and no document is empty."""

    ids: np.ndarray  # int32 [T]
    begins: np.ndarray  # bool [T], whether a token begins a word; the first one of a sentence does
    sentences: np.ndarray  # int64 [N + 1], where each begins in the tokens
    documents: np.ndarray  # int64 [documents + 1], where each begins in the sentences


class TextTokenizer:
    """Documents -> `Tokens`, in graph operations and in batches of a bounded size.

    Text that spells out [SEP] or [MASK] is text here: it becomes words, as in google-research/bert; the tokenizer
    itself would find the special token.

    Args:
        tokenizer: a Tokenizer, or its config.
        sentences: "rules" or "lines".
        words: "wordpiece" or "jieba".

    >>> tokens = TextTokenizer(tokenizer)([[b"Mr. Li says so. Films!"]])
    >>> len(tokens.sentences) - 1, len(tokens.documents) - 1
    (2, 1)
    """

    def __init__(
        self, tokenizer: Tokenizer | dict[str, Any], sentences: str = "rules", words: str = "wordpiece"
    ) -> None:
        if not isinstance(tokenizer, Tokenizer):
            tokenizer = Tokenizer.from_config(tokenizer)
        self.tokenizer = tokenizer
        self._splitter = SentenceSplitter() if sentences == "rules" else None
        self._begins = ~tokenizer.continues_word
        special = tokenizer.special_tokens.in_vocabulary(tokenizer.vocabulary)
        self._literals = [(name.encode(), f"{name[0]} {name[1:]}".encode()) for name in special if len(name) > 1]
        self._chinese_words = None
        if words == "jieba":
            from tfbert.data.pretraining.examples.chinese_words import ChineseWords

            self._chinese_words = ChineseWords()
        # Traced once for all batches.
        self._graph = tf.function(self._of_texts, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def __call__(self, documents: Sequence[Sequence[bytes]]) -> Tokens:
        """Documents, lists of texts in UTF-8 -> the tokens of those documents that have any."""
        texts = [self._without_literals(text) for document in documents for text in document]
        results = [self._batch(batch) for batch in _batches(texts)]
        if not results:
            results = [(np.zeros(0, np.int32), np.zeros(0, bool), np.zeros(0, np.int64), np.zeros(0, np.int64))]
        ids, begins, token_counts, sentence_counts = map(np.concatenate, zip(*results, strict=True))
        of_document = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
        sentence_counts = np.bincount(of_document, sentence_counts, len(documents)).astype(np.int64)
        return Tokens(ids, begins, _starts(token_counts), _starts(sentence_counts[sentence_counts > 0]))

    def _without_literals(self, text: bytes) -> bytes:
        for literal, words in self._literals:
            if literal in text:
                text = text.replace(literal, words)
        return text

    def _batch(self, texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The ids, where words begin, the number of tokens of each sentence and of sentences of each text; empty
        sentences are left out."""
        parts = {name: value.numpy() for name, value in self._graph(tf.constant(texts, tf.string)).items()}
        ids, counts = parts["ids"], np.diff(parts["row_splits"]).astype(np.int64)
        begins = self._begins[ids]
        if self._chinese_words:
            begins &= ~self._chinese_words.continue_words(parts["sentences"], counts, parts["starts"], parts["ends"])
        begins[parts["row_splits"][:-1][counts > 0]] = True
        kept = counts > 0
        of_text = np.repeat(np.arange(len(texts)), np.diff(parts["sentence_splits"]))
        return ids, begins, counts[kept], np.bincount(of_text[kept], minlength=len(texts))

    def _of_texts(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text: strings [B]."""
        if self._splitter is None:
            lines = tf.strings.split(text, "\n")
            sentences, splits = lines.flat_values, lines.row_splits
        else:
            found = self._splitter(text)
            sentences, splits = self._splitter.texts(text, found), found.row_splits
        if not self._chinese_words:
            tokens = self.tokenizer.tokenize(sentences)
            return {"ids": tokens.flat_values, "row_splits": tokens.row_splits, "sentence_splits": splits}
        tokens = self.tokenizer.tokenize(sentences, offsets=True)
        starts, ends = tf.unstack(tokens["byte_offsets"].flat_values, axis=1)
        return {
            "ids": tokens["token_ids"].flat_values,
            "row_splits": tokens["token_ids"].row_splits,
            "sentence_splits": splits,
            "sentences": sentences,
            "starts": starts,
            "ends": ends,
        }


def _batches(texts: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Runs of texts with about _BATCH_BYTES each."""
    batch: list[bytes] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
