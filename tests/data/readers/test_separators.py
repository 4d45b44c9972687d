"""CSV between other characters than commas: said by `sep=;`, or shown by the first lines."""

import pytest

from tfbert.data import read
from tfbert.data.readers.separators import separator_of
from tfbert.errors import DataError


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("sep=;\ntext;label\nfine, but long;good\n", 3),
        ('SEP=\t\r\ntext\tlabel\r\n"fine, but long"\tgood\r\n', 3),
        ('text;label\n"fine, but long";good\n', 2),
        ("text;label;;\nfine, but long;good;;\n", 2),
        ("text|label\nfine, but long|good\n", 2),
        ('text\tlabel\n"fine, but long"\tgood\n', 2),
        ("sep=,\ntext,label\n\"fine, but long\",good\n", 3),
    ],
)  # fmt: skip
def test_separators(tmp_path, content, line):
    (tmp_path / "a.csv").write_text(content, newline="")
    table = read(tmp_path / "a.csv")
    assert table.columns == {"text": ["fine, but long"], "label": ["good"]}
    assert list(table.line_numbers) == [line]


def test_quotes_hold_the_separator_and_line_breaks(tmp_path):
    rows = "".join(f'"a;\nb ""{i}""";{i}\n' for i in range(100))
    (tmp_path / "a.csv").write_text(f"text;label\n{rows}")
    table = read(tmp_path / "a.csv")
    assert table.column("text") == [f'a;\nb "{i}"' for i in range(100)]


@pytest.mark.parametrize(
    "content",
    [
        "text,label\na;b,c\n",  # commas in the header
        "text\na;b\nc\n",  # one column
        "a;b\nc;d;e\n",  # no two rows of one width
        "this is; a sentence|of\tmore\nx;y|z\tw\n",  # more than one would do
        "a;a\nb;c\n",
        ";a\nb;c\n",
    ],
)
def test_what_reads_as_commas_stays(content):
    assert separator_of(content.splitlines(keepends=True), "a.csv") == ","


def test_without_a_header_line(tmp_path):
    (tmp_path / "a.csv").write_text("fine, but;1\ndull;0\n")
    assert read(tmp_path / "a.csv", column_names=["text", "label"]).columns["label"] == ["1", "0"]
    (tmp_path / "a.csv").write_text("a;b\nc;d\n")
    assert read(tmp_path / "a.csv", column_names=["text"]).column("text") == ["a;b", "c;d"]


def test_faults_name_the_separator(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\ntext;label\na;b;c\n")
    with pytest.raises(DataError, match="a.csv, line 3: 3 fields between semicolons, where the header has 2"):
        read(tmp_path / "a.csv")


def test_it_is_said(tmp_path):
    from absl.testing import absltest

    (tmp_path / "a.csv").write_text("text;label\na;b\n")
    with absltest.TestCase().assertLogs("absl", "INFO") as logs:
        read(tmp_path / "a.csv")
    assert "a.csv: its fields are between semicolons" in logs.output[0]


def test_wrong_quotes_are_left_out_one_by_one(tmp_path):
    content = 'text,label\na,1\n"b"x,2\nc,3\n"d,4\ne,5\n"f ""so""",6\n"g,7\nh,8\n'
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match="line 3: not CSV"):
        read(tmp_path / "a.csv")
    table = read(tmp_path / "a.csv", bad_rows="skip")
    assert table.columns == {"text": ["a", "c", "e", 'f "so"', "h"], "label": ["1", "3", "5", "6", "8"]}
    assert list(table.line_numbers) == [2, 4, 6, 7, 9]
    assert table.bad_rows.counts() == {"quotes that do not fit CSV": 3}
