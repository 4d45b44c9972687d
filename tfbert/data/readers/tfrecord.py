"""TFRecord files of serialized tf.train.Example."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any

from tfbert.data.readers.lines import open_data
from tfbert.data.readers.record_lengths import FOOTER_BYTES, HEADER, first_cut_record
from tfbert.data.readers.rows import ListRows
from tfbert.errors import DataError

_PIECE = 1 << 20  # bytes of a record that are read at a time, whatever its header says


def tfrecord_rows(source: str) -> ListRows:
    """The rows of a file of serialized tf.train.Example, compressed by gzip if its name ends in .gz.

    A feature with one value is that value, unless a row up to here or in the same table has several: then all are
    lists. `Table.list_column` and `Table.text_column` give either. Bytes are UTF-8 texts.

    Raises:
        DataError, when rows are taken: the record that is truncated, changed or no tf.train.Example, by its number
            from 1.

    >>> value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a film"]))
    >>> example = tf.train.Example(features=tf.train.Features(feature={"text": value}))
    >>> with tf.io.TFRecordWriter("texts.tfrecord") as writer:
    ...     writer.write(example.SerializeToString())
    >>> list(tfrecord_rows("texts.tfrecord").take())
    [{'text': 'a film'}]
    """
    return ListRows(_examples(source), source, "record")


def _examples(source: str) -> Iterator[tuple[int, dict[str, Any], int]]:
    import tensorflow as tf

    records = _gzip_records(source) if source.lower().endswith(".gz") else _records(tf, source)
    number = 0
    while (record := next(records, None)) is not None:
        number += 1
        yield number, _example(tf, record, f"{source}, record {number}"), len(record)


def _records(tf: Any, source: str) -> Iterator[bytes]:
    if not os.path.isfile(source):
        raise DataError(f"{source}: is no file but a pipe or a device; save the records in a file")
    number = 0
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False  # none may read a record ahead
    options.autotune.enabled = False
    try:
        cut = first_cut_record(source)  # TensorFlow also takes a header that is cut for the end of the file
        records = tf.data.TFRecordDataset(source).with_options(options).as_numpy_iterator()
        while number + 1 != cut and (record := next(records, None)) is not None:
            number += 1
            yield record
    except tf.errors.DataLossError:
        raise _lost(source, number + 1) from None
    except tf.errors.OpError as error:
        raise DataError(f"{source}, record {number + 1}: cannot be read: {error.message}") from None
    if cut is not None:
        raise _lost(source, cut)


def _gzip_records(source: str) -> Iterator[bytes]:
    """The records of a compressed file, read here: TensorFlow takes one that was cut between two records for whole,
    and gzip's own length and hash show that it is not."""
    number = 0
    try:
        with open_data(source) as file:
            while header := file.read(HEADER.size):
                size = HEADER.unpack(header)[0] if len(header) == HEADER.size else 0
                record = bytearray()
                while piece := file.read(min(_PIECE, size + FOOTER_BYTES - len(record))):
                    record += piece
                if not size or len(record) < size + FOOTER_BYTES:
                    raise EOFError
                number += 1
                yield bytes(record[:size])
    except (EOFError, OSError, zlib.error):
        raise _lost(source, number + 1) from None


def _lost(source: str, number: int) -> DataError:
    return DataError(f"{source}, record {number}: the file is truncated or was changed; copy it again")


def _example(tf: Any, record: bytes, place: str) -> dict[str, list]:
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception:  # protobuf's own DecodeError, whose module depends on its version
        raise DataError(f"{place}: not a serialized tf.train.Example") from None
    row = {}
    for name in sorted(features):  # a map has no order
        kind = features[name].WhichOneof("kind")
        values = list(getattr(features[name], kind).value) if kind else []
        if kind == "bytes_list":
            try:
                values = [value.decode() for value in values]
            except UnicodeDecodeError as error:
                raise DataError(f"{place}: feature {name!r} holds bytes that are not UTF-8 ({error.reason})") from None
        row[name] = values
    return row
