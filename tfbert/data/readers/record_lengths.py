"""The lengths of the records of a TFRecord file, against the length of the file.

Source of the format: tensorflow/core/lib/io/record_reader.h.
"""

from __future__ import annotations

import mmap
import os
import struct

HEADER = struct.Struct("<QI")  # of a record: its length, and the hash of the length
FOOTER_BYTES = 4  # the record's hash


def first_cut_record(path: str | os.PathLike[str]) -> int | None:
    """The number, from 1, of the first record that does not lie in the file; None if all do.

    TensorFlow's reader allocates what a header says, and where there is not so much memory the process crashes: call
    this first. It reads the headers alone.

    >>> with tf.io.TFRecordWriter("two.tfrecord") as writer:
    ...     writer.write(b"one"), writer.write(b"two")
    (None, None)
    >>> first_cut_record("two.tfrecord")
    >>> size = pathlib.Path("cut.tfrecord").write_bytes(pathlib.Path("two.tfrecord").read_bytes()[:-1])
    >>> first_cut_record("cut.tfrecord")
    2
    """
    size = os.path.getsize(path)
    if not size:
        return None  # it cannot be mapped
    begin, number = 0, 0
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while begin < size:
            number += 1
            if begin + HEADER.size > size:
                return number
            begin += HEADER.size + HEADER.unpack_from(data, begin)[0] + FOOTER_BYTES
    return number if begin > size else None
