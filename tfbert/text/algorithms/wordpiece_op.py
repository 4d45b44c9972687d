"""tensorflow_text's WordPiece operation on words that are already split. T tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfbert.errors import VocabularyError

_NO_LIMIT = 2**31 - 1


def wordpiece_op(
    tokens: Sequence[str],
    unknown: str,
    suffix: str,
    *,
    what: str = "vocabulary",
    most_bytes: int = _NO_LIMIT,
    **more: Any,
) -> Any:
    """A FastWordpieceTokenizer that gives int32 ids of `tokens` [T].

    Args:
        unknown: the token of words that cannot be spelt.
        suffix: what begins a token that continues a word.
        what: the tokens are, for the message.
        most_bytes: of a word that is spelt.
        more: arguments of the operation, such as no_pretokenization.

    Raises VocabularyError: the operation refuses the tokens.

    >>> wordpiece_op(["[UNK]", "a", "##b"], "[UNK]", "##").tokenize(["ab"]).to_list()
    [[1, 2]]
    """
    import tensorflow_text

    try:
        return tensorflow_text.FastWordpieceTokenizer(
            vocab=tokens,
            unknown_token=unknown,
            suffix_indicator=suffix,
            max_bytes_per_word=most_bytes,
            token_out_type=tf.int32,
            **more,
        )
    except RuntimeError as error:
        raise VocabularyError(f"tensorflow_text refuses the {what}: {error}") from error
