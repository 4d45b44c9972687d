"""Rows in are rows out and rows counted as left out, for every reader, on files with every fault."""

import contextlib
import csv
import gzip
import io
import json
import os
import shutil
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data import read, reading, stream
from tfbert.errors import DataError

word = st.lists(st.sampled_from(["a", "b", "é", "字", "😀", "x\u2028y"]), min_size=1, max_size=4).map("".join)
text = st.lists(word, min_size=1, max_size=3).map(" ".join)
quoted_text = st.lists(st.sampled_from(["a", 'b "c"', "é, f", "two\nlines", "tab\there"]), min_size=1).map(" ".join)


def csv_line(row, separator):
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator="\n").writerow(row)
    return file.getvalue().removesuffix("\n")


class Lines:
    """A format of a line or more a row: the line before them, rows, faults, what comes back of a row."""

    def __init__(self, suffix, row, line, faults, *, before="", columns=("text", "label"), between="", back=tuple):
        self.suffix, self.row, self.line, self.faults = suffix, row, line, faults
        self.before, self.columns, self.between, self.back = before, columns, between, back

    def write(self, path, items, end, bom, last_end):
        lines = [self.before] if self.before else []
        for good, item in items:
            lines.append(self.line(item) if good else item)
            lines += [self.between] if self.between else []
        content = bom + end.join(lines) + (end if last_end else "")
        data = content.encode()
        path.write_bytes(gzip.compress(data, 1) if path.name.endswith("gz") else data)


def pair_of(first, second):
    return st.tuples(first, second)


FORMATS = {
    "tsv": Lines(
        ".tsv",
        pair_of(st.just('a "b" c'), text),
        "\t".join,
        ["one", "a\tb\tc", '"a'],
        before="text\tlabel",
    ),
    "csv": Lines(
        ".csv",
        pair_of(quoted_text, text),
        lambda row: csv_line(row, ","),
        ["one", "a,b,c", '"b"x,2', '"d,4'],
        before="text,label",
    ),
    "csv semicolons": Lines(
        ".csv",
        pair_of(quoted_text, text),
        lambda row: csv_line(row, ";"),
        ["one", "a;b;c", '"b"x;2', '"d;4'],
        before="sep=;\ntext;label",
    ),
    "jsonl": Lines(
        ".jsonl",
        pair_of(quoted_text, st.integers() | st.none()),
        lambda row: json.dumps({"text": row[0], "label": row[1]}, ensure_ascii=False),
        ['{"text": ', "[1]", "null", '{"text": "a"} x', '{"text": "a",', "x"],
    ),
    "json": Lines(
        ".json",
        pair_of(quoted_text, st.integers()),
        lambda row: json.dumps({"text": row[0], "label": row[1]}, ensure_ascii=False),
        ["[1]", '{"text": "a"} x', "x"],
    ),
    "trec": Lines(
        ".label",
        pair_of(word, text),
        " ".join,
        ["one", " text without a label", "one "],
        columns=("label", "text"),
    ),
    "fasttext": Lines(
        ".ft",
        pair_of(word, text),
        lambda row: f"__label__{row[0]} {row[1]}",
        ["__label__a", "__label__ x", "__label__a x __label__b"],
        columns=("label", "text"),
    ),
    "txt": Lines(".txt", st.tuples(text), "".join, [], columns=("text",)),
    "conll": Lines(
        ".conll",
        st.lists(st.tuples(word, st.sampled_from(["O", "B-PER"])), min_size=1, max_size=3),
        lambda row: "\n".join("\t".join(cells) for cells in row) + "\n",
        ["alone\n"],
        columns=("words", "tags"),
        back=lambda row: tuple(map(list, zip(*row, strict=True))),
    ),
    "semeval": Lines(
        ".semeval",
        pair_of(text.map(lambda text: f"<e1>a</e1> {text} <e2>b</e2>"), st.sampled_from(["Other", "Message(e1,e2)"])),
        lambda row: f'7\t"{row[0]}"\n{row[1]}\nComment: none\n',
        ["no record\n"],
        columns=("text", "label"),
    ),
}  # fmt: skip
BLANK_IS_NO_ROW = set(FORMATS) - {"txt", "conll", "semeval"}


def items_of(name):
    format = FORMATS[name]
    good = st.tuples(st.just(True), format.row)
    if not format.faults:
        return st.lists(good, min_size=1, max_size=8)
    fault = st.tuples(st.just(False), st.sampled_from(format.faults))
    return st.lists(st.one_of(good, good, fault), min_size=1, max_size=8)


def rows_of(table, columns):
    return list(zip(*(table.columns.get(column, [None] * len(table)) for column in columns), strict=True))


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_rows_in_are_rows_out_and_rows_left_out(name, data, tmp_path_factory):
    format = FORMATS[name]
    items = data.draw(items_of(name))
    if name in BLANK_IS_NO_ROW:
        for i in data.draw(st.lists(st.integers(0, len(items)), max_size=2)):
            items.insert(i, (None, data.draw(st.sampled_from(["", "  "]))))
    end = data.draw(st.sampled_from(["\n", "\r\n"])) if "\n" not in repr(items).replace("\\n", "\n") else "\n"
    bom, last_end, gz = data.draw(st.sampled_from(["", "\ufeff"])), data.draw(st.booleans()), data.draw(st.booleans())
    path = tmp_path_factory.getbasetemp() / f"rows{format.suffix}{'.gz' if gz else ''}"
    format.write(path, items, end, bom, last_end)

    good = [format.back(item) for is_good, item in items if is_good]
    faults = sum(is_good is False for is_good, _ in items)
    given = {"format": name} if name == "semeval" else {}
    reads_whole = name in reading.FORMATS.documents
    if faults:
        with pytest.raises(DataError, match=f"{path.name}"):
            read(path, **given)
    if not good:
        with pytest.raises(DataError):
            read(path, bad_rows="skip", **given)
        return
    try:
        table = read(path, bad_rows="skip", **given)
    except DataError:
        # A document may be refused as a whole; so may JSON of which no line is whole.
        assert faults and (reads_whole or name == "json")
        return
    assert rows_of(table, format.columns) == good
    assert len(table.bad_rows) == faults == sum(table.bad_rows.counts().values())
    numbers = [int(table.row_name(i).rsplit(" ", 1)[1]) for i in range(len(table))]
    assert numbers == sorted(set(numbers))
    windows = list(stream(path, bad_rows="skip", most_rows=2, **given))
    assert [row for window in windows for row in rows_of(window, format.columns)] == good
    assert [window.row_name(i) for window in windows for i in range(len(window))] == [
        table.row_name(i) for i in range(len(table))
    ]


@settings(deadline=None, max_examples=40)
@given(
    files=st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 3)), text.map(str.encode) | st.just(b"\xff"), min_size=1
    )
)
def test_folder(files, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "folder"
    shutil.rmtree(path, ignore_errors=True)
    for (label, number), content in files.items():
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{number}.txt").write_bytes(content)
    good = [(content.decode(), label) for (label, _), content in sorted(files.items()) if content != b"\xff"]
    if not good:
        with pytest.raises(DataError):
            read(path, bad_rows="skip")
        return
    table = read(path, bad_rows="skip")
    assert rows_of(table, ("text", "label")) == good
    assert len(table) + len(table.bad_rows) == len(files)


def test_every_format_of_lines_is_here():
    """Each reader that takes rows one by one; documents have tests of their own."""
    assert set(reading.FORMATS.rows) <= set(FORMATS)


@pytest.mark.parametrize(
    ("suffix", "begin", "row"),
    [
        (".tsv", "text\tlabel\n", "a\tb\n"),
        (".csv", "text;label\n", "a;b\n"),
        (".jsonl", "", '{"text": "a"}\n'),
        (".json", "[", '{"text": "a"},\n'),
        (".json", "", '{"text": "a"}\n'),
        (".label", "", "a b\n"),
        (".ft", "", "__label__a b\n"),
        (".txt", "", "a\n"),
    ],
)
def test_a_stream_reads_no_more_than_it_gives(tmp_path, suffix, begin, row):
    """Through a pipe, whose writer waits until its rows are read: the first rows come before the last is written."""
    path = tmp_path / f"pipe{suffix}"
    os.mkfifo(path)

    def write():
        with contextlib.suppress(BrokenPipeError), open(path, "wb", 0) as pipe:
            pipe.write(begin.encode())
            for _ in range(20_000):
                pipe.write(row.encode() * 10)
            pipe.write(b"\xff\n")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    tables = stream(path, most_rows=5)
    first = [next(tables) for _ in range(3)]
    assert writer.is_alive()
    tables.close()
    writer.join(60)
    assert not writer.is_alive()
    assert [len(table) for table in first] == [5, 5, 5]
