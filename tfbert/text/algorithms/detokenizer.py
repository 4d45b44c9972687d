"""Token ids -> text, as Hugging Face's WordPiece decoder. B texts."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# `tokenizers`, decoders/wordpiece.rs, cleanup: in this order, within one token and the space before it.
_CLEAN_UP = (
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m")),
    *((" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


def detokenized(ids: tf.RaggedTensor, tokens: Sequence[str], continuation: str, clean_up: bool) -> tf.Tensor:
    """Returns texts, strings [B], of ids [B, (tokens)]: what each token adds at a text's beginning, and after others.

    Args:
        tokens: the vocabulary's.
        continuation: what a token begins with that continues a word.
        clean_up: remove the spaces before punctuation and in English contractions.

    >>> ids = tf.ragged.constant([[0, 1, 2]])
    >>> detokenized(ids, ["film", "##s", "!"], "##", clean_up=True).numpy().tolist()
    [b'films!']
    """
    tidy = _tidy if clean_up else str
    at_first = tf.constant([tidy(token) for token in tokens])
    after = [token.removeprefix(continuation) if token.startswith(continuation) else f" {token}" for token in tokens]
    after_others = tf.constant([tidy(text) for text in after])
    texts = tf.concat([tf.gather(at_first, ids[:, :1]), tf.gather(after_others, ids[:, 1:])], 1)
    return tf.strings.reduce_join(texts, -1)


def _tidy(token: str) -> str:
    for before, after in _CLEAN_UP:
        token = token.replace(before, after)
    return token
