"""A SentencePiece model from text, by SentencePiece's own trainer."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from tfbert.errors import ConfigError, DataError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.unigram_files import FAIRSEQ, SentencePieceFiles, read_model_file

_COVERAGE = 0.9995  # of the text's characters: a rarer one, such as of another script, is unknown
_LONGEST = 4000  # bytes of a sentence that is learned from; the trainer leaves out longer ones
_FIRST, _LAST = 4, 1  # special tokens before and after the pieces


def train_unigram(
    blocks: Callable[[], Iterable[str]], size: int, *, lower_case: bool = False, kind: str = sp.UNIGRAM
) -> SentencePieceFiles:
    """Returns a model of `size` tokens, or fewer if the text has no more, and what goes with it.

    <s>, <pad>, </s>, <unk>, then the pieces, then <mask>, as fairseq numbers them. Texts are normalized by Unicode's
    NFKC and the trainer's rules for control characters and white space. The same text gives the same model.

    Args:
        blocks: a function that returns an iterator over the text, such as blocks of a file; their lines are learned.
        size: tokens.
        lower_case: lower-case the text.
        kind: "unigram" or "bpe".

    Raises ConfigError for a size without room for the characters, or without the package sentencepiece; DataError
    where there is no text.

    >>> train_unigram(lambda: ["the films, the film"] * 20, size=24).tokens[:4]
    ['<s>', '<pad>', '</s>', '<unk>']
    """
    try:
        import sentencepiece
    except ImportError as error:
        raise ConfigError(
            "a SentencePiece model is trained by the package sentencepiece: pip install 'sentencepiece>=0.2,<0.3'"
        ) from error

    lines = (line[i : i + _LONGEST // 4] for block in blocks() for line in block.split("\n") for i in _cuts(line))
    first = next(lines, None)
    if first is None:
        raise DataError("there is no text to train a vocabulary from")
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_with(first, lines),
            model_writer=written,
            model_type=kind,
            vocab_size=size - _FIRST + 3 - _LAST,  # its own special tokens are <unk>, <s> and </s>
            hard_vocab_limit=False,
            character_coverage=_COVERAGE,
            max_sentence_length=_LONGEST,
            normalization_rule_name="nmt_nfkc_cf" if lower_case else "nmt_nfkc",
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ConfigError(f"no model of {size:,} tokens can be trained: {error}") from error
    return read_model_file(written.getvalue(), "the trained model", FAIRSEQ, {})


def _cuts(line: str) -> range:
    """Where the parts of a line begin, of which each is short enough; none of a blank one."""
    return range(0, len(line), _LONGEST // 4) if line.strip() else range(0)


def _with(first: str, lines: Iterable[str]) -> Iterable[str]:
    yield first
    yield from lines
