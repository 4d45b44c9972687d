"""A WordPiece vocabulary from text."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterable, Mapping

from tfbert.errors import ConfigError, DataError
from tfbert.text.algorithms.characters import CHINESE, bert_normalizer, punctuation
from tfbert.text.algorithms.stages import CONTINUATION
from tfbert.text.vocabulary import Vocabulary

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# Characters that become tokens: as many as make up this share of the text, at least a thousand. A rarer one, such as
# of a quotation in another script, makes its word [UNK] and leaves room in the vocabulary for the others.
_COVERAGE, _ALPHABET = 0.9999, 1000


def train_vocabulary(
    blocks: Callable[[], Iterable[str]],
    size: int,
    *,
    lower_case: bool = True,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
    min_frequency: int = 2,
) -> Vocabulary:
    """Returns a Vocabulary of `size` tokens, or fewer if the text has no more pieces to join.

    [PAD], [UNK], [CLS], [SEP], [MASK], then the characters, then pieces in the order in which they were joined, the
    most frequent first (`tokenizers`' WordPieceTrainer). The same text gives the same vocabulary. Memory grows with
    the number of distinct words, not with the text.

    Args:
        blocks: a function that returns an iterator over the text, such as blocks of a file; it is called twice.
        size: tokens.
        lower_case, strip_accents, tokenize_chinese_chars: as Tokenizer's.
        min_frequency: how often a pair must occur to be joined.

    Raises ConfigError for a size without room for the characters, DataError where there is no text.

    >>> train_vocabulary(lambda: ["the films, the film"] * 2, size=100).tokens[-3:]
    ['film', 'the', 'films']
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    strip_accents = lower_case if strip_accents is None else strip_accents
    alphabet = _alphabet(blocks(), bert_normalizer(lower_case, strip_accents, tokenize_chinese_chars))
    if not alphabet:
        raise DataError("there is no text to train a vocabulary from")
    # Each character alone and after others, so that any word of them can be spelled. The trainer gets them from here
    # because it puts those that it finds by itself in another order each time.
    alone = set(punctuation())
    if tokenize_chinese_chars:
        alone.update(map(chr, itertools.chain(*CHINESE)))
    first = [*SPECIAL_TOKENS, *alphabet, *(CONTINUATION + char for char in alphabet if char not in alone)]
    if size < len(first):
        raise ConfigError(f"size {size} is too small: the special tokens and the text's characters are {len(first)}")
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(True, tokenize_chinese_chars, strip_accents, lower_case)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=first,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    trained.train_from_iterator(blocks(), trainer)
    ids = trained.get_vocab()
    return Vocabulary(sorted(ids, key=ids.get))


def _alphabet(blocks: Iterable[str], by_character: Mapping[int, str]) -> list[str]:
    """Returns the most frequent characters of the normalized text, in the order of their code points."""
    counts = collections.Counter()
    for block in blocks:
        counts.update(block)
    normalized = collections.Counter()
    for char, count in counts.items():
        for part in by_character.get(ord(char), char).replace(" ", ""):
            normalized[part] += count
    ordered = sorted(normalized, key=lambda char: (-normalized[char], char))
    sums = itertools.accumulate(normalized[char] for char in ordered)
    enough = next((i for i, covered in enumerate(sums, 1) if covered >= _COVERAGE * normalized.total()), 0)
    return sorted(ordered[: max(enough, _ALPHABET)])
