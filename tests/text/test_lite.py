"""A portable tokenizer in LiteRT, with tensorflow_text's registered kernels and no TensorFlow ops."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as lite
from test_equality import HARD, _joined_parts

from tfbert.text import AddedToken, Tokenizer, Vocabulary
from tfbert.text.lite_kernels import lite_kernels

STRINGS = tf.TensorSpec([None], tf.string)


def converted(module, signature):
    """An interpreter of one signature; only LiteRT's own ops and tensorflow_text's kernels are admitted."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([signature], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.allow_custom_ops = True
    interpreter = lite.InterpreterWithCustomOps(
        model_content=converter.convert(),
        custom_op_registerers=lite_kernels(),
    )
    return interpreter.get_signature_runner()


def runner(function, *specs):
    module = tf.Module()
    module.function = tf.function(function, input_signature=specs)
    return converted(module, module.function.get_concrete_function())


def test_equals_the_tokenizer(small_vocabulary, tokenizers_of):
    usual = tokenizers_of(small_vocabulary)[0]
    portable = Tokenizer.from_config(usual.get_config(), portable=True)
    run = runner(lambda text: portable(text, offsets=True), STRINGS)
    for texts in (HARD, [""], ["the film"], *(_joined_parts(50, seed) for seed in range(5))):
        got = run(text=np.array([text.encode() for text in texts], object))
        expected = usual(texts, offsets=True)
        assert got.keys() == expected.keys()
        for name, values in expected.items():
            assert np.array_equal(got[name], values), name


@pytest.mark.slow
def test_pairs_windows_added_tokens_and_broken_bytes(small_vocabulary):
    added = [AddedToken("<e1>"), AddedToken("unable", normalized=True), AddedToken("北京", normalized=True)]
    vocabulary = Vocabulary([*small_vocabulary, "<e1>", "unable"])
    vocabulary = vocabulary if "北京" in vocabulary else Vocabulary([*vocabulary, "北京"])
    usual = Tokenizer(vocabulary, added_tokens=added)
    portable = Tokenizer.from_config(usual.get_config(), portable=True)

    def both(tokenizer):
        def function(text, text_pair):
            return {
                **{f"single_{key}": value for key, value in tokenizer(text, offsets=True).items()},
                **{f"pair_{key}": value for key, value in tokenizer(text, text_pair, max_length=12).items()},
                **{f"cut_{key}": value for key, value in tokenizer.windows(text, max_length=9, stride=3).items()},
                **{
                    f"both_{key}": value
                    for key, value in tokenizer.windows(
                        text, text_pair, max_length=14, stride=4, max_first_length=4, offsets=True
                    ).items()
                },
            }

        return function

    run = runner(both(portable), STRINGS, STRINGS)
    texts = [
        b"the <e1>film unaBLE\xff \xe2\x82 \xed\xa0\x80 in " + "北京<e1>".encode(),
        b"",
        b"[MASK] xunablex",
        b"film " * 40,
    ]
    pairs = [b"", "한국 <e1> plays é".encode() * 9, b"the" * 3, b"\xf0\x9f\x98 the film's " * 20]
    got = run(text=np.array(texts, object), text_pair=np.array(pairs, object))
    expected = both(usual)(texts, pairs)
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        assert np.array_equal(got[name], values), name


def test_words(small_vocabulary, tokenizers_of):
    usual = tokenizers_of(small_vocabulary)[0]
    portable = Tokenizer.from_config(usual.get_config(), portable=True)

    def function(words, row_splits):
        ragged = tf.RaggedTensor.from_row_splits(words, row_splits, validate=False)
        return portable(ragged, is_split_into_words=True, offsets=True)

    run = runner(function, STRINGS, tf.TensorSpec([None], tf.int64))
    rows = [["The", "unaffable", "", "films", "\u200d", "[MASK]"], [], ["a b", "café"]]
    words = [word.encode() for row in rows for word in row]
    got = run(words=np.array(words, object), row_splits=np.array([0, 6, 6, 8]))
    for name, values in usual(rows, is_split_into_words=True, offsets=True).items():
        assert np.array_equal(got[name], values), name
