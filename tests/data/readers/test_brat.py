"""Folders of BRAT's files as tables."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfbert.data import read
from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.brat import read_brat, read_brat_relations
from tfbert.errors import DataError, RowError

TEXT = "Née in Rome.\r\nAda saw\r\nNew York and Bonn."
ENTITIES = "T1\tplace 7 11\tRome\nT2\tperson 13 16\tAda\nT3\tplace 21 29\tNew York\nT4\tplace 25 29\tYork\n"
OTHERS = "T5\tperson 0 3;13 16\tNée Ada\nE1\tsee:T2\nA1\tOld T1\n#1\tAnnotatorNotes T1\tsure\n*\tEquiv T1 T3\n"
RELATIONS = "R1\tvisited Arg1:T2 Arg2:T3\t\nR2\tborn_in Arg1:T2 Arg2:T1\n"


def folder(path, **documents):
    for name, (text, annotations) in documents.items():
        (path / f"{name}.txt").write_text(text, newline="")
        (path / f"{name}.ann").write_text(annotations)
    return path


def test_entities_and_what_is_left_out(tmp_path, caplog):
    table = read(folder(tmp_path, a=(TEXT, ENTITIES + OTHERS + RELATIONS), b=("x", "")), format="brat")
    assert table.column("id") == ["a", "b"]
    assert table.column("spans") == [[[7, 11, "place"], [13, 16, "person"], [21, 29, "place"]], []]
    text = table.column("text")[0]
    assert [text[start:end] for start, end, _ in table.column("spans")[0]] == ["Rome", "Ada", "New York"]
    assert caplog.messages == [
        f"{tmp_path}: left out: 1 attributes, 1 discontinuous entities, 1 entities that overlap a longer one, "
        "1 equivalences, 1 events, 1 notes"
    ]


def test_relations_with_the_lines_of_both_entities(tmp_path):
    table = read(folder(tmp_path, a=(TEXT, ENTITIES + RELATIONS)), format="brat_relations")
    assert list(table) == [
        {"id": "a:R1", "text": "Ada saw\nNew York and Bonn.", "head": [0, 3], "tail": [8, 16], "label": "visited"},
        {"id": "a:R2", "text": "Née in Rome.\nAda saw", "head": [13, 16], "tail": [7, 11], "label": "born_in"},
    ]


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ("T1\tplace 7 99\tRome\n", r"a.ann, line 1: T1 from 7 to 99 is no span of its text of"),
        ("\nT1\tplace 6 10\tRome\n", "a.ann, line 2: T1 is 'Rome', and characters 6 to 10 are ' Rom'"),
        (f"T1\tplace 7 {'9' * 5000}\tRome\n", "a.ann, line 1: 'T1.* is no line of BRAT's, such as"),
        ("T1 place 7 11 Rome\n", "a.ann, line 1: 'T1 place 7 11 Rome' is no line of BRAT's, such as"),
        ("R1\tx Arg1:T1 Arg2:T2\n", "a.ann, line 1: R1 is of T1, which is no entity in one piece here"),
    ],
)
def test_bad_lines(annotations, message, tmp_path):
    with pytest.raises(RowError, match=message):
        read_brat_relations(str(folder(tmp_path, a=(TEXT, annotations))))


def test_what_is_no_folder_of_pairs(tmp_path):
    with pytest.raises(DataError, match="no .ann files in it"):
        read(tmp_path, format="brat")
    folder(tmp_path, a=(TEXT, ENTITIES))
    with pytest.raises(DataError, match="name the folder"):
        read(tmp_path / "a.ann", format="brat")
    with pytest.raises(DataError, match="its .txt and .ann files are --format=brat"):
        read(tmp_path)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(DataError, match="a.txt: there is no such file"):
        read(tmp_path, format="brat")


FAULTS = {
    "an entity outside its text": "T1\tplace 7 99\tRome\n",
    "an entity that is not its text": "T1\tplace 6 10\tRome\n",
    "no line of BRAT's": "T1 place\n",
    None: ENTITIES,
}


@given(kinds=st.lists(st.sampled_from(list(FAULTS)), max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_documents_in_are_rows_out_and_rows_counted(kinds, tmp_path):
    kinds = [*kinds, None]
    for path in tmp_path.iterdir():
        path.unlink()
    folder(tmp_path, **{f"d{i}": (TEXT, FAULTS[kind]) for i, kind in enumerate(kinds)})
    bad_rows = BadRows("skip")
    assert len(read_brat(str(tmp_path), bad_rows=bad_rows)) == kinds.count(None)
    assert bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None}}
