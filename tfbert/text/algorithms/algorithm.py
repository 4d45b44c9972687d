"""What an algorithm of tokenization does: the contract between it and the `Tokenizer`. B texts, V vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from tfbert.text.pieces import Pieces


class Algorithm(Protocol):
    """Texts -> tokens of a vocabulary, and back, in graph operations. `WordPiece` is one.

    It knows the text between special tokens only; the special tokens around a text are the `Template`'s.
    """

    @property
    def rules(self) -> dict[str, bool | str]:
        """What decides a text's tokens besides the vocabulary, as plain JSON values."""
        ...

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        """Returns the tokens of `text`, strings [B]; with `places`, where each lies in its text."""
        ...

    def detokenize(self, ids: tf.RaggedTensor, clean_up: bool) -> tf.Tensor:
        """Returns texts, strings [B], of ids [B, (tokens)]; `clean_up` removes spaces before punctuation."""
        ...

    def continues_word(self, token: str) -> bool:
        """Whether a token of the vocabulary continues the word of the token before it."""
        ...

    def joined(self, tokens: Sequence[str]) -> str:
        """Returns tokens of the vocabulary as readable text, special tokens included."""
        ...
