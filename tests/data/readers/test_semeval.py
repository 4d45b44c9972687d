"""The published format of SemEval-2010 Task 8."""

import collections
import gzip
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbert.data import read
from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.semeval import read_semeval
from tfbert.errors import DataError

SENTENCE = '1\t"The <e1>child</e1> slept in the <e2>cradle</e2>."\n'
RECORD = [SENTENCE, "Other\n", "Comment: none\n", "\n"]


def test_the_release(data_dir, tmp_path):
    folder = data_dir("re/semeval2010_task8")
    train = read(folder / "TRAIN_FILE.TXT.gz", format="semeval")
    test = read(folder / "TEST_FILE_FULL.TXT.gz", format="semeval")
    assert (len(train), len(test)) == (8000, 2717)
    assert train.row_name(1).endswith("TRAIN_FILE.TXT.gz, line 5")
    assert list(train)[4] == {
        "id": "5",
        "text": "The <e1>student</e1> <e2>association</e2> is the voice of the undergraduate student population of the "
        "State University of New York at Buffalo.",
        "label": "Member-Collection(e1,e2)",
    }
    counts = collections.Counter(train.column("label"))  # as the task's paper has them
    assert (len(counts), counts["Other"], counts["Entity-Destination(e1,e2)"]) == (19, 1410, 844)
    key = dict(line.split("\t") for line in (folder / "TEST_FILE_KEY.TXT").read_text().splitlines())
    assert {i: label.split("(")[0] for i, label in zip(test.column("id"), test.column("label"), strict=True)} == {
        i: label.split("(")[0] for i, label in key.items()
    }
    with gzip.open(folder / "TEST_FILE_FULL.TXT.gz") as packed, open(tmp_path / "test.txt", "wb") as plain:
        shutil.copyfileobj(packed, plain)
    assert list(read(tmp_path / "test.txt", format="semeval")) == list(test)


def test_what_may_differ():
    lines = [*RECORD, *RECORD[:2], '3\tno "quotes" here\r\n', "Cause-Effect(e2,e1)\r\n", "Comment:\n", "goes on\n"]
    table = read_semeval(lines, "train.txt")
    assert table.column("text")[2] == 'no "quotes" here'
    assert table.column("label") == ["Other", "Other", "Cause-Effect(e2,e1)"]
    assert list(table.line_numbers) == [1, 5, 7]
    unlabelled = read_semeval([SENTENCE, SENTENCE], "test.txt")
    assert (list(unlabelled.columns), len(unlabelled)) == (["id", "text"], 2)


GOOD = ['"a <e1>b</e1> <e2>c</e2>"\n', "Other\n", "Comment: none\n", "\n"]
FAULTS = {
    "a record without a relation": [GOOD[0], "Comment:\n", "\n"],
    "a line that does not fit the format": [GOOD[0], "Cause-Effect(e1,e3)\n", "\n"],
}


@given(st.lists(st.sampled_from([None, "no tab", *FAULTS]), max_size=20))
def test_records_in_are_rows_out_and_rows_counted(kinds):
    kinds = [None, *kinds]
    lines = []
    for i, kind in enumerate(kinds):
        first, *others = FAULTS.get(kind, GOOD)
        lines += [f"{i}{' ' if kind == 'no tab' else chr(9)}{first}", *others]
    bad_rows = BadRows("skip")
    table = read_semeval(lines, "train.txt", bad_rows)
    assert table.column("id") == [str(i) for i, kind in enumerate(kinds) if kind is None]
    assert len(table) + len(bad_rows) == len(kinds)
    assert bad_rows.counts().get("a record without a relation", 0) == kinds.count("a record without a relation")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "train.txt: no records in it"),
        ([*RECORD, SENTENCE, "Comment: x\n"], "train.txt, line 5: the record 1 has no relation.*such as Other"),
        (["The child\n"], "train.txt, line 1: 'The child' does not fit.*begins with a number, a tab"),
        (["Comment: x\n"], "line 1: 'Comment: x' does not fit"),
        ([SENTENCE, "Cause-Effect(e1,e3)\n"], r"line 2: 'Cause-Effect\(e1,e3\)'.*with \(e1,e2\) or \(e2,e1\) after it"),
        ([SENTENCE, "Other\n", "Cause-Effect(e1,e2)\n"], "line 3.*the record has a relation already, Other"),
        ([*RECORD, '2 "no tab in it"\n'], "line 5: .*begins with a number, a tab"),
    ],
)
def test_a_bad_file(lines, message):
    with pytest.raises(DataError, match=message):
        read_semeval(lines, "train.txt")
