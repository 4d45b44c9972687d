"""Token ids -> text, as Hugging Face's WordPiece decoder. B texts."""

import numpy as np
import tensorflow as tf

# `tokenizers`, decoders/wordpiece.rs, cleanup: in this order, within one token and the space before it.
_CLEAN_UP = (
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m")),
    *((" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


class Detokenizer:
    """Looks up what each token adds to a text: at its beginning, and behind other tokens."""

    def __init__(self, vocabulary, special_tokens, added_tokens):
        self._tokens = vocabulary.tokens
        names = {*special_tokens.in_vocabulary(vocabulary), *(token.content for token in added_tokens if token.special)}
        self._is_special = np.array([token in names for token in self._tokens])

    def __call__(self, ids, skip_special_tokens, clean_up):
        if not isinstance(ids, tf.RaggedTensor):
            ids = tf.convert_to_tensor(ids)
            if ids.shape.rank != 2:
                raise ValueError(f"ids have shape {ids.shape}; expected [B, S]")
            ids = tf.RaggedTensor.from_tensor(ids)
        if not ids.dtype.is_integer:
            raise TypeError(f"ids have dtype {ids.dtype.name}; expected integers")
        self._check(ids.flat_values)
        if skip_special_tokens:
            ids = tf.ragged.boolean_mask(ids, ~tf.gather(tf.constant(self._is_special), ids))
        tidy = _tidy if clean_up else str
        at_first = tf.constant([tidy(token) for token in self._tokens])
        behind = tf.constant(
            [tidy(token.replace("##", "", 1) if token.startswith("##") else f" {token}") for token in self._tokens]
        )
        texts = tf.concat([tf.gather(at_first, ids[:, :1]), tf.gather(behind, ids[:, 1:])], 1)
        return tf.strings.reduce_join(texts, -1)

    def _check(self, ids):
        """Names an id that the vocabulary does not have; in a graph, the lookup of it fails when it runs."""
        if not tf.executing_eagerly():
            return
        wrong = ids.numpy()[(ids.numpy() < 0) | (ids.numpy() >= len(self._tokens))]
        if len(wrong):
            raise ValueError(f"id {wrong[0]} is not one of the vocabulary's, 0 to {len(self._tokens) - 1}")


def _tidy(token):
    for before, after in _CLEAN_UP:
        token = token.replace(before, after)
    return token
