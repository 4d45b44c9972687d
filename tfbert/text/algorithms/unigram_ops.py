"""tensorflow_text's operations of SentencePiece: one for ids alone, of Unigram models; one for all models.

Shapes: B texts, T tokens of all texts together.
"""

from __future__ import annotations

import hashlib

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

    def __call__(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns ids [T] and row splits [B + 1], int32, of `text` [B]."""
        ids = self._op.tokenize(text)
        return ids.flat_values, tf.cast(ids.row_splits, tf.int32)


class AnyOp:
    """Texts -> ids of any model, and the byte of the text where each token begins.

    The model is an attribute of the graph, so that a saved graph has it without files. Graphs share it by its name.
    """

    def __init__(self, model: bytes) -> None:
        from tensorflow_text.python.ops import sentencepiece_tokenizer

        self._ops = sentencepiece_tokenizer.gen_sentencepiece_tokenizer
        self._model, self._name = model, f"tfbert_{hashlib.sha256(model).hexdigest()}"

    def __call__(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns ids [T], row splits [B + 1] and first bytes [T], int32, of `text` [B]."""
        with tf.device("/CPU:0"):
            model = self._ops.sentencepiece_op(model=self._model, shared_name=self._name)
            ids, splits, starts, _ = self._ops.sentencepiece_tokenize_with_offsets_op(
                model, text, 0, 1.0, False, False, False, tf.int32, return_nbest=False
            )
        return ids, tf.cast(splits, tf.int32), tf.cast(starts, tf.int32)
