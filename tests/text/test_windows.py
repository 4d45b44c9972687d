"""Windows over long texts equal `tokenizers`' overflowing encodings, their contexts Google's run_squad.py."""

import collections
import random

import numpy as np
import pytest
import tensorflow as tf

WORDS = ["the", "film", "plays", "unaffable", "hello", ",", "北京", "x" * 101, "[MASK]"]
SOURCE = random.Random(0)
TEXTS = ["", "the", *(" ".join(SOURCE.choices(WORDS, k=k)) for k in (3, 6, 7, 8, 9, 30, 61))]
QUESTIONS = [" ".join(SOURCE.choices(WORDS, k=k)) for k in (0, 1, 2, 5, 9, 3, 4, 0, 7)]


def overflowing(theirs, inputs, max_length, stride, strategy):
    """The reference's windows in order, and the row each is from."""
    theirs.enable_truncation(max_length, stride=stride, strategy=strategy)
    try:
        encodings = theirs.encode_batch(inputs)
    finally:
        theirs.no_truncation()
    windows = [(row, window) for row, first in enumerate(encodings) for window in (first, *first.overflowing)]
    return [row for row, _ in windows], [window for _, window in windows]


def assert_same_windows(got, rows, windows):
    assert got["rows"].numpy().tolist() == rows
    for i, window in enumerate(windows):
        size = len(window.ids)
        row = {name: value[i].numpy() for name, value in got.items() if name != "rows"}
        assert row["token_ids"][:size].tolist() == window.ids
        assert row["segment_ids"][:size].tolist() == window.type_ids
        assert row["character_offsets"][:size].tolist() == [list(offset) for offset in window.offsets]
        assert row["padding_mask"].sum() == size
        for name, fill in (("token_ids", 0), ("segment_ids", 0), ("word_ids", -1), ("best_context", 0)):
            assert (row[name][size:] == fill).all()


@pytest.mark.parametrize(("max_length", "stride"), [(3, 0), (4, 1), (8, 0), (8, 1), (8, 3), (9, 5), (12, 9), (64, 30)])
def test_singles(small_vocabulary, tokenizers_of, max_length, stride):
    ours, theirs = tokenizers_of(small_vocabulary)
    got = ours.windows(TEXTS, max_length=max_length, stride=stride, offsets=True)
    assert_same_windows(got, *overflowing(theirs, TEXTS, max_length, stride, "longest_first"))
    assert_best_contexts(got, stride)


@pytest.mark.parametrize(("max_length", "stride"), [(20, 0), (20, 1), (20, 5), (24, 9), (64, 3)])
def test_pairs(small_vocabulary, tokenizers_of, max_length, stride):
    ours, theirs = tokenizers_of(small_vocabulary)
    assert max(len(encoding.ids) for encoding in theirs.encode_batch(QUESTIONS, add_special_tokens=False)) <= 14
    got = ours.windows(QUESTIONS, TEXTS, max_length=max_length, stride=stride, max_first_length=10, offsets=True)
    questions = [theirs.encode(text, add_special_tokens=False) for text in QUESTIONS]
    short = [text[: q.offsets[9][1]] if len(q.ids) > 10 else text for q, text in zip(questions, QUESTIONS, strict=True)]
    pairs = list(zip(short, TEXTS, strict=True))
    assert_same_windows(got, *overflowing(theirs, pairs, max_length, stride, "only_second"))
    assert_best_contexts(got, stride)


def assert_best_contexts(got, stride):
    """Each token of a text is in its best context exactly once: where run_squad.py says."""
    segments, best = got["segment_ids"].numpy(), got["best_context"].numpy()
    is_text = (got["byte_offsets"].numpy()[..., 1] > 0) & (segments == segments.max())
    assert not best[~is_text].any()
    spans, chosen = collections.defaultdict(list), collections.defaultdict(list)
    for window, row in enumerate(got["rows"].numpy()):
        _, begin, length = spans[row][-1] if spans[row] else (None, stride, 0)
        begin, length = begin + length - stride, is_text[window].sum()
        spans[row].append((window, begin, length))
        chosen[row] += [(begin + i, window) for i in np.flatnonzero(best[window][is_text[window]])]
    for row, row_spans in spans.items():
        count = row_spans[-1][1] + row_spans[-1][2]
        assert sorted(chosen[row]) == [(number, best_window(row_spans, number)) for number in range(count)]


def best_window(spans, position):
    """_check_is_max_context of google-research/bert's run_squad.py, told of a whole text."""
    best, best_score = None, None
    for window, begin, length in spans:
        if not begin <= position < begin + length:
            continue
        score = min(position - begin, begin + length - 1 - position) + 0.01 * length
        if best_score is None or score > best_score:
            best, best_score = window, score
    return best


def test_real_articles(data_dir, real_vocabulary, tokenizers_of):
    import gzip
    import json

    ours, theirs = tokenizers_of(real_vocabulary("bert-base-uncased"))
    path = next(data_dir("summarization/bbc_news_summary").glob("*.jsonl.gz"))
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [max(json.loads(next(file)).values(), key=len) for _ in range(60)]
    got = ours.windows(texts, max_length=128, stride=32, offsets=True)
    rows, windows = overflowing(theirs, texts, 128, 32, "longest_first")
    assert len(rows) > 200
    assert_same_windows(got, rows, windows)
    counts = np.bincount(rows, got["best_context"].numpy().sum(1))
    assert counts.tolist() == [len(encoding.ids) for encoding in theirs.encode_batch(texts, add_special_tokens=False)]


def test_in_tf_data(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    data = tf.data.Dataset.from_tensor_slices((QUESTIONS, TEXTS)).batch(4)
    data = data.map(lambda a, b: ours.windows(a, b, max_length=20, stride=4, max_first_length=6))
    for start, batch in zip(range(0, len(TEXTS), 4), data, strict=True):
        expected = ours.windows(
            QUESTIONS[start : start + 4], TEXTS[start : start + 4], max_length=20, stride=4, max_first_length=6
        )
        for name, values in expected.items():
            assert np.array_equal(batch[name], values), name


def test_no_texts(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    assert ours.windows([])["token_ids"].shape == (0, 1)
    assert ours.windows([], [])["best_context"].shape == (0, 1)


@pytest.mark.parametrize("stride", [-1, 6, 7, 100])
def test_a_stride_as_long_as_the_window(small_vocabulary, tokenizers_of, stride):
    ours = tokenizers_of(small_vocabulary)[0]
    with pytest.raises(ValueError, match=rf"stride={stride} must be less than the 6 tokens .* max_length=8 holds"):
        ours.windows(["the"], max_length=8, stride=stride)
    with pytest.raises(ValueError, match=rf"stride={stride} .* 6 tokens .* with max_first_length=5"):
        ours.windows(["the"], ["film"], max_length=14, stride=stride, max_first_length=5)
    with pytest.raises(ValueError, match=r"0 tokens .* with max_first_length=64"):
        ours.windows(["the"], ["film"], max_length=20, max_first_length=64)
    with pytest.raises(ValueError, match=r"stride=17 .* with max_first_length=0"):
        ours.windows(["the"], ["film"], max_length=20, stride=17)


def test_a_long_question_leaves_room(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    got = ours.windows(["the " * 99, "the"], ["film " * 99] * 2, max_length=23, stride=4)
    questions, texts = got["segment_ids"].numpy() == 0, got["segment_ids"].numpy() == 1
    assert (got["padding_mask"].numpy() & questions).sum(1).max() == 8 + 2  # half of what the stride leaves of 20
    assert (texts.sum(1) - 1 > 4).all()
