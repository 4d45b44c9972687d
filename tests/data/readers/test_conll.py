"""CoNLL files as tables."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.conll import read_conll
from tfbert.data.reading import read
from tfbert.errors import ConfigError, DataError, RowError


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


GERMEVAL = (
    "#\thttp://de.wikipedia.org/wiki/Ada [2009-10-17]\n"
    "1\tUni\tB-ORG\tO\n2\tRom\tI-ORG\tB-LOC\n3\t1999\tO\tO\n\n"
    "#\thttp://de.wikipedia.org/wiki/Rom [2010-01-01]\n1\tRom\tB-LOC\tO\n"
)
ONTONOTES = (
    "#begin document (bc/cctv/00); part 000\n"
    "bc/cctv 0 0 In  IN (TOP(S(PP* - - - Ada *       -\n"
    "bc/cctv 0 1 Ada NN (NP*       - - - Ada (PERSON* (A*  (0\n"
    "bc/cctv 0 2 L   NN *)))       - - - Ada *)      *)  0)\n\n#end document\n"
)


@pytest.mark.parametrize(
    ("text", "words", "tags"),
    [
        ("1\tAda\tB-per\n2\tis\tO\n\n1\tRome\tB-loc\n", [["Ada", "is"], ["Rome"]], [["B-per", "O"], ["B-loc"]]),
        ("0 Ada B-per\n1 is O\n", [["Ada", "is"]], [["B-per", "O"]]),
        ("Ada\tB-per\t_\nis\tO\t_\n", [["Ada", "is"]], [["B-per", "O"]]),
        ("# id 3\tdomain=en\nAda _ _ B-per\nis _ _ O\n", [["Ada", "is"]], [["B-per", "O"]]),  # MultiCoNER
        ("1\tAda\tB-PER\t-\tann1\n2\tis\tO\t-\tann1\n", [["Ada", "is"]], [["B-PER", "O"]]),  # Universal NER
        (GERMEVAL, [["Uni", "Rom", "1999"], ["Rom"]], [["B-ORG", "I-ORG", "O"], ["B-LOC"]]),
        (ONTONOTES, [["In", "Ada", "L"]], [["*", "(PERSON*", "*)"]]),
        ("EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n", [["EU", "rejects"]], [["B-ORG", "O"]]),  # CoNLL-2003
        ("EU NNP I-NP O\nrejects VBZ I-VP O\n", [["EU", "rejects"]], [["O", "O"]]),
        ("El DA O\nAbogado NC B-PER\n", [["El", "Abogado"]], [["O", "B-PER"]]),  # CoNLL-2002
        ("EU NNP B-NP\nrejects VBZ B-VP\n", [["EU", "rejects"]], [["B-NP", "B-VP"]]),  # CoNLL-2000
        ("O NNP\nx DT\n", [["O", "x"]], [["NNP", "DT"]]),
        ("a\tper\tx\nb\tO\ty\n", [["a", "b"]], [["per", "O"]]),
        ("I O\n", [["I"]], [["O"]]),
        ("ha O\nha O\nha O\n", [["ha", "ha", "ha"]], [["O", "O", "O"]]),
        ("#WNUT B-x\n# O\nx O\n", [["#WNUT", "#", "x"]], [["B-x", "O", "O"]]),
    ],
)
def test_columns_are_found_by_what_they_hold(text, words, tags):
    assert columns(text) == {"words": words, "tags": tags}


def test_what_was_found_is_said(caplog):
    with caplog.at_level(logging.INFO, logger="absl"):
        columns("1\tAda\tB-per\n")
        columns("Ada\tNN\tB-per\n")
    assert caplog.messages == ["a.conll: words are column 2 and tags column 3 of 3; others are left out: 1 ('1')"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("1 B-per\n2 O\n", "words", "all words are numbers; name words and tags among the columns 1 .'1 2'.*--config.columns.words=1 --config.columns.tags=2"),
        ("7 O\n9 O\n", "words", "all words are numbers"),
        ("1\tAda\tada\tPROPN\t_\t_\t2\tnsubj\t_\tSpaceAfter=No\n", "words", "ten columns and no tags of entities, as CoNLL-U has them: --format=conllu"),
        ("EU B-FOO B-ORG\nis B-BAR O\n", "tags", "columns 2, 3 may each be the tags; .*--config.columns.words=1 --config.columns.tags=3"),
        ("".join(f"w{i}\tl{i}\n" for i in range(60)), "tags", "no column holds tags: column 2 has 60 values for 60 words"),
    ],
)  # fmt: skip
def test_what_is_not_found_is_refused_with_the_columns(text, column, message):
    table = read_conll(text.splitlines(keepends=True), "a.conll")
    with pytest.raises(DataError, match=message):
        table.column(column)


def test_any_column_has_a_number_and_may_be_named():
    lines = GERMEVAL.splitlines(keepends=True)
    table = read_conll(lines, "a.conll")
    assert table.column("4") == [["O", "B-LOC", "O"], ["O"]]
    assert table.select([1]).column("2") == [["Rom"]]
    named = read_conll(lines, "a.conll", column_names=["i", "words", "outer", "tags"])
    assert list(named.columns) == ["i", "words", "outer", "tags"]
    assert named.column("tags")[0] == ["O", "B-LOC", "O"]
    with pytest.raises(ConfigError, match="2 column_names .a, b. for the columns 1"):
        read_conll(lines, "a.conll", column_names=["a", "b"])


def test_a_line_of_other_columns_leaves_out_its_sentence(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ada B-x\nis O\n\nNew York B-x\n\n  O\nis O\n\nRome B-x\n")
    with pytest.raises(RowError, match="a.conll, line 4: 3 columns, 'New York B-x', where most lines have 2"):
        read(path)
    table = read(path, bad_rows="skip")
    assert table.column("words") == [["Ada", "is"], ["Rome"]]
    assert table.bad_rows.counts() == {"another number of columns": 1, "one column in a line": 1}
    assert table.row_name(1).endswith("a.conll, line 9")
    assert read(path, bad_rows="skip", column_names=["words", "x"])


SENTENCES = {
    "another number of columns": "1\tNew York\n2\tx\tO\t_\n\n",
    "one column in a line": "1\tAda\tB-x\t_\nx\n\n",
    None: "# text = Ada slept\n1\tAda\tB-x\t_\n2\tslept\tO\t_\n\n",
    "docstart": "-DOCSTART- -X- O O\n\n",
}


@given(st.lists(st.sampled_from(list(SENTENCES)), max_size=30))
def test_sentences_in_are_rows_out_and_rows_counted(kinds):
    kinds = [*kinds, *[None] * len(kinds), None]  # most lines have four columns
    bad_rows = BadRows("skip")
    text = "".join(SENTENCES[kind] for kind in kinds)
    table = read_conll(text.splitlines(keepends=True), "a.conll", bad_rows)
    assert table.columns == {name: [row] * kinds.count(None) for name, row in GOOD.items()}
    assert bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None, "docstart"}}


GOOD = {"words": ["Ada", "slept"], "tags": ["B-x", "O"]}


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
