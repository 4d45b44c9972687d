"""A byte-level BPE vocabulary from text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from tfbert.errors import ConfigError, DataError
from tfbert.text.algorithms.byte_letters import LETTERS
from tfbert.text.special_tokens import ANGLE_TOKENS
from tfbert.text.vocabulary import Vocabulary

# In fairseq's order, the ids that published checkpoints have.
_NAMES = ("start", "padding", "separator", "unknown", "mask")
SPECIAL_TOKENS = tuple(getattr(ANGLE_TOKENS, name) for name in _NAMES)


def train_byte_bpe(blocks: Callable[[], Iterable[str]], size: int, *, min_frequency: int = 2) -> Vocabulary:
    """Returns a Vocabulary with merges, of `size` tokens, or fewer if the text has no more pieces to join.

    <s>, <pad>, </s>, <unk>, <mask>, then the letters of the 256 bytes, so that every text can be spelled, then pieces
    in the order of their merges, the most frequent first (`tokenizers`' BpeTrainer). The same text gives the same
    vocabulary.

    Args:
        blocks: a function that returns an iterator over the text, such as blocks of a file.
        size: tokens.
        min_frequency: how often a pair must occur to be joined.

    Raises ConfigError for a size without room for the letters, DataError where there is no text.

    >>> train_byte_bpe(lambda: ["the film, the film"] * 2, size=270).merges[:3]
    (('f', 'i'), ('h', 'e'), ('l', 'm'))
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    least = len(SPECIAL_TOKENS) + len(LETTERS)
    if size < least:
        raise ConfigError(f"size {size} is too small: the special tokens and the letters of bytes are {least}")
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(LETTERS.values()),
        show_progress=False,
    )
    is_empty = True

    def texts() -> Iterable[str]:
        nonlocal is_empty
        for block in blocks():
            is_empty = is_empty and not block.strip()
            yield block

    trained.train_from_iterator(texts(), trainer)
    if is_empty:
        raise DataError("there is no text to train a vocabulary from")
    model = json.loads(trained.to_str())["model"]
    merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return Vocabulary(tokens, "the trained vocabulary", [(first, second) for first, second in merges])
