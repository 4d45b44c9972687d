import csv
import gzip
import io
import json
import os
import sys
import tempfile
import threading
import types

import pyarrow
import pyarrow.parquet
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data.reading import read, stream
from tfbert.errors import ConfigError, DataError

STSB = ("sentence1", "sentence2", "score")
COLA = ("source", "label", "mark", "sentence")
GOEMOTIONS = ("text", "labels", "id")


@pytest.mark.parametrize(
    "path, rows, column_names, columns",
    [
        ("classification/sst2_glue/train.tsv.gz", 67_349, (), ["sentence", "label"]),
        ("classification/sst2_glue/dev.tsv", 872, (), ["sentence", "label"]),
        (
            "classification/mrpc/train.tsv.gz",
            3_668,
            (),
            ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
        ),
        ("classification/mrpc/dev.tsv", 408, (), ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"]),
        ("classification/cola/train.tsv.gz", 8_551, COLA, list(COLA)),
        ("classification/cola/dev.tsv", 1_043, COLA, list(COLA)),
        ("multilabel/goemotions/train.tsv.gz", 43_410, GOEMOTIONS, list(GOEMOTIONS)),
        ("multilabel/goemotions/dev.tsv.gz", 5_426, GOEMOTIONS, list(GOEMOTIONS)),
        ("multilabel/goemotions/test.tsv.gz", 5_427, GOEMOTIONS, list(GOEMOTIONS)),
        ("similarity/stsb_multi_mt/stsb-en-train.csv.gz", 5_749, STSB, list(STSB)),
        ("similarity/stsb_multi_mt/stsb-en-dev.csv", 1_500, STSB, list(STSB)),
        ("similarity/stsb_multi_mt/stsb-zh-test.csv", 1_379, STSB, list(STSB)),
        ("classification_zh/chnsenticorp/train.tsv.gz", 9_600, (), ["label", "text_a"]),
        ("classification_zh/chnsenticorp/dev.tsv", 1_200, (), ["label", "text_a"]),
        ("classification_zh/chnsenticorp/test.tsv", 1_200, (), ["label", "text_a"]),
    ],
)
def test_real_files(data_dir, path, rows, column_names, columns):
    table = read(data_dir(path), column_names=column_names, required=columns)
    assert len(table) == rows
    assert list(table.columns) == columns
    first_line = 1 if column_names else 2
    assert list(table.line_numbers) == list(range(first_line, first_line + rows))


def test_real_labels(data_dir):
    labels = read(data_dir("classification/sst2_glue/train.tsv.gz")).column("label")
    assert (labels.count("1"), labels.count("0")) == (37_569, 29_780)
    crlf = read(data_dir("classification/sst2_glue/test-labeled.tsv"))
    assert set(crlf.column("label")) == {"0", "1"}
    scores = read(data_dir("similarity/stsb_multi_mt/stsb-en-dev.csv"), column_names=STSB).column("score")
    assert all(0 <= float(score) <= 5 for score in scores)


def test_real_file_without_its_header_line(data_dir):
    path = data_dir("multilabel/goemotions/dev.tsv.gz")
    with pytest.raises(
        DataError, match=r"dev\.tsv\.gz: no column 'text'; the columns are .* name its columns by --column_names=A,B"
    ):
        read(path, required=["text"])
    with pytest.raises(DataError, match="line 1: column 3 of the header has no name; .* --column_names=A,B"):
        read(data_dir("classification/cola/dev.tsv"))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file in the current folder, so that messages hold its bare name."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        if isinstance(content, str):
            content = content.encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
        return name

    return write


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last_end", [True, False])
@pytest.mark.parametrize("name", ["a.tsv", "a.csv.gz", "A.TSV.GZ"])
def test_line_ends_and_byte_order_mark(write, name, end, bom, last_end):
    separator = "," if "csv" in name else "\t"
    lines = [f"text{separator}label", f" a\u2028b\x85{separator}", f"😀{separator}2"]
    write(name, bom + end.join(lines) + (end if last_end else ""))
    table = read(name)
    assert table.columns == {"text": [" a\u2028b\x85", "😀"], "label": ["", "2"]}
    assert table.row_name(1) == f"{name}, line 3"


def test_lines_with_nothing_on_them_are_no_rows(write):
    table = read(write("a.tsv", "text\tlabel\n\na\t1\n\r\n  \n\t\nb\t2\n\n\n"))
    assert table.column("text") == ["a", "", "b"]
    assert list(table.line_numbers) == [3, 6, 7]
    table = read(write("a.csv", 'text\n\n""\nb\n\n'))
    assert table.column("text") == ["", "b"] and list(table.line_numbers) == [3, 4]
    table = read(write("a.jsonl", '\n{"a": 1}\n \n{"a": 2}\n\n'))
    assert table.column("a") == [1, 2] and list(table.line_numbers) == [2, 4]


def test_empty_lines_of_plain_text_are_texts_but_at_the_end(write):
    table = read(write("a.txt", "one\r\n\ntw\to\n \n\n"))
    assert table.columns == {"text": ["one", "", "tw\to"]}
    assert table.row_name(2) == "a.txt, line 3"
    assert list(read("a.txt", column_names=["sentence"]).columns) == ["sentence"]


def test_quotes_are_text_in_tsv(write):
    assert read(write("a.tsv", 'text\n"a ""b""\n')).column("text") == ['"a ""b""']


def test_csv_line_breaks_in_quotes(write):
    table = read(write("a.csv", 'text,label\n"a\n\n,""b""\r\n",1\n\nc "d",2\n'))
    assert table.columns == {"text": ['a\n\n,"b"\r\n', 'c "d"'], "label": ["1", "2"]}
    assert list(table.line_numbers) == [2, 7]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.csv.gz", "a.jsonl", "a.txt"])
def test_field_of_several_megabytes(write, name):
    text = "word " * 1_000_000
    content = json.dumps({"text": text}) if "json" in name else f"text\n{text}\n"
    limit = csv.field_size_limit()
    assert read(write(name, content)).column("text")[-1] == text
    assert csv.field_size_limit() == limit


def test_csv_error_leaves_the_field_size_limit_and_its_lock(write):
    limit = csv.field_size_limit()
    write("good.csv", "a\nb\n")
    with pytest.raises(DataError) as error:
        read(write("bad.csv", 'a\n"'))
    assert csv.field_size_limit() == limit
    thread = threading.Thread(target=read, args=("good.csv",), daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()
    del error


def test_unnamed_first_column_of_pandas(write):
    assert list(read(write("a.csv", ",text\n0,a\n")).columns) == ["", "text"]


def test_rows_in_many_chunks(write):
    table = read(write("a.tsv", "a\tb\n" + "".join(f"{i}\t{-i}\n" for i in range(20_000))))
    assert table.column("b") == [str(-i) for i in range(20_000)]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.tsv", "", "a.tsv: the file is empty"),
        ("a.csv.gz", "", "a.csv.gz: the file is empty"),
        ("a.jsonl", "\n", "a.jsonl: the file is empty"),
        ("a.jsonl", "{}\n{}\n", "a.jsonl: all objects are empty"),
        ("a.txt", "\n\n", "a.txt: no text in it"),
        ("a.tsv", "text\tlabel\n\n", "a.tsv: no rows after the header line"),
        ("a.tsv", "\ntext\n", "a.tsv, line 1: the header line is empty; name its columns by --column_names"),
        ("a.csv", ",\na,b\n", "a.csv, line 1: the header line is empty"),
        ("a.tsv", "a\tb\ta\n1\t2\t3\n", "a.tsv, line 1: the header names 'a' twice$"),
        ("a.csv", "a,,b\n1,2,3\n", "a.csv, line 1: column 2 of the header has no name$"),
        ("a.tsv", "a\t1\t\tb\n", "a.tsv, line 1: column 3 of the header has no name; .*--column_names=A,B"),
        ("a.tsv", "a\tb\n1\t2\nx\n", "a.tsv, line 3: 1 field between tabs, where the header has 2"),
        ("a.tsv", "a\tb\n1\t2\t3\n", "a.tsv, line 2: 3 fields between tabs, where the header has 2"),
        (
            "a.tsv",
            'a\tb\nx "y" z\t1\n"1\n2"\t3\n',
            "a.tsv, line 3: .* if quotes hold tabs and line breaks together here, give --format=csv",
        ),
        ("a.csv", 'a,b\n"1\n",2\nx\n', "a.csv, line 4: 1 field between commas, where the header has 2"),
        ("a.csv", "a,b\n1,2,3\n", "a.csv, line 2: 3 fields between commas"),
        (
            "a.csv",
            'a,b\n1,2\n"x,3\n4,5\n',
            "a.csv, line 3 to line 4: not CSV: a quote is opened and never closed",
        ),
        ("a.csv", 'a,b\n"x"y,3\n', "a.csv, line 2: not CSV: ',' expected after '\"'"),
        ("a.csv", "a,b\r1,2\r3,4", "a.csv, line 1: not CSV: a carriage return stands outside quotes"),
        ("a.tsv", b"a\nx\ncaf\xe9 au lait\n", "a.tsv, line 3, byte 4 of the line: 0xe9 is not UTF-8"),
        ("a.csv.gz", b"a\n\xff\n", "a.csv.gz, line 2, byte 1 of the line: 0xff"),
        ("a.tsv", b"\xef\xbb\xbfa\xe9\n", "a.tsv, line 1, byte 5 of the line: 0xe9"),
        (
            "a.txt",
            "ab\n".encode("utf-16"),
            "a.txt, line 1, byte 1 .* the file seems to be utf-16: give --encoding=utf-16, in Python",
        ),
        ("a.tsv", gzip.compress(b"a\nb\n", mtime=0), "a.tsv, line 1, byte 2 .* compressed by gzip; name it .gz"),
        ("a.jsonl", '{"a": 1}\n{"a": }\n', "a.jsonl, line 2, column 7: not JSON: Expecting value"),
        ("a.jsonl", '[\n{"a": 1}\n]\n', "a.jsonl, line 1, .* one array, .* are read by --format=json, in Python"),
        ("a.jsonlines", "{}", "a.jsonlines: the suffix '.jsonlines' names .*; did you mean '.jsonl'"),
        ("a.xlsx", "", "a.xlsx is a spreadsheet; save it as CSV"),
        ("a.tsv.bz2", "", "a.tsv.bz2 is compressed; unpack it"),
        ("a.ndjson", '{"a": 1}\n[1]\n', "a.ndjson, line 2: not a JSON object"),
        ("a.jsonl", '{"a": ' + "[" * 100_000 + "\n", "a.jsonl, line 1: .* nested too deep"),
        (
            "a.jsonl",
            '{"a": ' + "1" * 5_000 + "}\n",
            "a.jsonl, line 1: JSON that cannot be read: Exceeds the limit",
        ),
        (
            "a.dat",
            "a\n",
            "a.dat: the suffix '.dat' names no format; give format= one of tsv, csv, jsonl, json, txt",
        ),
        ("a", "a\n", "a: the suffix '' names no format"),
    ],
)
def test_errors(write, name, content, message):
    with pytest.raises(DataError, match=f"^{message}"):
        read(write(name, content))


def test_too_few_fields_for_column_names(write):
    with pytest.raises(DataError, match="a.tsv, line 1: 2 fields between tabs, where column_names has 3"):
        read(write("a.tsv", "a\tb\n"), column_names=["x", "y", "z"])
    with pytest.raises(DataError, match="a.csv: no rows$"):
        read(write("a.csv", "\n"), column_names=["x", "y", "z"])


def test_truncated_and_corrupt_gzip(write):
    content = gzip.compress("\n".join(str(i * i) for i in range(100_000)).encode())
    open("cut.txt.gz", "wb").write(content[:-1000])
    with pytest.raises(DataError, match=r"cut.txt.gz, after line \d{4,}: the gzip file is truncated"):
        read("cut.txt.gz")
    open("bad.txt.gz", "wb").write(content[:5000] + bytes(100) + content[5100:])
    with pytest.raises(DataError, match=r"bad.txt.gz, after line \d+: not a valid gzip file"):
        read("bad.txt.gz")
    open("plain.txt.gz", "wb").write(b"text\n")
    with pytest.raises(DataError, match="plain.txt.gz, after line 0: not a valid gzip file"):
        read("plain.txt.gz")


def test_files_that_cannot_be_opened(write, tmp_path):
    write("train.tsv.gz", "a\nb\n")
    with pytest.raises(DataError, match="^train.tsv: there is no such file; did you mean train.tsv.gz?"):
        read("train.tsv")
    with pytest.raises(DataError, match="^no/such/folder.tsv: there is no such file$"):
        read("no/such/folder.tsv")
    os.mkdir("folder.tsv")
    with pytest.raises(DataError, match="^folder.tsv: this is a folder"):
        read("folder.tsv")
    with pytest.raises(DataError, match="this is a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="cannot be opened: embedded null byte"):
        read("a\0.tsv")


def test_json_rows_with_other_columns(write):
    rows = ['{"text": "a"}', '{"text": "b", "label": null}', '{"label": "x", "text": 3}']
    table = read(write("a.jsonl", "\n".join(rows)), required=["text"])
    assert table.columns == {"text": ["a", "b", 3], "label": [None, None, "x"]}
    assert list(table) == [json.loads(row) for row in rows]
    with pytest.raises(DataError, match=r"a.jsonl, line 1: no 'label' here.*\(1 of 3 rows lack 'label'\)"):
        table.column("label")
    with pytest.raises(DataError, match="a.jsonl, line 3: column 'text' holds a number"):
        table.text_column("text")
    with pytest.raises(DataError, match="line 1: no 'label' here"):
        read("a.jsonl", required=["label"])
    with pytest.raises(DataError) as error:
        table.column("labels")
    assert "did you mean 'label'?" in str(error.value) and "column_names" not in str(error.value)


def test_format_given(write):
    assert read(write("a.dat", "x\ty\n"), format="tsv", column_names=["a", "b"]).columns == {
        "a": ["x"],
        "b": ["y"],
    }
    assert read(write("b.csv", "x,y\n"), format="txt").column("text") == ["x,y"]
    assert read(write("c.gz", '{"a": 1}'), format="jsonl").column("a") == [1]


@pytest.mark.parametrize(
    "source, arguments, message",
    [
        ("a.tsv", {"format": "xml"}, "format is 'xml'; the formats are tsv"),
        ("a.tsv", {"format": "jsonlines"}, "format is 'jsonlines'; .*; did you mean 'jsonl'"),
        ("a.tsv", {"format": "TSV"}, "format is 'TSV'; .*; did you mean 'tsv'"),
        ("a.tsv", {"format": "bio"}, "format is 'bio'; .*; did you mean 'conll'"),
        ("a.tsv", {"format": "csv:data"}, "format is 'csv:data'; a path stands after json: only"),
        ("a.jsonl", {"format": "json", "column_names": ["a"]}, "the objects of JSON name their own columns"),
        ("a.tsv", {"column_names": "text"}, "column_names must be a list of names, not the text 'text'"),
        ("a.tsv", {"required": "text"}, "required must be a list"),
        ("a.tsv", {"column_names": ["a", "a"]}, "column_names holds 'a'; it takes distinct names"),
        ("a.tsv", {"column_names": ["a", ""]}, "column_names holds ''"),
        ("a.txt", {"column_names": ["a", "b"]}, "plain text is one column"),
        ("a.jsonl", {"column_names": ["a"]}, "each line of JSON names its own columns"),
        ("tfds:glue/sst2", {"column_names": ["a"]}, "takes no column_names"),
        ("tfds:glue/sst2", {"format": "tsv"}, "takes no column_names or format"),
    ],
)
def test_arguments_that_do_not_fit(write, source, arguments, message):
    for name in ["a.tsv", "a.txt", "a.jsonl"]:
        write(name, "{}")
    with pytest.raises(ConfigError, match=message):
        read(source, **arguments)


@pytest.fixture
def standard_input(monkeypatch):
    def standard_input(content):
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(content)))

    return standard_input


def test_standard_input(standard_input):
    standard_input("\ufeffone\n\ntwo\n".encode())
    table = read("-")
    assert table.column("text") == ["one", "", "two"]
    assert table.row_name(2) == "standard input, line 3"
    standard_input(b'\xef\xbb\xbf {"text": "a"}\n{"text": "b"}')
    assert read("-").column("text") == ["a", "b"]
    standard_input(b'[{"text": "a"},\n{"text": "b"}]')
    assert read("-").column("text") == ["a", "b"]
    standard_input(b"[MASK] is {x}\n[]\n")
    assert read("-").column("text") == ["[MASK] is {x}", "[]"]
    standard_input(b"a,b\n1,2\n")
    assert read("-", format="csv").columns == {"a": ["1"], "b": ["2"]}
    standard_input(b"{one} text\n")
    with pytest.raises(DataError, match='standard input, line 1, column 2: not JSON: .* unless format="txt"'):
        read("-")
    standard_input(b"{one} text\n")
    assert read("-", format="txt").column("text") == ["{one} text"]
    standard_input(b"")
    with pytest.raises(DataError, match="^standard input: no text in it"):
        read("-")
    standard_input(b"a\n\xff")
    with pytest.raises(DataError, match="^standard input, line 2, byte 1"):
        read("-")


any_text = st.text(st.characters(codec="utf-8"))


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(st.tuples(any_text, any_text), min_size=1), as_excel=st.booleans())
def test_csv_round_trip(rows, as_excel, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    style = {} if as_excel else {"lineterminator": "\n", "quoting": csv.QUOTE_ALL}
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, **style).writerows([("first", "second"), *rows])
    assert [tuple(row.values()) for row in read(path)] == rows


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(any_text, values, max_size=3),
    max_leaves=5,
)
some_columns = st.dictionaries(st.sampled_from("abc"), any_json)


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(some_columns, min_size=1).filter(any), escape=st.booleans())
def test_jsonl_round_trip(rows, escape, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round_trip.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        file.writelines(json.dumps(row, ensure_ascii=escape) + "\n" for row in rows)
    table = read(path)
    assert list(table) == rows
    for column in table.columns:
        if all(column in row for row in rows):
            assert table.column(column) == [row[column] for row in rows]
        else:
            with pytest.raises(DataError, match=f"no '{column}' here"):
                table.column(column)


field = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"))


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(st.tuples(field, field), min_size=1), bom=st.sampled_from(["", "\ufeff"]))
def test_tsv_round_trip(rows, bom, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round_trip.tsv"
    rows = [*rows, ('a "quote" within', "")]  # so quotes are text
    path.write_bytes((bom + "".join(f"{a}\t{b}\n" for a, b in rows)).encode())
    table = read(path, column_names=["a", "b"])
    assert list(zip(table.column("a"), table.column("b"), strict=True)) == rows


@pytest.mark.parametrize("suffix", ["txt", "tsv", "csv", "jsonl", "csv.gz", "parquet", "tfrecord"])
def test_windows_are_the_whole_file(write, tmp_path, suffix):
    """A file cut into tables has the rows of the whole, with the same places."""
    rows = [{"text": f'row {i}, "so"' if i % 5 else "a text\nof lines" if suffix[:3] == "csv" else "", "n": str(i)}
            for i in range(23)]  # fmt: skip
    if suffix == "parquet":
        path = tmp_path / "rows.parquet"
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=5)
    elif suffix == "tfrecord":
        path = tmp_path / "rows.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in rows:
                values = {name: tf.train.BytesList(value=[value.encode()]) for name, value in row.items()}
                features = {name: tf.train.Feature(bytes_list=value) for name, value in values.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    else:
        file = io.StringIO()
        if suffix == "txt":
            file.writelines(row["text"] + "\n" for row in rows)
        elif suffix == "jsonl":
            file.writelines(json.dumps(row) + "\n\n" for row in rows)
        elif suffix == "tsv":
            file.writelines("\t".join(row) + "\n" for row in [rows[0], *(row.values() for row in rows)])
        else:
            writer = csv.writer(file)
            writer.writerows([rows[0], *(row.values() for row in rows)])
        data = file.getvalue().encode()
        path = write(f"rows.{suffix}", data)
    whole = read(path)
    tables = list(stream(path, most_rows=4))
    assert [len(table) for table in tables] == [4] * 5 + [3]
    assert [row for table in tables for row in table] == list(whole)
    names = [table.row_name(i) for table in tables for i in range(len(table))]
    assert names == [whole.row_name(i) for i in range(len(whole))]
    assert sum(len(table) for table in stream(path, most_rows=100, most_characters=30)) == 23
    assert len(next(stream(path, most_rows=100, most_characters=30))) < 7


def test_windows_of_an_empty_file_and_of_a_bad_one(write):
    with pytest.raises(DataError, match="no text in it"):
        list(stream(write("a.txt", b"\n\n")))
    tables = stream(write("a.jsonl", b'{"text": "a"}\n' * 4 + b"{"), most_rows=2)
    assert len(next(tables)) == len(next(tables)) == 2
    with pytest.raises(DataError, match="line 5"):
        next(tables)


def test_windows_of_what_is_read_whole(write):
    path = write("a.conll", b"New\tB-place\n\nYork\tO\n\nhere\tO\n")
    tables = list(stream(path, most_rows=2))
    assert [table.column("words") for table in tables] == [[["New"], ["York"]], [["here"]]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["", " ", "a", "two words"]), min_size=1, max_size=12), st.integers(1, 5))
def test_windows_of_any_text(lines, most_rows):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.txt")
        with open(path, "w") as file:
            file.writelines(f"{line}\n" for line in lines)
        try:
            whole = read(path).column("text")
        except DataError:
            whole = None
        if whole is None:
            with pytest.raises(DataError):
                list(stream(path, most_rows=most_rows))
        else:
            assert [text for table in stream(path, most_rows=most_rows) for text in table.column("text")] == whole


@pytest.mark.parametrize("format", ["semeval", "squad", "race", "conllu"])
def test_documents_that_name_their_own_columns_take_no_names(tmp_path, format):
    (tmp_path / "a.txt").write_text("{}\n")
    with pytest.raises(ConfigError, match=f"the format {format} names its own columns; leave out column_names"):
        read(tmp_path / "a.txt", format=format, column_names=["text"])
