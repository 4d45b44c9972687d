"""The Tokenizer where it is used: eagerly, in tf.data, in a SavedModel; and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfbert.errors import VocabularyError
from tfbert.text import Tokenizer, Vocabulary

TEXTS = ["The film plays!", "", "Hello [MASK] world, unaffable 北京", "x" * 101, "a\ufffd é"]
PAIRS = ["a film", "playing", "", "the world", "[SEP]"]


@pytest.fixture
def tokenizer(small_vocabulary, tokenizers_of):
    return tokenizers_of(small_vocabulary)[0]


def as_lists(batch):
    return {name: value.numpy().tolist() for name, value in batch.items()}


def test_eager_tf_function_tf_data_and_saved_model_agree(tokenizer, tmp_path):
    strings = tf.TensorSpec([None], tf.string)

    def function(text, text_pair):
        windows = tokenizer.windows(text, text_pair, max_length=12, stride=2, max_first_length=5, offsets=True)
        return {
            **tokenizer(text, text_pair, offsets=True),
            **{f"windows_{name}": values for name, values in windows.items()},
        }

    expected = as_lists(function(TEXTS, PAIRS))
    assert as_lists(tf.function(function, input_signature=[strings, strings])(TEXTS, PAIRS)) == expected

    rows = tf.data.Dataset.from_tensor_slices((TEXTS, PAIRS)).batch(len(TEXTS))
    assert as_lists(next(iter(rows.map(function, num_parallel_calls=2)))) == expected

    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.tokenizer = tokenizer

        @tf.function(input_signature=[strings, strings])
        def __call__(self, text, text_pair):
            return function(text, text_pair)

    tf.saved_model.save(Served(), str(tmp_path / "a"))
    (tmp_path / "a").rename(tmp_path / "b")
    served = tf.saved_model.load(str(tmp_path / "b"))
    assert as_lists(served(tf.constant(TEXTS), tf.constant(PAIRS))) == expected
    empty = tf.constant([], tf.string)
    assert served(empty, empty)["token_ids"].shape == (0, 1)


def test_made_inside_a_graph(small_vocabulary):
    rows = tf.data.Dataset.from_tensors(["the film"]).map(lambda text: Tokenizer(small_vocabulary)(text))
    assert next(iter(rows))["token_ids"].shape == (1, 4)


@pytest.mark.parametrize("make", [list, tuple, np.array, lambda x: np.array(x, object), tf.constant])
def test_kinds_of_input(tokenizer, make):
    assert as_lists(tokenizer(make(TEXTS))) == as_lists(tokenizer(TEXTS))


@pytest.mark.parametrize("empty", [[], (), np.array([]), np.array([], object), tf.constant([], tf.string)])
def test_empty_batch(tokenizer, empty):
    assert tokenizer(empty)["token_ids"].shape == (0, 1)
    assert tokenizer(empty, empty)["segment_ids"].shape == (0, 1)
    assert tokenizer.tokenize(empty).to_list() == []


def test_empty_string(tokenizer):
    assert tokenizer([""])["token_ids"].numpy().tolist() == [[2, 3]]
    assert tokenizer([""], [""])["token_ids"].numpy().tolist() == [[2, 3, 3]]
    assert tokenizer.tokenize(["", "the"]).to_list() == [[], [5]]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("one string", ValueError),
        ([["a"], ["b"]], ValueError),
        (tf.constant("a"), ValueError),
        ([1, 2], TypeError),
        (["a", None], TypeError),
        ([["a"], ["b", "c"]], TypeError),
        (np.zeros(3), TypeError),
        (3, TypeError),
        (tf.ragged.constant([["a"], []]), TypeError),
        (["\ud800"], TypeError),
    ],
)
def test_wrong_input(tokenizer, wrong, error):
    for call in (tokenizer, tokenizer.tokenize, lambda x: tokenizer(["a"], x)):
        with pytest.raises(error, match=r"^text"):
            call(wrong)


def test_rows_of_a_pair_differ(tokenizer):
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="different numbers of rows"):
        tokenizer(["a", "b"], ["a"])


def test_unknown_truncation(tokenizer):
    with pytest.raises(ValueError, match="longest_first, only_first, only_second"):
        tokenizer(["a"], truncation="longest")


@pytest.mark.parametrize(
    "data",
    [
        b"the \xff film",
        b"\xc3",
        b"the\xe2\x82",
        b"\xed\xa0\x80film",
        b"\xf4\x90\x80\x80",
        b"a\xc0\x80b",
        b"\x80[MASK]",
    ],
)
def test_invalid_utf8_is_read_as_python_replaces_it(tokenizer, data):
    # With a valid neighbour: the batch is checked as a whole.
    expected = tokenizer.tokenize([data.decode("utf-8", "replace"), "film"]).to_list()
    assert tokenizer.tokenize([data, b"film"]).to_list() == expected


def test_a_text_of_one_megabyte(small_vocabulary, tokenizers_of):
    ours, theirs = tokenizers_of(small_vocabulary)
    texts = ["The unaffable film, 北京! " * 36_000, "x" * 1_000_000]
    expected = [encoding.ids for encoding in theirs.encode_batch(texts, add_special_tokens=False)]
    assert ours.tokenize(texts).to_list() == expected
    assert ours(texts)["token_ids"].shape == (2, 512)


def test_duplicate_empty_and_endless_tokens_keep_their_ids():
    tokens = [
        "[PAD]",
        "the",
        "[UNK]",
        "",
        "the",
        "[CLS]",
        "",
        "[SEP]",
        "##",
        "x" * 300,
        "a b",
        "[unk]",
        "film",
    ]
    tokenizer = Tokenizer(Vocabulary(tokens))
    assert tokenizer(["the film a b [MASK] [UNK]"])["token_ids"].numpy().tolist() == [[5, 4, 12, 2, 2, 2, 2, 2, 2, 7]]


def test_a_reachable_token_too_long_for_the_ops_is_an_error():
    with pytest.raises(VocabularyError, match="tensorflow_text"):
        Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "あ" * 100]))


def test_config_round_trip(tokenizer):
    copy = Tokenizer.from_config(json.loads(json.dumps(tokenizer.get_config())))
    assert copy.get_config() == tokenizer.get_config()
    assert as_lists(copy(TEXTS, PAIRS)) == as_lists(tokenizer(TEXTS, PAIRS))


def test_import_does_not_load_tensorflow_text():
    code = "import sys, tfbert.text; sys.exit('tensorflow_text' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
