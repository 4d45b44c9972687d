"""SentencePiece models in graph: ids and places, with special tokens, malformed bytes, in LiteRT and in a SavedModel."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as lite
from small_sentencepiece import model

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text import AddedToken, SpecialTokens, Vocabulary
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.unigram import Unigram
from tfbert.text.algorithms.unigram_rules import SentencePieceRules
from tfbert.text.algorithms.unigram_settings import UnigramRules
from tfbert.text.lite_kernels import lite_kernels
from tfbert.text.parts import PartMaker

NAMES = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
SPECIAL = SpecialTokens("<unk>", "<s>", "</s>", "<pad>", "<mask>")
MASK = AddedToken(content="<mask>", special=True, normalized=False, lstrip=True, rstrip=False)
BOOK = SentencePieceRules(({"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}), quotes=True)


def unigram(rules=SentencePieceRules(), *, portable=False, added=(MASK,), more_tokens=(), **settings):  # noqa: B008
    made = model(NAMES, **settings)
    tokens = [piece.text.decode() for piece in made.pieces]
    return Unigram(Vocabulary([*tokens, *more_tokens]), UnigramRules(made, rules), SPECIAL, added, portable)


def tokens_of(algorithm, text, unit="character"):
    """[(token, start, end, word)] of a text; the ids without places are the same."""
    text = tf.constant([text])
    names = [piece.text.decode() for piece in algorithm.model.pieces]
    part, splits = PartMaker(algorithm, portable=False).of(text, offsets=True)
    ids = part.features["token_ids"].numpy().tolist()
    alone = algorithm(text, places=False)
    assert alone.ids.numpy().tolist() == ids and alone.row_splits.numpy().tolist() == splits.numpy().tolist()
    places = part.features[f"{unit}_offsets"].numpy().tolist()
    words = part.features["word_ids"].numpy().tolist()
    return [(names[i], *place, word) for i, place, word in zip(ids, places, words, strict=True)]


@pytest.fixture(scope="module")
def split():
    return unigram()


@pytest.fixture(scope="module")
def unsplit():
    return unigram(SentencePieceRules(splits_white_space=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the films", [("▁the", 0, 3, 0), ("▁film", 4, 8, 1), ("s", 8, 9, 1)]),
        ("  a  film, ", [("▁a", 2, 3, 0), ("▁film", 5, 9, 1), (",", 9, 10, 1)]),
        ("ba ☃☃e", [("▁", 0, 1, 0), ("b", 0, 1, 0), ("a", 1, 2, 0), ("▁", 3, 4, 1), ("☃☃", 3, 5, 1), ("e", 5, 6, 1)]),
        ("☃", [("▁", 0, 1, 0), ("<unk>", 0, 1, 0)]),
        ("qq☃☃☃q", [("▁", 0, 1, 0), ("<unk>", 0, 3, 0), ("☃☃", 3, 5, 0), ("<unk>", 5, 6, 0)]),  # as the library
        ("☃☃☃x", [("▁", 0, 1, 0), ("<unk>", 0, 1, 0), ("☃☃", 1, 3, 0), ("x", 3, 4, 0)]),
        ("qqe☃k", [("▁", 0, 1, 0), ("<unk>", 0, 2, 0), ("e", 2, 3, 0), ("<unk>", 3, 5, 0)]),
        ("the▁film", [("▁the", 0, 3, 0), ("▁film", 4, 8, 1)]),
        ("", []),
        ("  ", []),
    ],
)
def test_tokens_and_their_places(split, text, expected):
    assert tokens_of(split, text) == expected


def test_bytes_of_places(split):
    expected = [("▁", 0, 2, 0), ("é", 0, 2, 0), ("<unk>", 2, 5, 0), ("x", 5, 6, 0)]
    assert tokens_of(split, "é☃x", "byte") == expected


def test_a_word_covers_the_space_before_it_where_no_splitter_takes_it(unsplit):
    assert tokens_of(unsplit, " the  film  b ") == [
        *[("▁the", 1, 4, 0), ("▁film", 5, 10, 1)],
        *[("▁", 11, 12, 2), ("b", 12, 13, 2)],
    ]


def test_special_tokens_spelt_out(split):
    assert tokens_of(split, "a  <mask> film<s>s <mask>") == [
        *[("▁a", 0, 1, 0), ("<mask>", 1, 9, 1), ("▁film", 10, 14, 2), ("<s>", 14, 17, 3)],
        *[("▁", 17, 18, 4), ("s", 17, 18, 4), ("<mask>", 18, 25, 5)],
    ]


def test_white_space_to_the_right():
    takes_right = AddedToken(content="<mask>", special=True, normalized=False, lstrip=False, rstrip=True)
    found = tokens_of(unigram(added=[takes_right]), "a <mask>\u3000\n a<mask>")
    assert found == [("▁a", 0, 1, 0), ("<mask>", 2, 11, 1), ("▁a", 11, 12, 2), ("<mask>", 12, 18, 3)]


def test_added_tokens_after_the_model():
    added = AddedToken(content="[E1]", special=False, normalized=False)
    algorithm = unigram(added=[added], more_tokens=["[E1]"])
    ids = algorithm(tf.constant(["film[E1]s"]), places=False).ids.numpy().tolist()
    assert ids == [8, len(algorithm.model.pieces), 5, 10]


def test_characters_and_quotes_before_the_model():
    algorithm = unigram(BOOK)
    found = tokens_of(algorithm, "The ``Fi\u0301lm'' `É' \x01a")
    assert [token for token, *_ in found] == ["▁the", "▁", '"', "film", '"', "▁", "<unk>", "e", "'", "▁a"]
    assert [place[:2] for _, *place in found] == [
        *([0, 3], [4, 5], [4, 5], [6, 11], [11, 12], [14, 15], [14, 15], [15, 16], [16, 17], [19, 20]),
    ]


def test_malformed_bytes_are_what_python_decodes(split):
    texts = [b"the\xff film", b"\xe2\x82a", b"\xed\xa0\x80", b"a\xc3", b"\xf4\x90\x80\x80 film", b"film"]
    for places in (False, True):
        found = split(tf.constant(texts), places)
        expected = split(tf.constant([text.decode("utf-8", "replace") for text in texts]), places)
        assert np.array_equal(found.ids, expected.ids) and np.array_equal(found.row_splits, expected.row_splits)


def test_pre_split_words(split):
    words = tf.ragged.constant([["the", "filmer"], [], ["a"]])
    part, splits = PartMaker(split, portable=False).of(words, offsets=True)
    assert part.features["word_ids"].numpy().tolist() == [0, 1, 1, 0] and splits.numpy().tolist() == [0, 3, 3, 4]


def test_an_empty_batch(split):
    for places in (False, True):
        assert split(tf.constant([], tf.string), places).row_splits.numpy().tolist() == [0]


def test_ids_become_text(split):
    pieces = split(tf.constant(["the  films, <mask> a", ""]), places=False)
    ids = tf.RaggedTensor.from_row_splits(pieces.ids, pieces.row_splits)
    assert split.detokenize(ids, clean_up=False).numpy().tolist() == [b"the films,<mask> a", b""]
    assert split.joined(["▁the", "▁film", "s", "<mask>", "▁a"]) == "the films<mask> a"
    assert split.continues_word("s") and not split.continues_word("▁film") and not split.continues_word("<mask>")


@pytest.mark.parametrize("text", ["a , b", "a b"])
def test_spaces_before_punctuation_are_removed_if_asked_for(split, text):
    pieces = split(tf.constant([text]), places=False)
    ids = tf.RaggedTensor.from_row_splits(pieces.ids, pieces.row_splits)
    assert split.detokenize(ids, clean_up=True).numpy()[0].decode() == text.replace(" ,", ",")


def test_a_bpe_model():
    bpe = unigram(kind="bpe")
    assert [token for token, *_ in tokens_of(bpe, "the films ☃☃q")] == [*"▁the▁films▁", "☃☃", "<unk>"]


def test_in_tf_data_and_a_saved_model(split, tmp_path):
    texts = ["the films", "a <mask> film", "☃"]
    expected = split(tf.constant(texts), places=True)
    data = tf.data.Dataset.from_tensors(tf.constant(texts)).map(lambda text: tuple(split(text, places=True)))
    module = tf.Module()
    module.tokenize = tf.function(
        lambda text: dict(split(text, True)._asdict()), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, tmp_path / "saved")
    again = tf.saved_model.load(tmp_path / "saved").tokenize(tf.constant(texts))
    for name, values, of_data in zip(expected._fields, expected, next(iter(data)), strict=True):
        assert np.array_equal(values, of_data) and np.array_equal(values, again[name]), name


@pytest.mark.parametrize("rules", [pytest.param(SentencePieceRules(), marks=pytest.mark.slow), BOOK])
def test_in_lite(rules):
    usual, portable = unigram(rules), unigram(rules, portable=True)
    module = tf.Module()
    module.function = tf.function(
        lambda text: dict(zip(("ids", "splits"), portable(text, False)[:2], strict=True)),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.function.get_concrete_function()], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.allow_custom_ops = True
    run = lite.InterpreterWithCustomOps(
        model_content=converter.convert(), custom_op_registerers=lite_kernels()
    ).get_signature_runner()
    for texts in (["the films", "", "a <mask>  film<s>"], ["``É'' ☃"], [b"the\xff film"]):
        got = run(text=np.array([text.encode() if isinstance(text, str) else text for text in texts], object))
        expected = usual(tf.constant(texts), places=False)
        assert np.array_equal(got["ids"], expected.ids) and np.array_equal(got["splits"], expected.row_splits)


def test_lite_has_no_places():
    with pytest.raises(ConfigError, match="portable=True goes without offsets"):
        unigram(portable=True)(tf.constant(["a"]), places=True)
    with pytest.raises(ConfigError, match="LiteRT has no operation for SentencePiece models but Unigram ones"):
        unigram(portable=True, kind="bpe")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"treat_whitespace_as_suffix": True}, "a space after each word"),
        ({"add_dummy_prefix": False}, "no space before texts"),
        ({"remove_extra_whitespaces": False}, "tokens of several spaces"),
        ({"escape_whitespaces": False}, "spaces that are not written as U"),
        ({"byte_fallback": True}, "tokens of bytes"),
    ],
)
def test_models_that_tfbert_does_not_have_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        unigram(**changes)


@pytest.mark.parametrize("splits", [False, True])
def test_tabs_and_line_breaks_without_a_map(splits):
    """Without white space to split at they are characters as others, and shift no place of the texts after them."""
    algorithm = unigram(SentencePieceRules(splits_white_space=splits))
    texts = ["a\tb\n", "the film"]
    part, splits_of = PartMaker(algorithm, portable=False).of(tf.constant(texts), offsets=True)
    names = [algorithm.model.pieces[i].text.decode() for i in part.features["token_ids"].numpy()]
    assert names == (["▁a", "▁", "b"] if splits else ["▁a", "<unk>", "b", "<unk>"]) + ["▁the", "▁film"]
    places = part.features["character_offsets"].numpy().tolist()
    assert places[-2:] == [[0, 3], [4, 8] if splits else [3, 8]]
    assert (
        algorithm(tf.constant(texts), places=False).ids.numpy().tolist() == part.features["token_ids"].numpy().tolist()
    )
    with pytest.raises(ConfigError, match="tokens of tabs or line breaks"):
        unigram(more={"a\n": -2.0})


def test_a_model_of_other_tokens_is_named():
    made = model(NAMES)
    tokens = [piece.text.decode() for piece in made.pieces]

    def read(made, tokens):
        return Unigram(Vocabulary(tokens, "x"), UnigramRules(made), SPECIAL)

    with pytest.raises(VocabularyError, match=f"x has 9 tokens, and the model {len(tokens)} pieces"):
        read(made, tokens[:9])
    with pytest.raises(VocabularyError, match="x: token 6 is 'other'; the model has"):
        read(made, [*tokens[:6], "other", *tokens[7:]])
    twice = dataclasses.replace(made, pieces=(*made.pieces, made.pieces[7]))
    with pytest.raises(VocabularyError, match=f"x: tokens 7 and {len(tokens)} are both"):
        read(twice, [*tokens, tokens[7]])
    no_space = dataclasses.replace(made, pieces=tuple(piece for piece in made.pieces if piece.text != "▁".encode()))
    with pytest.raises(VocabularyError, match=r"x: the SentencePiece model has no token ▁ \(U\+2581\)"):
        read(no_space, [token for token in tokens if token != "▁"])


def test_tokens_of_several_words_are_spoken_of(caplog):
    with caplog.at_level("WARNING"):
        algorithm = unigram(more={"▁a▁film": -0.5})
    assert "1 tokens of several words match no text: '▁a▁film'" in caplog.text
    assert [token for token, *_ in tokens_of(algorithm, "a film")] == ["▁a", "▁film"]
    assert sp.read(sp.write(algorithm.model), "x").pieces[-1].kind == sp.NORMAL  # what is saved is as it was
