"""CoNLL files as tables."""

import pytest

from tfbert.data.readers.conll import read_conll
from tfbert.data.reading import read
from tfbert.errors import DataError


def columns(text):
    return read_conll(text.splitlines(keepends=True), "a.conll").columns


def test_the_first_and_the_last_column_between_tabs_or_spaces():
    assert columns("New NNP B-place\r\nYork\tNNP\tx y\tI-place\n  is  O \n") == {
        "words": [["New", "York", "is"]],
        "tags": [["B-place", "I-place", "O"]],
    }


def test_sentences_end_at_lines_of_spaces_and_know_their_lines():
    table = read_conll(
        ["\n", "a\tO\n", "\t\n", " \n", "-DOCSTART- -X- O\n", "\n", "b\tO\n", "c\tO\n", "-DOCSTART-\n", "d\tO"],
        "a.conll",
    )
    assert table.column("words") == [["a"], ["b", "c"], ["d"]]
    assert table.row_name(1) == "a.conll, line 7"
    assert table.row_name(2) == "a.conll, line 10"


def test_an_ideographic_space_is_a_word():
    assert columns("\u3000\tO\n\xa0 O\n")["words"] == [["\u3000", "\xa0"]]


def test_a_prefix_of_every_word_is_removed():
    assert columns("en:a\tO\n\nen::\tO\n")["words"] == [["a"], [":"]]
    assert columns("en:a\tO\n\nde:b\tO\n")["words"] == [["en:a"], ["de:b"]]
    assert columns("EN:a\tO\n")["words"] == [["EN:a"]]


def test_bad_files():
    with pytest.raises(DataError, match="a.conll, line 2: one column, 'b'; a word and its tag"):
        columns("a O\nb\n")
    with pytest.raises(DataError, match="a.conll: no words in it"):
        columns("-DOCSTART- O\n\n")


@pytest.mark.parametrize("suffix", ["conll", "bio", "iob", "iob2", "bioes"])
def test_suffixes(suffix, tmp_path):
    (tmp_path / f"a.{suffix}").write_text("a O\n")
    assert read(tmp_path / f"a.{suffix}").column("words") == [["a"]]


@pytest.mark.parametrize(
    ("path", "rows", "words"),
    [
        ("wnut17/wnut17train.conll", 3_394, 62_730),
        ("wnut17/emerging.dev.conll", 1_009, 15_733),
        ("wnut17/emerging.test.annotated", 1_287, 23_394),
        ("wikiann_en/dev.txt.gz", 10_000, 80_536),
    ],
)
def test_published_files(path, rows, words, data_dir):
    table = read(data_dir(f"ner/{path}"), format="conll")
    assert len(table) == rows
    assert sum(map(len, table.column("words"))) == words
    assert not any(word.startswith("en:") for word in table.column("words")[0])
