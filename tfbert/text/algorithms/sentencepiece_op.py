"""tensorflow_text's SentencePiece operations, of models that the graph itself holds. B texts, T tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfbert.errors import VocabularyError


class SentencePieceOp:
    """Texts -> pieces of a SentencePiece model.

    The operation reads its model from a resource. tensorflow_text's class makes one that a saved module has to track;
    here the graph makes it, once for all that use it, so that a graph needs nothing beside itself.

    Args:
        model: the bytes of a .model file.

    >>> from tfbert.text.algorithms.sentencepiece_model import UNKNOWN, Piece, SentencePieceModel, write
    >>> model = SentencePieceModel((Piece(b"<unk>", 0.0, UNKNOWN), Piece("▁a".encode(), -1.5)))
    >>> SentencePieceOp(write(model)).tokenize(tf.constant(["a a"]))[0].numpy().tolist()
    [1, 1]
    """

    def __init__(self, model: bytes) -> None:
        from tensorflow_text.python.ops.sentencepiece_tokenizer import gen_sentencepiece_tokenizer

        self._ops: Any = gen_sentencepiece_tokenizer
        # A function of its own, which stays apart: its operation reads the model when it first runs, and the file has
        # the model once.
        self._resource = tf.function(
            lambda: self._ops.sentencepiece_op(model=model),
            input_signature=[],
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
        self._eager: tf.Tensor | None = None

    def tokenize(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the pieces of `text`, strings [B]: int32 [T], and row splits int32 [B + 1]."""
        # What follows the text asks for the one best tokenization, without marks of beginning and end.
        ids, splits = self._ops.sentencepiece_tokenize_op(
            self._handle(), text, 0, 1.0, False, False, False, out_type=tf.int32
        )
        return ids, tf.cast(splits, tf.int32)

    def tokenize_with_starts(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns as `tokenize`, and the byte of its text where each piece begins: int32 [T]."""
        ids, splits, starts, _ = self._ops.sentencepiece_tokenize_with_offsets_op(
            self._handle(), text, 0, 1.0, False, False, False, out_type=tf.int32
        )
        return ids, tf.cast(splits, tf.int32), tf.cast(starts, tf.int32)

    def _handle(self) -> tf.Tensor:
        if not tf.executing_eagerly():
            return self._resource()
        if self._eager is None:
            self._eager = self._resource()
        return self._eager


class FastSentencePieceOp:
    """As `SentencePieceOp`, of a Unigram model alone, and several times as fast; LiteRT has it too.

    Raises VocabularyError: the operation refuses the model.

    >>> from tfbert.text.algorithms.sentencepiece_model import UNKNOWN, Piece, SentencePieceModel, write
    >>> model = SentencePieceModel((Piece(b"<unk>", 0.0, UNKNOWN), Piece("▁a".encode(), -1.5)))
    >>> FastSentencePieceOp(write(model)).tokenize(tf.constant(["a a"]))[0].numpy().tolist()
    [1, 1]
    """

    def __init__(self, model: bytes) -> None:
        from tensorflow_text.core.pybinds import pywrap_model_converter
        from tensorflow_text.python.ops.fast_sentencepiece_tokenizer import gen_fast_sentencepiece_tokenizer

        self._ops: Any = gen_fast_sentencepiece_tokenizer
        with tf.init_scope(), tf.device("/CPU:0"):
            try:
                converted = bytes(pywrap_model_converter.convert_sentencepiece_model(model))
            except RuntimeError as error:
                raise VocabularyError(f"tensorflow_text refuses the SentencePiece model: {error}") from error
            self.model = tf.constant(np.frombuffer(converted, np.uint8))

    def tokenize(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the pieces of `text`, strings [B]: int32 [T], and row splits int32 [B + 1]."""
        # What follows the text asks for no marks of beginning and end, and for no reversal.
        ids, splits = self._ops.tf_text_fast_sentencepiece_tokenize(self.model, text, 0, 0, False, False, False)
        return ids, tf.cast(splits, tf.int32)
