"""CoNLL-U as tables."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbert.data import read
from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.conllu import read_conllu
from tfbert.errors import DataError, RowError


def word(number, form, upos="X", misc="_"):
    return f"{number}\t{form}\t{form.lower()}\t{upos}\t_\t_\t0\troot\t_\t{misc}\n"


SENTENCE = [
    "# sent_id = s1\n",
    "# text = Don't visit Rome\n",
    word("1-2", "Don't"),
    word(1, "Do", "AUX"),
    word(2, "n't", "PART"),
    word("2.1", "you"),
    word(3, "visit", "VERB"),
    word(4, "Rome", "PROPN", "NER=B-place|SpaceAfter=No"),
    "\n",
]


def test_words_their_parts_of_speech_and_entities(tmp_path, caplog):
    (tmp_path / "a.conllu").write_text("".join([*SENTENCE, word(1, "Oh", "INTJ")]))
    with caplog.at_level(logging.INFO, logger="absl"):
        table = read(tmp_path / "a.conllu")
    assert table.columns == {
        "sent_id": ["s1", ""],
        "words": [["Do", "n't", "visit", "Rome"], ["Oh"]],
        "lemmas": [["do", "n't", "visit", "rome"], ["oh"]],
        "upos": [["AUX", "PART", "VERB", "PROPN"], ["INTJ"]],
        "xpos": [["_"] * 4, ["_"]],
        "tags": [["O", "O", "O", "B-place"], ["O"]],
    }
    assert "1 ranges of words and 1 empty nodes are left out" in caplog.text
    assert table.row_name(0).endswith("line 3")
    with pytest.raises(DataError, match="no word has NER= .*--config.columns.tags=upos"):
        read_conllu([word(1, "Oh")], "a.conllu").column("tags")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "a.conllu: no sentences in it"),
        (
            ["Rome\tB-place\n"],
            "line 1: 2 columns, and CoNLL-U has ten.*; a word and its tag in a line are --format=conll",
        ),
        ([word(1, "a"), word(3, "b")], "line 2: the id '3', where word 2 of the sentence comes"),
        ([word("1-2", "a")], "line 1: a sentence without words"),
    ],
)
def test_a_bad_file(lines, message):
    with pytest.raises(DataError, match=message):
        read_conllu(lines, "a.conllu")


FAULTS = {
    "another number of columns": [word(1, "a"), "b\tO\n", "\n"],
    "words without their numbers": [word(2, "a"), "\n"],
    "a sentence without words": [word("0.1", "a"), "\n"],
    None: SENTENCE,
}


@given(st.lists(st.sampled_from(list(FAULTS)), max_size=20))
def test_sentences_in_are_rows_out_and_rows_counted(kinds):
    kinds = [*kinds, None]
    bad_rows = BadRows("skip")
    table = read_conllu([line for kind in kinds for line in FAULTS[kind]], "a.conllu", bad_rows)
    assert len(table) == kinds.count(None)
    assert bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None}}
    assert all(isinstance(error, RowError) for error in bad_rows.errors)
