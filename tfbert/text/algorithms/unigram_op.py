"""tensorflow_text's fast operation of SentencePiece, of Unigram models: ids alone.

Shapes: B texts, T tokens of all texts together.
"""

from __future__ import annotations

import tensorflow as tf

from tfbert.errors import VocabularyError


class FastOp:
    """Texts -> ids of a Unigram model, as SentencePiece's library gives them; LiteRT has it too.

    Args:
        model: the bytes of a .model file, of a Unigram model.

    Raises VocabularyError: the operation refuses the model.
    """

    def __init__(self, model: bytes) -> None:
        import tensorflow_text  # here, so that ids-in models load and train without it

        with tf.init_scope(), tf.device("/CPU:0"):
            try:
                self._op = tensorflow_text.FastSentencepieceTokenizer(model)
            except RuntimeError as error:
                raise VocabularyError(f"tensorflow_text refuses the SentencePiece model: {error}") from error

    def tokenize(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns ids [T] and row splits [B + 1], int32, of `text` [B]."""
        ids = self._op.tokenize(text)
        return ids.flat_values, tf.cast(ids.row_splits, tf.int32)
