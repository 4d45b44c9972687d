"""Texts -> tokens of sentences, and where words begin."""

import gzip
import itertools

import pytest

from tfbert.data.pretraining.examples.chinese_words import is_chinese
from tfbert.data.pretraining.examples.tokens import TextTokenizer
from tfbert.text import Tokenizer, Vocabulary

TOKENS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "film",
    "##s",
    "##y",
    ".",
    "[",
    "]",
    "mask",
    "sep",
    "北",
    "京",
    "大",
]
TOKENS += ["学", "我", "爱", "，", "t"]


def tokenizer():
    return Tokenizer(Vocabulary(TOKENS))


def words(tokens):
    """The sentences of each document as lists of words, each its tokens joined."""
    documents = []
    for first, last in itertools.pairwise(tokens.documents):
        sentences = []
        for start, end in itertools.pairwise(tokens.sentences[first : last + 1]):
            sentences.append([])
            for token, begins in zip(tokens.ids[start:end], tokens.begins[start:end], strict=True):
                if begins:
                    sentences[-1].append("")
                sentences[-1][-1] += TOKENS[token]
        documents.append(sentences)
    return documents


def test_sentences_and_words_of_documents():
    made = TextTokenizer(tokenizer())([[b"Films. Filmsy films.\n", b"Film"], [b" .. \n"], [], [b"films"]])
    assert words(made) == [[["film##s", "."], ["film##s##y", "film##s", "."], ["film"]], [["film##s"]]]
    assert words(TextTokenizer(tokenizer())([])) == []
    assert words(TextTokenizer(tokenizer())([[b"\n"]])) == []


def test_a_line_is_a_sentence():
    made = TextTokenizer(tokenizer(), sentences="lines")([[b"Films. Film\r\n\n\n film\n."]])
    assert words(made) == [[["film##s", ".", "film"], ["film"], ["."]]]


def test_text_that_spells_special_tokens_is_text():
    made = TextTokenizer(tokenizer())([[b"film [MASK] [SEP]film"]])
    assert words(made) == [[["film", "[", "mask", "]", "[", "sep", "]", "film"]]]


def test_batches_are_joined(monkeypatch):
    documents = [[b"Films. Film."] * number for number in range(1, 9)]
    tokenize = TextTokenizer(tokenizer())
    whole = tokenize(documents)
    monkeypatch.setattr("tfbert.data.pretraining.examples.tokens._BATCH_BYTES", 30)
    for before, after in zip(whole, tokenize(documents), strict=True):
        assert before.tolist() == after.tolist()
    assert tokenize._graph.experimental_get_tracing_count() == 1


def test_words_of_jieba():
    pytest.importorskip("jieba")
    tokenize = TextTokenizer(tokenizer(), words="jieba")
    made = tokenize([["我爱北京大学，films。北大films".encode(), "未t大学 我 爱".encode()]])
    assert words(made)[0][:2] == [["我", "爱", "北京大学", "，", "film##s", "[UNK]"], ["北大", "film##s"]]
    assert words(made)[0][2] == ["[UNK]", "t", "大学", "我", "爱"]
    plain = TextTokenizer(tokenizer())([["我爱北京大学".encode()]])
    assert words(plain) == [[["我", "爱", "北", "京", "大", "学"]]]


def test_words_of_a_chinese_book(data_dir):
    jieba = pytest.importorskip("jieba")
    text = gzip.decompress(data_dir("pretrain/zh_classics/红楼梦.txt.gz").read_bytes()).decode("utf-8-sig")[:9_000]
    chinese = Tokenizer.from_file(data_dir("vocab/bert-base-chinese/vocab.txt"))
    made = TextTokenizer(chinese, words="jieba")([[text.encode()]])
    names = chinese.vocabulary.tokens
    found = []
    for token, begins in zip(made.ids, made.begins, strict=True):
        found += [""] if begins else []
        found[-1] += names[token]
    known = [word for word in jieba.lcut(text) if all("\u4e00" <= char <= "\u9fff" and char in names for char in word)]
    assert len([word for word in found if len(word) > 1]) > 500
    assert len(set(known) & set(found)) > 0.99 * len(set(known))
    # No Chinese word of the tokens is unknown to jieba.
    of_jieba = set(jieba.lcut(text))
    assert all(word in of_jieba for word in found if "[" not in word and "#" not in word and len(word) > 1)


def test_the_language_of_a_text():
    assert is_chinese("我爱 film 北京大学")
    assert not is_chinese("the film is 我爱")
    assert not is_chinese("")
