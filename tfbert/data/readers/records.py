"""Records of files that have no lines, as dicts: TFRecord files of tf.train.Example, Parquet files."""

import os
import struct
import zlib

from tfbert.data.readers.lines import open_data
from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import DataError

_PARQUET_ROWS = 1024  # decoded at a time
_HEADER = struct.Struct("<QI")  # of a TFRecord: its length, and the length's hash
_FOOTER_BYTES = 4  # the record's hash


def tfrecord_rows(source):
    """`Rows` of serialized tf.train.Example, compressed by gzip where the name ends in .gz.

    A feature of one value is that value, unless rows up to it or in its table have several: then all are lists.
    `Table.list_column` and `Table.text_column` give either. Bytes are UTF-8 texts.

    Raises DataError, with the record's number from 1: truncated, changed, or no tf.train.Example.
    """
    return _ExampleRows(_examples(source), source, "record")


class _ExampleRows(ObjectRows):
    """A tf.train.Example does not tell a value from a list of one; the other rows do, those of former tables too."""

    has_lists_of_one = True

    def __init__(self, *args):
        super().__init__(*args)
        self._several = set()  # features that have had several values

    def _table(self, rows):
        table = super()._table(rows)
        for name, values in table.columns.items():
            if any(len(value or ()) > 1 for value in values):
                self._several.add(name)
            table.columns[name] = [_unlisted(value, name in self._several) for value in values]
        return table


def _unlisted(values, several):
    if values is None or several:
        return values
    return values[0] if values else None


def _examples(source):
    import tensorflow as tf

    records = _gzip_records(source) if source.lower().endswith(".gz") else _records(tf, source)
    number = 0
    while (record := next(records, None)) is not None:
        number += 1
        yield number, _example(tf, record, f"{source}, record {number}"), len(record)


def _records(tf, source):
    number, end = 0, 0
    try:
        for record in tf.data.TFRecordDataset(source).as_numpy_iterator():
            number += 1
            end += _HEADER.size + len(record) + _FOOTER_BYTES
            yield record
        if end != os.path.getsize(source):  # TensorFlow takes the beginning of a header for the file's end
            raise _lost(source, number + 1)
    except tf.errors.DataLossError:
        raise _lost(source, number + 1) from None
    except tf.errors.OpError as error:
        raise DataError(f"{source}, record {number + 1}: cannot be read: {error.message}") from None


def _gzip_records(source):
    """TensorFlow takes a compressed file that was cut between records for whole; gzip's own length and hash tell."""
    number = 0
    try:
        with open_data(source) as file:
            while header := file.read(_HEADER.size):
                size = _HEADER.unpack(header)[0] if len(header) == _HEADER.size else 0
                record = file.read(size + _FOOTER_BYTES)
                if not size or len(record) < size + _FOOTER_BYTES:
                    raise EOFError
                number += 1
                yield record[:size]
    except (EOFError, OSError, zlib.error, OverflowError, MemoryError):
        raise _lost(source, number + 1) from None


def _lost(source, number):
    return DataError(f"{source}, record {number}: the file is truncated or was changed; copy it again")


def _example(tf, record, place):
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


def parquet_rows(source):
    """`ObjectRows` of a Parquet file, row group by row group.

    Raises DataError: no Parquet file, one that is truncated, or pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{source}: needs pyarrow: pip install 'tfbert[parquet]'") from None
    try:
        file = pyarrow.parquet.ParquetFile(source, memory_map=False, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{source}: not a Parquet file, or truncated: {_line(error)}") from None
    return ObjectRows(_parquet_objects(file, source, pyarrow.ArrowException), source, "row")


def _parquet_objects(file, source, arrow_error):
    number = 0
    with file:
        try:
            for batch in file.iter_batches(_PARQUET_ROWS, use_threads=False):
                size = batch.nbytes // max(1, batch.num_rows)
                for row in batch.to_pylist():
                    number += 1
                    yield number, row, size
        except (arrow_error, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{source}, after row {number}: cannot be read: {_line(error)}; copy it again") from None


def _line(error):
    return " ".join(str(error).split())
