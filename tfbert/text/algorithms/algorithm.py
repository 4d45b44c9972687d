"""What an algorithm of tokenization does: the contract between it and the `Tokenizer`. B texts, V vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TypeAlias

import tensorflow as tf

from tfbert.text.pieces import Pieces

Trim: TypeAlias = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Algorithm(Protocol):
    """Texts -> tokens of a vocabulary, and back, in graph operations. `WordPiece` is one.

    It knows the text between special tokens only; the special tokens around a text are the `Template`'s.
    """

    @property
    def rules(self) -> dict[str, bool | str]:
        """What decides a text's tokens besides the vocabulary, as plain JSON values."""
        ...

    @property
    def trim(self) -> Trim | None:
        """Takes white space off offsets: (ids, first characters, characters after the last) [T] -> the latter two."""
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


class AlgorithmRules(Protocol):
    """The settings of an algorithm: what a folder's files say of it besides the vocabulary. `Rules` are WordPiece's."""

    def lowered(self) -> Self:
        """Returns these rules for texts that are lower-cased before anything else."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        ...
