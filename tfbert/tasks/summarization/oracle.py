"""Which sentences of a document a summary is best made of: the labels that are learned. n sentences of a document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from tfbert.errors import ConfigError
from tfbert.tasks.scripts import CHARACTERS

# Of an extractive summary, all but this share of its characters is sentences of the document, word for word.
_OTHER_SHARE = 0.1
_CHARACTER_WORD = re.compile(rf"[{CHARACTERS}]|[^\W_{CHARACTERS}]+")


class WordTokenizer:
    """Words in lower case of any script, for rouge_score; characters of scripts without spaces are words.

    rouge_score's own drops all but a-z and 0-9.

    >>> WordTokenizer().tokenize("Это 3.5%, 好吗")
    ['это', '3', '5', '好', '吗']
    >>> len(WordTokenizer().tokenize("กรุงเทพ"))
    7
    """

    def tokenize(self, text: str) -> list[str]:
        return _CHARACTER_WORD.findall(text.lower())


def word_tokenizer(texts: Sequence[str], *, stem: bool) -> Any:
    """rouge_score's own tokenizer where most letters of the texts are Latin; `WordTokenizer` for others."""
    letters = [letter for text in texts for letter in text if letter.isalpha()]
    latin = sum(letter.isascii() for letter in letters)
    if 2 * latin < len(letters):
        return WordTokenizer()
    return rouge_score().tokenizers.DefaultTokenizer(stem)


def rouge_score() -> ModuleType:
    """The package, which training and evaluation need and a served model does not."""
    try:
        import rouge_score.rouge_scorer  # it imports `rouge_score.tokenizers`
    except ImportError:
        raise ConfigError("summaries are compared by rouge-score: pip install rouge-score") from None
    return rouge_score


def verbatim(sentences: Sequence[str], summary: str) -> list[int] | None:
    """The numbers of the sentences that an extractive summary is made of; None of a summary that is not.

    Spaces do not count, for published summaries lack some between sentences.

    >>> verbatim(["It fell.", "It rose.", "We saw."], "We saw.It fell.")
    [0, 2]
    """
    rest, bare = _without_spaces(summary), [_without_spaces(sentence) for sentence in sentences]
    size, found = len(rest), []
    for i in sorted(range(len(bare)), key=lambda i: -len(bare[i])):  # a short one may be a part of a longer
        if bare[i] and bare[i] in rest:
            rest = rest.replace(bare[i], "\n", 1)
            found.append(i)
    left = len(rest.replace("\n", ""))
    return sorted(found) if found and left <= _OTHER_SHARE * size else None


def greedy(sentences: Sequence[Sequence[str]], summary: Sequence[str], limit: int) -> list[int]:
    """The numbers of the sentences that, added one at a time, raise ROUGE-1 + ROUGE-2 F the most; at most `limit`.

    Both count each n-gram once. Sources: Nallapati et al. 2017, section 3; nlpyang/BertSum, data_builder.py,
    greedy_selection.

    Args:
        sentences: of a document, a list of words each.
        summary: list of words.

    >>> greedy([["a", "b"], ["c", "d"], ["e", "f"]], ["c", "d", "a", "b"], 3)
    [0, 1]
    """
    truth = [set(summary), set(zip(summary, summary[1:], strict=False))]
    sets: list[list[set]] = [[set(words), set(zip(words, words[1:], strict=False))] for words in sentences]
    taken: list[int] = []
    known: list[set] = [set(), set()]
    best = 0.0
    while len(taken) < limit:
        scores = {i: _f1(known, sets[i], truth) for i in range(len(sets)) if i not in taken}
        if not scores:
            break
        number = max(scores, key=lambda i: scores[i])  # the first of equals
        if scores[number] <= best:
            break
        best = scores[number]
        taken.append(number)
        known = [old | new for old, new in zip(known, sets[number], strict=True)]
    return sorted(taken)


def _f1(known, added, truth):
    total = 0.0
    for old, new, wanted in zip(known, added, truth, strict=True):
        new = new - old
        hits = len(old & wanted) + len(new & wanted)
        sizes = len(old) + len(new) + len(wanted)
        total += 2 * hits / sizes if sizes else 0.0
    return total


def _without_spaces(text):
    return "".join(text.split())
