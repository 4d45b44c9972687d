"""TFRecord files as tables, and the mistakes that such files hold."""

import gzip
import os
import subprocess
import sys

import pytest
import tensorflow as tf
from tfrecords import terabyte_record

from tfbert.data import read, stream
from tfbert.errors import DataError


def feature(values):
    if isinstance(values[0], str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
    if isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def example(row):
    features = {name: feature(values) if values else tf.train.Feature() for name, values in row.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, records):
    options = tf.io.TFRecordOptions(compression_type="GZIP" if path.suffix == ".gz" else "")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.mark.parametrize("name", ["rows.tfrecord", "rows.tfrecords", "rows.tfrecord.gz"])
def test_tfrecord(tmp_path, name):
    rows = [
        {"text": ["für Elise"], "label": [3], "score": [0.5], "words": ["one"], "spare": []},
        {"text": ["späť"], "label": [4], "score": [1.5], "words": ["two", "words"]},
    ]
    table = read(write(tmp_path / name, [example(row) for row in rows]))
    assert list(table) == [
        {"text": "für Elise", "label": 3, "score": 0.5, "words": ["one"], "spare": None},
        {"text": "späť", "label": 4, "score": 1.5, "words": ["two", "words"]},
    ]
    assert table.row_name(1) == f"{tmp_path / name}, record 2"


def test_a_feature_of_one_value_is_a_list_where_it_is_one(tmp_path):
    """In whatever window of the file: before, in and behind the one that tells."""
    rows = [*({"words": [word], "text": [word]} for word in "abcd"), {"words": [], "text": ["e"]}]
    rows[3:3] = [{"words": ["Off", "to", "Rome"], "text": ["f"]}]
    path = write(tmp_path / "rows.tfrecord", [example(row) for row in rows])
    words, texts = [row["words"] for row in rows], [row["text"][0] for row in rows]
    for size in (1, 2, 9):
        tables = list(stream(path, most_rows=size))
        assert [row for table in tables for row in table.list_column("words")] == words
        assert [row for table in tables for row in table.select([0]).list_column("words")] == words[::size]
        assert [row for table in tables for row in table.text_column("text")] == texts
        assert [row for table in tables for row in table.column("words")][3:] == [*words[3:]]
    write(path, [example({"text": ["good"]}), example({"text": ["one", "two"]}), example({"text": ["good"]})])
    tables = list(stream(path, most_rows=1))
    assert [tables[i].text_column("text") for i in (0, 2)] == [["good"]] * 2
    with pytest.raises(DataError, match="record 2: column 'text' holds a list, not a text"):
        tables[1].text_column("text")


GOOD = example({"text": ["late"]})
BYTES = tf.train.Example(features=tf.train.Features(feature={"text": tf.train.Feature(
    bytes_list=tf.train.BytesList(value=[b"\xff"]))})).SerializeToString()  # fmt: skip


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([GOOD, b"no proto"], "record 2: not a serialized tf.train.Example"),
        ([GOOD, BYTES], "record 2: feature 'text' holds bytes that are not UTF-8"),
        ([], "the file is empty"),
        ([example({})], "all objects are empty"),
    ],
)
def test_bad_records(tmp_path, records, message):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "rows.tfrecord", records))


@pytest.mark.parametrize("name", ["rows.tfrecord", "rows.tfrecord.gz"])
def test_truncated_tfrecord(tmp_path, name):
    """At whatever byte: a compressed file that ends between two records, too."""
    path = write(tmp_path / name, [example({"text": [f"text {i * i}"]}) for i in range(4)])
    content, ends = path.read_bytes(), {0}
    if name == "rows.tfrecord":
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            ends.add(max(ends) + len(record) + 16)
    for size in set(range(len(content))) - ends:
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match=r"rows.tfrecord.*, record \d: .*copy it again"):
            read(path)


def test_changed_tfrecord(tmp_path):
    path = write(tmp_path / "rows.tfrecord", [GOOD] * 3)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="record 3: the file is truncated or was changed"):
        read(path)


READ = """
import sys
from tfbert.data import read
from tfbert.errors import DataError
try:
    read(sys.argv[1])
except DataError as error:
    sys.exit(f"DataError: {error}")
"""


def test_a_record_of_a_terabyte_is_refused(tmp_path):
    """In a process of its own: TensorFlow's reader allocates what a header says, and crashes."""
    path = tmp_path / "rows.tfrecord"
    path.write_bytes(terabyte_record())
    run = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    assert "DataError" in run.stderr and "record 1: the file is truncated or was changed" in run.stderr
    compressed = tmp_path / "rows.tfrecord.gz"
    compressed.write_bytes(gzip.compress(terabyte_record()))
    with pytest.raises(DataError, match="record 1: the file is truncated or was changed"):
        read(compressed)


def test_rows_before_a_lying_length_are_read(tmp_path):
    path = write(tmp_path / "rows.tfrecord", [GOOD] * 3)
    with open(path, "ab") as file:
        file.write(terabyte_record())
    tables = stream(path, most_rows=3)
    assert next(tables).column("text") == ["late"] * 3
    with pytest.raises(DataError, match="record 4: the file is truncated or was changed"):
        next(tables)


def test_a_device_is_no_file_of_records():
    with pytest.raises(DataError, match="is no file but a pipe or a device"):
        read(os.devnull, format="tfrecord")
