"""TSV whose fields are enclosed by quotes, as pandas and Excel write it, beside GLUE's, whose quotes are text."""

import csv
import gzip
import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data import read, stream
from tfbert.data.readers.tsv_quotes import quotes_enclose


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def table(content, encoding="utf-8", name="a.tsv", **arguments):
        data = content.encode(encoding)
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        return read(name, encoding=encoding, **arguments)

    return table


QUOTED = 'text\tlabel\n"a ""fine"" film"\tgood\n"two\nlines\tand a tab"\tbad\ndull\tbad\n'
QUOTED_ROWS = {"text": ['a "fine" film', "two\nlines\tand a tab", "dull"], "label": ["good", "bad", "bad"]}


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_enclosed(table, caplog, name, encoding, bom):
    if bom and encoding != "utf-8":
        pytest.skip("a mark of its own")
    found = table(bom + QUOTED, encoding, name)
    assert found.columns == QUOTED_ROWS
    assert list(found.line_numbers) == [2, 3, 5]
    assert [row for window in stream(name, encoding=encoding, most_rows=1) for row in window] == list(found)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_all_enclosed_and_so_is_the_header(table):
    found = table('"text"\t"label"\r\n"a film"\t"1"\r\n""\t"0"\r\n')
    assert found.columns == {"text": ["a film", ""], "label": ["1", "0"]}


@pytest.mark.parametrize(
    "row",
    [
        'he said "so" and\tgood',  # within
        '"dull" says it all\tbad',  # MRPC, SST-2
        '"open and never closed\tbad',
        'a screen of 5"\tgood',
        '"a" and "b"\tgood',
        '"too\tmany\tfields""\tgood',
    ],
)
def test_a_quote_elsewhere_shows_that_quotes_are_text(table, row):
    found = table(f"text\tlabel\n{row}\n" if row.count("\t") == 1 else "text\tlabel\na\tb\n")
    assert found.column("text")[0] == (row.split("\t")[0] if row.count("\t") == 1 else "a")
    # beside rows that seem to be enclosed, as in QQP
    assert not quotes_enclose(io.BytesIO(f'text\tlabel\n"What is ""Rome""?"\t1\n{row}\n'.encode()), "a.tsv")


def test_doubtful_quotes_stay_and_are_counted_once(table, caplog):
    content = 'text\tlabel\n"a fine film"\tgood\n"dull"\tbad\nold\tbad\n'
    found = table(content)
    assert found.column("text") == ['"a fine film"', '"dull"', "old"]
    (message,) = caplog.messages
    assert message.startswith(
        "a.tsv: 2 fields begin and end with a quote, first in line 2; the quotes stay in the text."
    )
    assert "--format=csv" in message
    assert read("a.tsv", format="csv").column("text") == ["a fine film", "dull", "old"]
    caplog.clear()
    assert table('"a film"\nnone\n', column_names=["text"]).column("text") == ['"a film"', "none"]  # all of the first
    assert table('"a film"\n"none"\n', column_names=["text"]).column("text") == ["a film", "none"]
    caplog.clear()
    table('text\tlabel\nan "odd" one\tgood\n"a ""fine"" film"\tgood\n')
    assert "a.tsv: 1 fields begin and end with a quote, first in line 3" in caplog.messages[0]


@pytest.mark.parametrize(
    ("path", "column", "text"),
    [
        ("classification/sst2_glue/train.tsv.gz", 0, None),
        ("classification/mrpc/train.tsv.gz", 0, None),
        ("classification/cola/train.tsv.gz", 0, None),
        ("multilingual/pawsx_xtreme/dev-en.tsv.gz", 0, None),
        ("multilabel/goemotions/dev.tsv.gz", 0, 'I want a shirt that says "Brilliant, Beautiful, Ferocious, Thing".'),
        ("multilingual/pawsx_xtreme/dev-de.tsv.gz", 0, 'Die "IPA" besteht aus 500'),
        ("classification/ag_news_subset/test.tsv.gz", 0, 'Wiltshire Police warns about "phishing" after its fraud'),
    ],
)
def test_real_files(data_dir, caplog, path, column, text):
    """GLUE's stay as they are; GoEmotions, PAWS-X and AG News are enclosed."""
    path = data_dir(path)
    names = [str(i) for i in range(gzip.open(path, "rt", encoding="utf-8-sig").readline().count("\t") + 1)]
    rows = list(read(path, column_names=names))
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="\n") as file:
        if text is None:
            assert [list(row.values()) for row in rows] == [line.rstrip("\r\n").split("\t") for line in file]
        else:
            assert [list(row.values()) for row in rows] == list(csv.reader(file, delimiter="\t", strict=True))
            assert any(row[names[column]].startswith(text) for row in rows)
    assert not caplog.messages


field = st.text(st.sampled_from('ab "\t\n,é'), max_size=6)


@settings(deadline=None, max_examples=200)
@given(rows=st.lists(st.tuples(field, field), min_size=1, max_size=5), quoting=st.sampled_from([0, 1]))
def test_what_programs_write_is_read_or_is_warned_of(rows, quoting, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "quoted.tsv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, "excel-tab", quoting=quoting, lineterminator="\n").writerows([("a", "b"), *rows])
    found = [tuple(row.values()) for row in read(path)]
    certain = quoting == 1 or any(set(cell) & set('"\t\n') for cell in itertools.chain(*rows))
    assert (found if certain else [tuple(cell.strip('"') for cell in row) for row in found]) == rows
