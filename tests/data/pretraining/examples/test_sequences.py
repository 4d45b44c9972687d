"""Sentences -> sequences: each objective's rules, on tokens that are numbered so that each tells where it is from."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data.pretraining.examples.sequences import make_sequences, room, with_short_sentences
from tfbert.data.pretraining.examples.tokens import Tokens
from tfbert.text.template import Template

TEMPLATE = Template((2,), (3,), (3,))
DOCUMENTS = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1, max_size=6)
MANY = settings(max_examples=80, deadline=None)


def numbered(documents, wordpieces=0.0, seed=0):
    """Tokens 0, 1, 2, … in sentences of the lengths that `documents` has; a share of them goes on with a word."""
    lengths = [length for document in documents for length in document]
    sentences = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    begins = np.random.default_rng(seed).random(sentences[-1]) >= wordpieces
    begins[sentences[:-1]] = True
    ends = np.concatenate([[0], np.cumsum([len(document) for document in documents])]).astype(np.int64)
    return Tokens(np.arange(sentences[-1], dtype=np.int32), begins, sentences, ends)


def made(tokens, objective, max_length, seed="s", short_probability=0.1):
    """The sequences as lists of runs of token numbers, and the labels."""
    found = make_sequences(
        tokens,
        template=TEMPLATE,
        objective=objective,
        max_length=max_length,
        short_probability=short_probability,
        seed=seed,
    )
    runs = [range(start, end) for start, end in zip(found.starts, found.ends, strict=True)]
    sequences = [runs[first:last] for first, last in itertools.pairwise(found.runs)]
    assert found.lengths(TEMPLATE).tolist() == [1 + sum(len(run) + 1 for run in sequence) for sequence in sequences]
    assert all(len(run) for run in runs)
    assert max(found.lengths(TEMPLATE), default=0) <= max_length
    return sequences, found.labels.tolist()


def document_of(tokens, token):
    return np.searchsorted(tokens.documents, np.searchsorted(tokens.sentences, token, "right") - 1, "right") - 1


@MANY
@given(DOCUMENTS, st.integers(8, 64), st.integers(0, 99))
def test_next_sentences(documents, max_length, seed):
    tokens, _ = with_short_sentences(numbered(documents), room("nsp", max_length, TEMPLATE))
    sentence_starts = set(tokens.sentences.tolist())
    sequences, labels = made(tokens, "nsp", max_length, seed)
    reached = dict.fromkeys(range(len(documents)), 0)
    for (a, b), label in zip(sequences, labels, strict=True):
        assert len({document_of(tokens, token) for token in a}) == 1
        assert len({document_of(tokens, token) for token in b}) == 1
        is_cut = len(a) + len(b) == max_length - 3
        assert is_cut or {a.start, a.stop, b.start, b.stop} <= sentence_starts
        if label == 0:
            assert document_of(tokens, a.start) == document_of(tokens, b.start)
            assert a.stop == b.start or is_cut and a.stop < b.start
        elif len(documents) > 1 and document_of(tokens, a.start) == document_of(tokens, b.start):
            pass  # ten tries found no other document
        elif len(documents) == 1 and len(tokens.sentences) > 2:
            assert a.stop != b.start or is_cut
        # Segments that a random one took the place of come again, so that no text is passed over.
        assert a.start >= reached[document_of(tokens, a.start)]
        reached[document_of(tokens, a.start)] = a.stop
    begun = {document_of(tokens, a.start) for (a, b) in sequences}
    assert begun == set(range(len(documents)))


@MANY
@given(DOCUMENTS, st.integers(8, 64), st.integers(0, 99))
def test_sentence_order(documents, max_length, seed):
    tokens, _ = with_short_sentences(numbered(documents), room("sop", max_length, TEMPLATE))
    sequences, labels = made(tokens, "sop", max_length, seed)
    for (a, b), label in zip(sequences, labels, strict=True):
        first, second = (b, a) if label else (a, b)
        assert first.stop <= second.start
        assert first.stop == second.start or len(a) + len(b) == max_length - 3
        assert document_of(tokens, a.start) == document_of(tokens, b.start)
    covered = {token for sequence in sequences for run in sequence for token in run}
    lone = [start for start, end in itertools.pairwise(tokens.sentences.tolist()) if end - start == 1]
    assert len(covered) <= len(tokens.ids)
    if max_length == 64 and not lone:
        assert len(covered) >= len(tokens.ids) * 0.5


@MANY
@given(DOCUMENTS, st.integers(4, 64))
def test_full_sentences(documents, max_length):
    tokens, _ = with_short_sentences(numbered(documents), room("none", max_length, TEMPLATE))
    sentence_starts = set(tokens.sentences.tolist())
    document_starts = set(tokens.sentences[tokens.documents].tolist())
    sequences, labels = made(tokens, "none", max_length)
    assert labels == []
    assert [token for sequence in sequences for run in sequence for token in run] == list(range(len(tokens.ids)))
    for sequence in sequences:
        assert all({run.start, run.stop} <= sentence_starts for run in sequence)
        assert all(run.start in document_starts for run in sequence[1:])
        assert all(not document_starts & set(run[1:]) for run in sequence)
    for sequence, following in itertools.pairwise(sequences):
        length = 1 + sum(len(run) + 1 for run in sequence)
        sentence = tokens.sentences[np.searchsorted(tokens.sentences, following[0].start, "right")] - following[0].start
        border = following[0].start in document_starts
        assert length + sentence + border > max_length  # the next sentence would not have fitted


@MANY
@given(DOCUMENTS, st.integers(1, 30), st.floats(0, 0.9))
def test_long_sentences_are_cut_before_a_word(documents, longest, wordpieces):
    before = numbered(documents, wordpieces)
    tokens, count = with_short_sentences(before, longest)
    lengths = np.diff(tokens.sentences)
    assert lengths.min() >= 1
    assert lengths.max() <= longest
    assert set(before.sentences) <= set(tokens.sentences)
    assert tokens.sentences[tokens.documents].tolist() == before.sentences[before.documents].tolist()
    assert count == (np.diff(before.sentences) > longest).sum()
    assert tokens.begins[tokens.sentences[:-1]].all()
    for start in set(tokens.sentences.tolist()) - set(before.sentences.tolist()):
        previous = tokens.sentences[tokens.sentences < start].max()
        assert before.begins[start] or not before.begins[previous + 1 : start + 1].any()


@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_no_word_is_cut(objective):
    documents = [[40] * 20 for _ in range(20)]
    tokens = numbered(documents, wordpieces=0.4)
    sequences, _ = made(tokens, objective, 64)
    begins = np.append(tokens.begins, True)
    assert all(begins[run.start] and begins[run.stop] for sequence in sequences for run in sequence)


def test_a_word_longer_than_a_row_is_cut():
    tokens = numbered([[9, 30], [30]], wordpieces=1.0)
    tokens, count = with_short_sentences(tokens, 13)
    assert count == 2
    sequences, _ = made(tokens, "nsp", 16)
    assert sequences


def test_the_shares_of_what_is_drawn():
    generator = np.random.default_rng(0)
    tokens = numbered([generator.integers(3, 30, 40).tolist() for _ in range(300)])
    sequences, labels = made(tokens, "nsp", 128)
    assert len(sequences) > 2_000
    several = [len(a) < 125 for a, b in sequences]
    assert np.mean(several) > 0.9
    assert 0.5 <= np.mean(labels) < 0.56  # a sentence that is left alone has a random next one always
    same_document = [document_of(tokens, a.start) == document_of(tokens, b.start) for a, b in sequences]
    assert same_document == [not label for label in labels]
    short = [len(a) + len(b) < 90 for a, b in sequences]
    without, _ = made(tokens, "nsp", 128, short_probability=0)
    tail = np.mean([len(a) + len(b) < 90 for a, b in without])
    assert 0.05 < np.mean(short) - tail < 0.15
    _, labels = made(tokens, "sop", 128)
    assert 0.46 < np.mean(labels) < 0.54
    lengths = [len(a) + len(b) for a, b in made(tokens, "sop", 128, short_probability=0)[0]]
    assert np.mean([length >= 100 for length in lengths]) > 0.8


def test_truncation_takes_from_both_ends():
    tokens = numbered([[100, 100]] * 200)
    sequences, labels = made(tokens, "sop", 153, short_probability=0)
    firsts = [run.start % 100 for sequence in sequences for run in sequence]
    assert {len(run) for sequence in sequences for run in sequence} == {75}
    assert 12 < np.mean(firsts) < 13  # binomial, of 25 tokens and a half
    assert 2 < np.std(firsts) < 3


def test_the_seed_alone_decides():
    tokens = numbered([[5, 9, 7, 3] * 9] * 9)
    assert made(tokens, "nsp", 32, "a") == made(tokens, "nsp", 32, "a")
    assert made(tokens, "nsp", 32, "a") != made(tokens, "nsp", 32, "b")


def test_no_text():
    nothing = Tokens(np.zeros(0, np.int32), np.zeros(0, bool), np.zeros(1, np.int64), np.zeros(1, np.int64))
    for objective in ("nsp", "sop", "none"):
        assert made(nothing, objective, 16)[0] == []
