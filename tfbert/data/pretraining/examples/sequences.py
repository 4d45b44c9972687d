"""The sentences of documents -> the sequences of an objective.

A sequence is runs of tokens with a tokenizer's special tokens around them: [CLS] A [SEP] B [SEP]. Shapes: T tokens,
N sentences, Q sequences, R runs of all sequences together.
"""

from __future__ import annotations

import bisect
import random
import typing
from collections.abc import Iterator

import numpy as np

from tfbert.data.pretraining.examples.tokens import Tokens
from tfbert.text.template import Template

_TRIES = 10  # to draw another document, as in the original


class Sequences(typing.NamedTuple):
    """Q sequences over the tokens of `Tokens`."""

    starts: np.ndarray  # int64 [R], first token of each run
    ends: np.ndarray  # int64 [R], the token after its last
    runs: np.ndarray  # int64 [Q + 1], where each sequence begins in the runs
    labels: np.ndarray  # int64 [Q], 1 for a random or swapped segment; empty without such an objective

    def lengths(self, template: Template) -> np.ndarray:
        """Tokens of each sequence, with the special ones of a `Template`, int64 [Q]."""
        before = np.concatenate([[0], np.cumsum(self.ends - self.starts)])
        return before[self.runs[1:]] - before[self.runs[:-1]] + template.num_special_tokens(np.diff(self.runs))


def make_sequences(
    tokens: Tokens,
    *,
    template: Template,
    objective: str,
    max_length: int,
    short_probability: float,
    seed: str | int,
) -> Sequences:
    """The sequences of one pass over the documents, a function of the arguments alone.

    nsp and sop follow google-research/bert and google-research/albert, create_pretraining_data.py, with two
    differences: a target length is drawn for each sequence and not once for a document, which may be a whole book, and
    truncation cuts no word. A random next segment is from another of these documents. If there is only one, it begins
    at any of its sentences but the next. For sop a single sentence that is left is cut in two, where the original takes
    a random document. none: full sentences as in Liu et al. 2019 (RoBERTa); between two documents in a sequence stand
    the template's tokens between two texts.

    Args:
        tokens: Tokens; each sentence fits into a sequence (see `with_short_sentences`).
        template: the tokenizer's `Template`.
        seed: a seed of random.Random.
    """
    text_room = room(objective, max_length, template)
    if objective == "none":
        return _full_sentences(tokens, text_room, len(template.between))
    pairs = _Pairs(tokens, text_room, short_probability, random.Random(seed))
    make = pairs.next_sentence if objective == "nsp" else pairs.sentence_order
    made = [pair for document in range(len(tokens.documents) - 1) for pair in make(document)]
    spans = np.array([pair[:4] for pair in made], np.int64).reshape(-1, 2)
    labels = np.array([pair[4] for pair in made], np.int64)
    return Sequences(spans[:, 0], spans[:, 1], np.arange(len(made) + 1) * 2, labels)


def room(objective: str, max_length: int, template: Template) -> int:
    """The number of tokens of text in a sequence of an objective."""
    return max_length - template.num_special_tokens(1 if objective == "none" else 2)


def with_short_sentences(tokens: Tokens, longest: int) -> tuple[Tokens, int]:
    """Tokens whose sentences of more than `longest` tokens are cut before words; and the number of these sentences."""
    lengths = np.diff(tokens.sentences)
    long = np.flatnonzero(lengths > longest)
    if not len(long):
        return tokens, 0
    cuts: list[tuple[int, int]] = []
    for sentence in long:
        start, end = tokens.sentences[sentence : sentence + 2]
        while end - start > longest:
            words = np.flatnonzero(tokens.begins[start + 1 : start + longest + 1])
            start += words[-1] + 1 if len(words) else longest
            cuts.append((sentence, start))
    of_sentence, places = np.array(cuts).T
    begins = tokens.begins.copy()
    begins[places] = True
    added = np.concatenate([[0], np.cumsum(np.bincount(of_sentence, minlength=len(lengths)))])
    sentences = np.insert(tokens.sentences, of_sentence + 1, places)
    return Tokens(tokens.ids, begins, sentences, tokens.documents + added[tokens.documents]), len(long)


class _Pairs:
    """Segments A and B with `room` tokens at most, as (start of A, its end, start of B, its end, label)."""

    def __init__(self, tokens: Tokens, room: int, short_probability: float, rng: random.Random) -> None:
        self._room, self._short_probability, self._rng = room, short_probability, rng
        self._sentences, self._documents = tokens.sentences.tolist(), tokens.documents.tolist()
        # The first word that begins at a token or after it, and the last word that begins at it or before.
        place = np.arange(len(tokens.begins) + 1)
        begins = np.append(tokens.begins, True)
        self._next_word = np.minimum.accumulate(np.where(begins, place, len(place))[::-1])[::-1]
        self._last_word = np.maximum.accumulate(np.where(begins, place, 0))

    def next_sentence(self, document: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Half of the pairs have another document's sentences as B; their own next sentences begin the next pair."""
        starts, rng = self._sentences, self._rng
        sentence, last = self._documents[document : document + 2]
        while sentence < last:
            target = self._target()
            end = self._filled(sentence, last, target)
            middle = self._between(sentence + 1, end) if end - sentence > 1 else end
            if end - sentence == 1 or rng.random() < 0.5:
                b, b_end = self._random_next(document, middle, target - (starts[middle] - starts[sentence]))
                yield *self._fitted(starts[sentence], starts[middle], starts[b], starts[b_end]), 1
                sentence = middle
            else:
                yield *self._fitted(starts[sentence], starts[middle], starts[middle], starts[end]), 0
                sentence = end

    def sentence_order(self, document: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Half of the pairs have A and B swapped."""
        starts, rng = self._sentences, self._rng
        sentence, last = self._documents[document : document + 2]
        while sentence < last:
            end = self._filled(sentence, last, self._target())
            if end - sentence > 1:
                middle = starts[self._between(sentence + 1, end)]
            else:
                middle = int(self._next_word[(starts[sentence] + starts[end]) // 2])
            if starts[sentence] < middle < starts[end]:
                pair = self._fitted(starts[sentence], middle, middle, starts[end])
                yield (*pair[2:], *pair[:2], 1) if rng.random() < 0.5 else (*pair, 0)
            sentence = end

    def _between(self, first: int, last: int) -> int:
        """A random number from `first` to `last` - 1; random.randrange takes five times as long."""
        return first + int(self._rng.random() * (last - first))

    def _target(self) -> int:
        is_short = self._rng.random() < self._short_probability
        return self._between(2, self._room + 1) if is_short else self._room

    def _filled(self, sentence: int, last: int, target: int) -> int:
        """The sentence after those that have `target` tokens together; they are at least one."""
        starts = self._sentences
        return min(bisect.bisect_left(starts, starts[sentence] + target, sentence + 1, last), last)

    def _random_next(self, document: int, following: int, target: int) -> tuple[int, int]:
        documents = self._documents
        for _ in range(_TRIES):
            other = self._between(0, len(documents) - 1)
            if other != document:
                break
        first, last = documents[other : other + 2]
        sentence = self._between(first, last)
        if other == document and sentence == following:
            sentence = first + (sentence - first + 1) % (last - first)
        return sentence, self._filled(sentence, last, target)

    def _fitted(self, a: int, a_end: int, b: int, b_end: int) -> tuple[int, int, int, int]:
        """The longer of two segments loses tokens, each at its begin or its end at random, until both fit."""
        excess = a_end - a + b_end - b - self._room
        if excess <= 0:
            return a, a_end, b, b_end
        difference = (a_end - a) - (b_end - b)
        from_longer = min(excess, abs(difference))
        from_a, from_b = (excess - from_longer) // 2, (excess - from_longer + 1) // 2
        if difference > 0:
            from_a += from_longer
        else:
            from_b += from_longer
        return *self._shortened(a, a_end, from_a), *self._shortened(b, b_end, from_b)

    def _shortened(self, start: int, end: int, count: int) -> tuple[int, int]:
        """A segment without `count` tokens, or a few more if these would cut a word."""
        if not count:
            return start, end
        from_start = self._rng.getrandbits(count).bit_count()
        cut, cut_end = start + from_start, end - (count - from_start)
        whole, whole_end = int(self._next_word[cut]), int(self._last_word[cut_end])
        return (whole, whole_end) if whole < whole_end else (cut, cut_end)


def _full_sentences(tokens: Tokens, room: int, border: int) -> Sequences:
    """Sequences that take sentences as long as they fit; the rest of a document begins the next sequence."""
    sentences, documents = tokens.sentences.tolist(), tokens.documents.tolist()
    starts: list[int] = []
    ends: list[int] = []
    runs: list[int] = []
    left = 0
    for sentence, last in zip(documents[:-1], documents[1:], strict=True):
        left -= border  # the special tokens between documents
        while sentence < last:
            begin = sentences[sentence]
            end = max(sentence, bisect.bisect_right(sentences, begin + left, sentence, last + 1) - 1)
            if end > sentence:
                starts.append(begin)
                ends.append(sentences[end])
                left -= ends[-1] - begin
                sentence = end
            if sentence < last:
                runs.append(len(starts))
                left = room
    runs.append(len(starts))
    return Sequences(*(np.array(values, np.int64) for values in (starts, ends, runs, [])))
